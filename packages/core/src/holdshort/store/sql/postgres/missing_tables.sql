SELECT name FROM unnest(:names::text[]) AS name WHERE to_regclass('holdshort.' || name) IS NULL;
