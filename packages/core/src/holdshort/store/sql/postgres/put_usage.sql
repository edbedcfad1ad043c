UPDATE agent_usage SET doc = new.doc
FROM unnest(:tenants::text[], :agents::text[], :days::bigint[], :docs::text[])
AS new (tenant, agent, day, doc)
WHERE agent_usage.tenant = new.tenant AND agent_usage.agent = new.agent
    AND agent_usage.day = new.day;
