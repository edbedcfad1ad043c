SELECT doc FROM runs
WHERE (tenant, agent, id) IN (
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:refs));
