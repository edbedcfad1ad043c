-- In id order, so that two replicas that lock the same rows never wait for each other in a circle.
SELECT doc FROM runs
WHERE (tenant, agent, id) IN (
    SELECT * FROM unnest(:tenants::text[], :agents::text[], :ids::text[]))
ORDER BY tenant, agent, id
FOR UPDATE OF runs;
