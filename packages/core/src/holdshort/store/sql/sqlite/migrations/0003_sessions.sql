CREATE TABLE sessions (
    hash TEXT NOT NULL,
    tenant TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('session', 'link')),
    person TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (hash)
);

CREATE INDEX sessions_by_person ON sessions (tenant, person);
