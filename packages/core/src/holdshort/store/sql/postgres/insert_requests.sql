INSERT INTO requests (tenant, intent_id, body)
SELECT * FROM unnest(:tenants::text[], :ids::text[], :bodies::text[]);
