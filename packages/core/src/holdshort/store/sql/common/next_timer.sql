SELECT MIN(wake_at) FROM intents WHERE wake_at IS NOT NULL;
