SELECT * FROM deliveries
WHERE
    tenant = :tenant AND id < :before
    AND (CAST(:intent_id AS TEXT) IS NULL OR intent_id = :intent_id)
    AND (CAST(:state AS TEXT) IS NULL OR state = :state)
    AND (CAST(:channel AS TEXT) IS NULL OR channel = :channel)
ORDER BY id DESC LIMIT :limit;
