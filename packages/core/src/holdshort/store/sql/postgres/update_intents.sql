-- The version guards the write: a row that moved since it was read is not touched, and where one is
-- missing the whole transaction ends (so the count need not come back before COMMIT is sent).
WITH moved AS (
    UPDATE intents SET
        version = new.version, status = new.status, wake_at = new.wake_at,
        lease_at = new.lease_at, state = new.state, grant_until = new.permit,
        digest = new.digest
    FROM unnest(
        :tenants::text[], :ids::text[], :reads::integer[], :versions::integer[], :statuses::text[],
        :wakes::bigint[], :leases::bigint[], :states::text[], :permits::bigint[], :digests::text[])
    AS new (tenant, id, read, version, status, wake_at, lease_at, state, permit, digest)
    WHERE intents.tenant = new.tenant AND intents.id = new.id AND intents.version = new.read
    RETURNING 1)
SELECT expect_rows((SELECT COUNT(*) FROM moved), cardinality(:ids::text[]));
