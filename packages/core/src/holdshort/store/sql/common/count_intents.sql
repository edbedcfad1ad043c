-- Grouped as the index lies, so that nothing is sorted however many there are.
SELECT status, CAST(SUM(n) AS BIGINT)
FROM (SELECT status, COUNT(*) AS n FROM intents GROUP BY tenant, status) AS counted
GROUP BY status;
