-- Materialized: were the subquery run again for each row, it would skip and lock others each time.
WITH claimed AS MATERIALIZED (
    SELECT tenant, id FROM deliveries
    WHERE state = 'pending' AND next_at <= :now
    ORDER BY next_at LIMIT :limit
    FOR UPDATE SKIP LOCKED)
UPDATE deliveries SET next_at = :until FROM claimed
WHERE deliveries.tenant = claimed.tenant AND deliveries.id = claimed.id
RETURNING deliveries.*;
