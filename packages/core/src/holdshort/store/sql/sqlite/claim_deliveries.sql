UPDATE deliveries SET next_at = :until
WHERE rowid IN (
    SELECT rowid FROM deliveries
    WHERE state = 'pending' AND next_at <= :now ORDER BY next_at LIMIT :limit)
RETURNING *;
