SELECT data FROM run_states WHERE tenant = :tenant AND agent = :agent AND id = :id;
