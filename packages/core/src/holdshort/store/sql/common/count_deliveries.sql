SELECT state, COUNT(*) FROM deliveries GROUP BY state;
