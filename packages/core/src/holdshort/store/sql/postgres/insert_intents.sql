-- In key order, so that two replicas that file under the same keys never wait in a circle.
INSERT INTO intents
    (tenant, id, version, status, agent, intent_type, idempotency_key, wake_at, lease_at, state,
     grant_until, digest)
SELECT tenant, id, version, status, agent, intent_type, key, wake_at, lease_at, state, permit, digest
FROM unnest(
    :tenants::text[], :ids::text[], :versions::integer[], :statuses::text[], :agents::text[],
    :types::text[], :keys::text[], :wakes::bigint[], :leases::bigint[], :states::text[],
    :permits::bigint[], :digests::text[])
AS new (tenant, id, version, status, agent, intent_type, key, wake_at, lease_at, state, permit, digest)
ORDER BY tenant COLLATE "C", agent COLLATE "C", key COLLATE "C";
