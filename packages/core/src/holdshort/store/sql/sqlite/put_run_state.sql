INSERT INTO run_states (tenant, agent, id, data) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant, agent, id) DO UPDATE SET data = excluded.data;
