DELETE FROM assignments
WHERE (tenant, intent_id) IN (SELECT * FROM unnest(:tenants::text[], :ids::text[]));
