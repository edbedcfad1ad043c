SELECT state FROM intents
WHERE
    tenant = :tenant AND status = :status AND id < :before
    AND (CAST(:agent AS TEXT) IS NULL OR agent = :agent)
    AND (CAST(:intent_type AS TEXT) IS NULL OR intent_type = :intent_type)
ORDER BY id DESC LIMIT :limit;
