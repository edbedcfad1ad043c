INSERT INTO runs (tenant, agent, id, app, status, version, lease_at, doc)
VALUES (:tenant, :agent, :id, :app, :status, :version, :lease_at, :doc);
