ALTER TABLE deliveries ADD COLUMN receipt TEXT;
ALTER TABLE deliveries ADD COLUMN fallbacks TEXT NOT NULL DEFAULT '[]';

ALTER TABLE entries RENAME TO old_entries;

CREATE TABLE entries (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, name)
) WITHOUT ROWID;

INSERT INTO entries SELECT tenant, kind, name, doc FROM old_entries;

DROP TABLE old_entries;

DROP INDEX sessions_by_person;

ALTER TABLE sessions RENAME TO old_sessions;

CREATE TABLE sessions (
    hash TEXT NOT NULL,
    tenant TEXT NOT NULL,
    purpose TEXT NOT NULL,
    person TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (hash)
);

CREATE INDEX sessions_by_person ON sessions (tenant, person);

INSERT INTO sessions
SELECT hash, tenant, purpose, person, created_at, expires_at, '{}' FROM old_sessions;

DROP TABLE old_sessions;

CREATE TABLE devices (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    person TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX devices_by_id ON devices (kind, id);

CREATE INDEX devices_by_person ON devices (tenant, kind, person);

CREATE TABLE files (
    tenant TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    media TEXT NOT NULL,
    size INTEGER NOT NULL,
    person TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (tenant, sha256)
);
