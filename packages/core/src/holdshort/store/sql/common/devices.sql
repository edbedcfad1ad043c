SELECT tenant, kind, id, person, created_at, doc FROM devices
WHERE
    tenant = :tenant AND kind = :kind
    AND (CAST(:person AS TEXT) IS NULL OR person = :person)
ORDER BY created_at, id;
