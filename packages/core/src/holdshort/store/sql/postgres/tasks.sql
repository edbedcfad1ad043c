SELECT state FROM intents
WHERE tenant = :tenant AND id > :after AND id IN (
    SELECT intent_id FROM assignments
    WHERE tenant = :tenant AND address = ANY(:addresses::text[]))
ORDER BY id LIMIT :limit;
