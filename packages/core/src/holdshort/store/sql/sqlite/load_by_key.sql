SELECT state FROM intents
WHERE (tenant, agent, idempotency_key) IN (
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:refs));
