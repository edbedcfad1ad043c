SELECT state FROM intents
WHERE
    tenant = :tenant AND status = :status AND id < :before
    AND (:agent IS NULL OR agent = :agent)
    AND (:intent_type IS NULL OR intent_type = :intent_type)
ORDER BY id DESC LIMIT :limit;
