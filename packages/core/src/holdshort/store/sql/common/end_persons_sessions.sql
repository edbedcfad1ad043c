DELETE FROM sessions
WHERE
    tenant = :tenant AND person = :person
    AND purpose IN ('session', 'link', 'challenge', 'code')
RETURNING hash;
