SELECT doc FROM runs
WHERE
    tenant = :tenant AND (:agent::text IS NULL OR agent = :agent)
    AND (:app::text IS NULL OR app = :app) AND (:status::text IS NULL OR status = :status)
    AND id > :after
ORDER BY id LIMIT :limit;
