SELECT hash, tenant, purpose, person, created_at, expires_at FROM sessions WHERE hash = :hash;
