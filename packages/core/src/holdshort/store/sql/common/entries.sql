SELECT kind, name, doc FROM entries
WHERE tenant = :tenant AND (:kind IS NULL OR kind = :kind)
ORDER BY kind, name;
