SELECT doc FROM runs
WHERE
    tenant = :tenant AND (:agent IS NULL OR agent = :agent) AND (:app IS NULL OR app = :app)
    AND (:status IS NULL OR status = :status) AND id > :after
ORDER BY id LIMIT :limit;
