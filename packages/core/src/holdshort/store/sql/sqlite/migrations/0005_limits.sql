ALTER TABLE intents ADD COLUMN grant_until INTEGER;

UPDATE intents SET grant_until = json_extract(state, '$.grant.expires_at')
WHERE json_extract(state, '$.grant.state') IS NULL;

CREATE INDEX intents_permitted ON intents (tenant, agent, grant_until)
WHERE grant_until IS NOT NULL;

CREATE TABLE agent_usage (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    day INTEGER NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (tenant, agent, day)
) WITHOUT ROWID;
