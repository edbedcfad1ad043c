CREATE FUNCTION expect_rows(moved BIGINT, wanted BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    IF moved <> wanted THEN
        RAISE EXCEPTION 'a row changed between being read and being written' USING ERRCODE = 'HS001';
    END IF;
END;
$$;

CREATE FUNCTION refuse_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log only grows: % of events is refused', TG_OP;
END;
$$;

CREATE TABLE intents (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN (
        'CREATED', 'SUBMITTED', 'DELIVERED', 'ACKNOWLEDGED', 'IN_PROGRESS', 'WAITING',
        'COMPLETED', 'FAILED', 'CANCELED', 'TIMED_OUT')),
    agent TEXT COLLATE "C" NOT NULL,
    intent_type TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    wake_at BIGINT,
    lease_at BIGINT,
    state TEXT NOT NULL,
    grant_until BIGINT,
    digest TEXT COLLATE "C" NOT NULL DEFAULT '',
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
    tenant TEXT COLLATE "C" NOT NULL,
    intent_id TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, intent_id)
);

CREATE TABLE continuations (
    tenant TEXT COLLATE "C" NOT NULL,
    intent_id TEXT COLLATE "C" NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (tenant, intent_id)
);

CREATE TABLE events (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    intent_id TEXT COLLATE "C" NOT NULL,
    seq INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    at BIGINT NOT NULL,
    line TEXT NOT NULL,
    hash TEXT NOT NULL,
    UNIQUE (tenant, intent_id, seq)
);

CREATE TRIGGER events_are_never_changed
BEFORE UPDATE OR DELETE OR TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE assignments (
    tenant TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    intent_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, address, intent_id)
);

CREATE INDEX assignments_by_intent ON assignments (tenant, intent_id);

CREATE TABLE deliveries (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    intent_id TEXT COLLATE "C" NOT NULL,
    reason TEXT NOT NULL,
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'sent', 'dead')),
    attempts INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    last_error TEXT,
    receipt TEXT,
    fallbacks TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (tenant, id)
);

CREATE INDEX deliveries_pending ON deliveries (next_at) WHERE state = 'pending';

CREATE INDEX deliveries_by_intent ON deliveries (tenant, intent_id);

CREATE TABLE entries (
    tenant TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, name)
);

CREATE TABLE api_keys (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('agent', 'person', 'service')),
    subject TEXT NOT NULL,
    owner TEXT,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (tenant, id)
);

CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (hash);

CREATE TABLE runs (
    tenant TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    app TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL,
    lease_at BIGINT,
    doc TEXT NOT NULL,
    PRIMARY KEY (tenant, agent, id)
);

CREATE INDEX runs_leasable ON runs (tenant, agent, app, lease_at)
WHERE lease_at IS NOT NULL;

CREATE TABLE run_states (
    tenant TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (tenant, agent, id)
);

CREATE TABLE sessions (
    hash TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (hash)
);

CREATE INDEX sessions_by_person ON sessions (tenant, person);

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

CREATE TABLE agent_usage (
    tenant TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (tenant, agent, day)
);
