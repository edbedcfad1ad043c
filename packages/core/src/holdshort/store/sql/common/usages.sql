SELECT agent, doc FROM agent_usage WHERE tenant = :tenant AND day = :day ORDER BY agent;
