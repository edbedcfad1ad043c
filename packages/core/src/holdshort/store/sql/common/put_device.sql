INSERT INTO devices (tenant, kind, id, person, created_at, doc) VALUES (:tenant, :kind, :id, :person, :created_at, :doc)
ON CONFLICT (tenant, kind, id) DO UPDATE SET person = excluded.person, doc = excluded.doc;
