INSERT INTO api_keys (tenant, id, hash, role, subject, owner, name, created_at)
VALUES (:tenant, :id, :hash, :role, :subject, :owner, :name, :created_at);
