SELECT tenant, id FROM intents
WHERE tenant = :tenant AND agent = ANY(:agents::text[])
    AND status IN ('CREATED', 'SUBMITTED', 'DELIVERED', 'ACKNOWLEDGED', 'IN_PROGRESS', 'WAITING')
UNION
SELECT tenant, id FROM intents
WHERE tenant = :tenant AND agent = ANY(:agents::text[])
    AND grant_until IS NOT NULL AND grant_until > :now
ORDER BY id;
