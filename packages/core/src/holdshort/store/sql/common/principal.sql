SELECT tenant, id, role, subject, owner FROM api_keys WHERE hash = :hash AND revoked_at IS NULL;
