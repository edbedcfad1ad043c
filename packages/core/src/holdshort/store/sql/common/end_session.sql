DELETE FROM sessions WHERE hash = :hash
RETURNING hash, tenant, purpose, person, created_at, expires_at, doc;
