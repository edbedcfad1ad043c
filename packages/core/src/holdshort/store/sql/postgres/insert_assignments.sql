INSERT INTO assignments (tenant, address, intent_id)
SELECT * FROM unnest(:tenants::text[], :addresses::text[], :ids::text[])
ON CONFLICT DO NOTHING;
