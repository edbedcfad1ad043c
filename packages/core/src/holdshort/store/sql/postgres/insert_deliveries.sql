INSERT INTO deliveries
    (tenant, id, intent_id, reason, channel, recipient, body, state, attempts, next_at, created_at,
    fallbacks)
SELECT * FROM unnest(
    :tenants::text[], :ids::text[], :intent_ids::text[], :reasons::text[], :channels::text[],
    :recipients::text[], :bodies::text[], :states::text[], :attempts::integer[],
    :nexts::bigint[], :times::bigint[], :fallbacks::text[]);
