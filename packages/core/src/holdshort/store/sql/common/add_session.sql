INSERT INTO sessions (hash, tenant, purpose, person, created_at, expires_at)
VALUES (:hash, :tenant, :purpose, :person, :created_at, :expires_at);
