INSERT INTO entries (tenant, kind, name, doc) VALUES (:tenant, :kind, :name, :doc)
ON CONFLICT (tenant, kind, name) DO NOTHING;
