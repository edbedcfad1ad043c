INSERT INTO run_states (tenant, agent, id, data) VALUES (:tenant, :agent, :id, :data)
ON CONFLICT (tenant, agent, id) DO UPDATE SET data = excluded.data;
