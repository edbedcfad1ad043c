SELECT tenant, agent, id FROM runs
WHERE
    tenant = :tenant AND agent = :agent AND lease_at <= :now AND app = ANY(:apps::text[])
ORDER BY lease_at LIMIT :limit
FOR UPDATE SKIP LOCKED;
