ALTER TABLE deliveries ADD COLUMN receipt TEXT;
ALTER TABLE deliveries ADD COLUMN fallbacks TEXT NOT NULL DEFAULT '[]';

ALTER TABLE entries DROP CONSTRAINT entries_kind_check;

ALTER TABLE sessions DROP CONSTRAINT sessions_purpose_check;
ALTER TABLE sessions ADD COLUMN doc TEXT NOT NULL DEFAULT '{}';
ALTER TABLE sessions ALTER COLUMN doc DROP DEFAULT;

CREATE TABLE devices (
    tenant TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);

CREATE UNIQUE INDEX devices_by_id ON devices (kind, id);

CREATE INDEX devices_by_person ON devices (tenant, kind, person);

CREATE TABLE files (
    tenant TEXT COLLATE "C" NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    media TEXT NOT NULL,
    size BIGINT NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (tenant, sha256)
);
