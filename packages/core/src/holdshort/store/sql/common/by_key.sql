SELECT state FROM intents
WHERE tenant = :tenant AND agent = :agent AND idempotency_key = :key;
