INSERT INTO continuations (tenant, intent_id, data) VALUES (:tenant, :intent_id, :data);
