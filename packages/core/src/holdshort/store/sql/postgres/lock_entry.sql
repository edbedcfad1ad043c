SELECT doc FROM entries
WHERE tenant = :tenant AND kind = :kind AND name = :name
FOR UPDATE;
