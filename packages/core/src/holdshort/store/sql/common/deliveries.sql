SELECT * FROM deliveries
WHERE
    tenant = :tenant AND id < :before
    AND (:intent_id IS NULL OR intent_id = :intent_id)
    AND (:state IS NULL OR state = :state)
ORDER BY id DESC LIMIT :limit;
