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
