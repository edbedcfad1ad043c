SELECT tenant, id FROM intents WHERE wake_at <= :now
ORDER BY wake_at LIMIT :limit
FOR UPDATE SKIP LOCKED;
