SELECT state FROM intents
WHERE tenant = :tenant AND id > :after AND id IN (
    SELECT intent_id FROM assignments
    WHERE tenant = :tenant AND address IN (SELECT value FROM json_each(:addresses)))
ORDER BY id LIMIT :limit;
