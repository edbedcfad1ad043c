-- In key order, so that two replicas that count for the same agents never wait in a circle.
SELECT tenant, agent, day, doc FROM agent_usage
WHERE (tenant, agent, day) IN (
    SELECT * FROM unnest(:tenants::text[], :agents::text[], :days::bigint[]))
ORDER BY tenant, agent, day
FOR UPDATE;
