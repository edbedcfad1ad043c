SELECT tenant, id FROM intents
WHERE
    tenant = :tenant AND agent = :agent AND lease_at <= :now
    AND intent_type IN (SELECT value FROM json_each(:intent_types))
ORDER BY lease_at LIMIT :limit;
