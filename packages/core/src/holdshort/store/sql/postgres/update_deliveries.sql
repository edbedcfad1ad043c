UPDATE deliveries SET
    state = new.state, attempts = new.attempts, next_at = new.next_at, sent_at = new.sent_at,
    last_error = new.last_error
FROM unnest(
    :tenants::text[], :ids::text[], :states::text[], :attempts::integer[], :nexts::bigint[],
    :sents::bigint[], :errors::text[])
AS new (tenant, id, state, attempts, next_at, sent_at, last_error)
WHERE deliveries.tenant = new.tenant AND deliveries.id = new.id;
