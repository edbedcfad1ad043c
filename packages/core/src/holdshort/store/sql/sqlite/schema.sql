CREATE TABLE intents (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN (
        'CREATED', 'SUBMITTED', 'DELIVERED', 'ACKNOWLEDGED', 'IN_PROGRESS', 'WAITING',
        'COMPLETED', 'FAILED', 'CANCELED', 'TIMED_OUT')),
    agent TEXT NOT NULL,
    intent_type TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    wake_at INTEGER,
    lease_at INTEGER,
    state TEXT NOT NULL, grant_until INTEGER, digest TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id)
);

CREATE UNIQUE INDEX intents_by_key ON intents (tenant, agent, idempotency_key);

CREATE INDEX intents_by_status ON intents (tenant, status, id);

CREATE INDEX intents_due ON intents (wake_at) WHERE wake_at IS NOT NULL;

CREATE INDEX intents_leasable ON intents (tenant, agent, intent_type, lease_at)
WHERE lease_at IS NOT NULL;

CREATE INDEX intents_by_digest ON intents (tenant, agent, digest);

CREATE INDEX intents_permitted ON intents (tenant, agent, grant_until)
WHERE grant_until IS NOT NULL;

CREATE TABLE requests (
    tenant TEXT NOT NULL,
    intent_id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, intent_id)
);

CREATE TABLE continuations (
    tenant TEXT NOT NULL,
    intent_id TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (tenant, intent_id)
);

CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    intent_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    at INTEGER NOT NULL,
    line TEXT NOT NULL,
    hash TEXT NOT NULL,
    UNIQUE (tenant, intent_id, seq)
);

CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'the log only grows: an event is never changed');
END;

CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'the log only grows: an event is never deleted');
END;

CREATE TABLE assignments (
    tenant TEXT NOT NULL,
    address TEXT NOT NULL,
    intent_id TEXT NOT NULL,
    PRIMARY KEY (tenant, address, intent_id)
) WITHOUT ROWID;

CREATE INDEX assignments_by_intent ON assignments (tenant, intent_id);

CREATE TABLE deliveries (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    intent_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'dead')),
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    sent_at INTEGER,
    last_error TEXT, receipt TEXT, fallbacks TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (tenant, id)
);

CREATE INDEX deliveries_pending ON deliveries (next_at) WHERE state = 'pending';

CREATE INDEX deliveries_by_intent ON deliveries (tenant, intent_id);

CREATE TABLE entries (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, name)
) WITHOUT ROWID;

CREATE TABLE api_keys (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('agent', 'person', 'service')),
    subject TEXT NOT NULL,
    owner TEXT,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (hash);

CREATE TABLE runs (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    id TEXT NOT NULL,
    app TEXT NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    lease_at INTEGER,
    doc TEXT NOT NULL,
    PRIMARY KEY (tenant, agent, id)
);

CREATE INDEX runs_leasable ON runs (tenant, agent, app, lease_at)
WHERE lease_at IS NOT NULL;

CREATE TABLE run_states (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    id TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (tenant, agent, id)
);

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

CREATE TABLE agent_usage (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    day INTEGER NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (tenant, agent, day)
) WITHOUT ROWID;
