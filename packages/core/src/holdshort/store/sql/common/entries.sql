SELECT kind, name, doc FROM entries
WHERE tenant = :tenant AND (CAST(:kind AS TEXT) IS NULL OR kind = :kind)
ORDER BY kind, name;
