INSERT INTO events (tenant, intent_id, seq, event_type, at, line, hash) VALUES (?, ?, ?, ?, ?, ?, ?);
