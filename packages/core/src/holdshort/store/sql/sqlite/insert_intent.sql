INSERT INTO intents
    (tenant, id, version, status, agent, intent_type, idempotency_key, wake_at, lease_at, state,
     grant_until, digest)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
