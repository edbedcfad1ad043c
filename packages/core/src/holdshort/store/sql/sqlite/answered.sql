SELECT state FROM intents
WHERE tenant = :tenant AND agent = :agent AND digest IN (SELECT value FROM json_each(:digests))
    AND status IN ('COMPLETED', 'TIMED_OUT')
ORDER BY id DESC LIMIT :limit;
