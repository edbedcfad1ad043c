SELECT
    channel,
    CASE WHEN channel = 'webhook' THEN recipient ELSE '' END AS endpoint,
    state,
    COUNT(*),
    MAX(COALESCE(sent_at, created_at))
FROM deliveries
WHERE tenant = :tenant AND created_at >= :since
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;
