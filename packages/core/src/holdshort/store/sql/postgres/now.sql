SELECT floor(extract(EPOCH FROM clock_timestamp()) * 1000)::bigint;
