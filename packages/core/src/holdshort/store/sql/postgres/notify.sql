SELECT pg_notify('holdshort', payload) FROM unnest(:payloads::text[]) AS payload;
