SELECT tenant, kind, id, person, created_at, doc FROM devices WHERE kind = :kind AND id = :id;
