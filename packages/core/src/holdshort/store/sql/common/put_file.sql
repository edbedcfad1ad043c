INSERT INTO files (tenant, sha256, name, media, size, person, created_at, data)
VALUES (:tenant, :sha256, :name, :media, :size, :person, :created_at, :data)
ON CONFLICT (tenant, sha256) DO NOTHING;
