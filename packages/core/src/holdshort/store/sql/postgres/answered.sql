SELECT state FROM intents
WHERE tenant = :tenant AND agent = :agent AND digest = ANY(:digests::text[])
    AND status IN ('COMPLETED', 'TIMED_OUT')
ORDER BY id DESC LIMIT :limit;
