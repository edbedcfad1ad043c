-- In key order, so that two replicas that count for the same agents never wait in a circle.
INSERT INTO agent_usage (tenant, agent, day, doc)
SELECT tenant, agent, day, '{}'
FROM unnest(:tenants::text[], :agents::text[], :days::bigint[]) AS new (tenant, agent, day)
ORDER BY tenant COLLATE "C", agent COLLATE "C", day
ON CONFLICT (tenant, agent, day) DO NOTHING;
