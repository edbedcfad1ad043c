DELETE FROM sessions WHERE tenant = :tenant AND person = :person
RETURNING hash;
