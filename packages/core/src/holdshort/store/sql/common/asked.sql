SELECT i.state, LENGTH(r.body) FROM intents AS i
INNER JOIN requests AS r ON i.tenant = r.tenant AND i.id = r.intent_id
WHERE i.tenant = :tenant AND i.id < :before
ORDER BY i.id DESC LIMIT :limit;
