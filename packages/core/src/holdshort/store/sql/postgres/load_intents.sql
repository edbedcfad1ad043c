-- In id order, so that two replicas that lock the same rows never wait for each other in a circle.
SELECT state FROM intents
WHERE (tenant, id) IN (SELECT * FROM unnest(:tenants::text[], :ids::text[]))
ORDER BY tenant, id
FOR UPDATE OF intents;
