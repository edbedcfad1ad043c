INSERT INTO agent_usage (tenant, agent, day, doc) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant, agent, day) DO UPDATE SET doc = excluded.doc;
