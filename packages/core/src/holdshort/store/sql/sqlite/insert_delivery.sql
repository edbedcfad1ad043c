INSERT INTO deliveries
    (tenant, id, intent_id, reason, channel, recipient, body, state, attempts, next_at, created_at,
    fallbacks)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
