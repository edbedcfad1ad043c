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
