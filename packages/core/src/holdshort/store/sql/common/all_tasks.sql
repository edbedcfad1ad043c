SELECT state FROM intents
WHERE tenant = :tenant AND status = 'WAITING' AND id > :after
ORDER BY id LIMIT :limit;
