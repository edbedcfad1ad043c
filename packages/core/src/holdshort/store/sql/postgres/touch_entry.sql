-- There has to be a row before it can be locked.
INSERT INTO entries (tenant, kind, name, doc) VALUES (:tenant, :kind, :name, '{}')
ON CONFLICT (tenant, kind, name) DO NOTHING;
