INSERT INTO requests (tenant, intent_id, body) VALUES (?, ?, ?);
