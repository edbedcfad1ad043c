SELECT state FROM intents
WHERE (tenant, id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(:refs));
