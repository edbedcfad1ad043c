SELECT tenant, agent, id FROM runs
WHERE
    tenant = :tenant AND agent = :agent AND lease_at <= :now
    AND app IN (SELECT value FROM json_each(:apps))
ORDER BY lease_at LIMIT :limit;
