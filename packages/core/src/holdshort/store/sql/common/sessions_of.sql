SELECT hash, tenant, purpose, person, created_at, expires_at, doc FROM sessions
WHERE tenant = :tenant AND person = :person
ORDER BY purpose <> 'session', created_at DESC, hash LIMIT 200;
