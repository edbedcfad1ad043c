SELECT state FROM intents
WHERE (tenant, agent, idempotency_key) IN (
    SELECT * FROM unnest(:tenants::text[], :agents::text[], :keys::text[]))
ORDER BY tenant, id
FOR UPDATE OF intents;
