DELETE FROM devices WHERE tenant = :tenant AND kind = :kind AND id = :id
RETURNING id;
