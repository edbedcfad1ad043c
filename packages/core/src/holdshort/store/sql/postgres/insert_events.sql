INSERT INTO events (tenant, intent_id, seq, event_type, at, line, hash)
SELECT * FROM unnest(
    :tenants::text[], :ids::text[], :seqs::integer[], :types::text[], :times::bigint[],
    :lines::text[], :hashes::text[]);
