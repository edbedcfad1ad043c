-- The version guards the write: where it has moved, the whole transaction ends.
WITH moved AS (
    UPDATE runs SET
        app = :app, status = :status, version = :version, lease_at = :lease_at, doc = :doc
    WHERE tenant = :tenant AND agent = :agent AND id = :id AND version = :read
    RETURNING 1)
SELECT expect_rows((SELECT COUNT(*) FROM moved), 1);
