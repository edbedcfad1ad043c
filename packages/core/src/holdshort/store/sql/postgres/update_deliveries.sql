UPDATE deliveries SET
    state = new.state, attempts = new.attempts, next_at = new.next_at, sent_at = new.sent_at,
    last_error = new.last_error, receipt = new.receipt, fallbacks = new.fallbacks
FROM unnest(
    :tenants::text[], :ids::text[], :states::text[], :attempts::integer[], :nexts::bigint[],
    :sents::bigint[], :errors::text[], :receipts::text[], :fallbacks::text[])
AS new (tenant, id, state, attempts, next_at, sent_at, last_error, receipt, fallbacks)
WHERE deliveries.tenant = new.tenant AND deliveries.id = new.id;
