SELECT tenant, agent, day, doc FROM agent_usage
WHERE (tenant, agent, day) IN (
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:refs));
