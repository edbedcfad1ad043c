SELECT tenant, id, role, subject, owner, name, created_at, revoked_at FROM api_keys
WHERE tenant = :tenant ORDER BY id;
