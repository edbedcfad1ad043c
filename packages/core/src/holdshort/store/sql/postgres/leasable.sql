SELECT tenant, id FROM intents
WHERE
    tenant = :tenant AND agent = :agent AND lease_at <= :now
    AND intent_type = ANY(:intent_types::text[])
ORDER BY lease_at LIMIT :limit
FOR UPDATE SKIP LOCKED;
