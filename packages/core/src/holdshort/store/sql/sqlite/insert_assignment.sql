INSERT OR IGNORE INTO assignments (tenant, address, intent_id) VALUES (?, ?, ?);
