SELECT hash, tenant, purpose, person, created_at, expires_at, doc FROM sessions WHERE hash = :hash;
