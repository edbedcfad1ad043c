-- Two replicas that start at once: one migrates, the other waits for as long as that takes.
SELECT set_config('lock_timeout', '0', TRUE), pg_advisory_xact_lock(4822905177113290);
