INSERT INTO sessions (hash, tenant, purpose, person, created_at, expires_at, doc)
VALUES (:hash, :tenant, :purpose, :person, :created_at, :expires_at, :doc);
