SELECT status, COUNT(*) FROM intents GROUP BY status;
