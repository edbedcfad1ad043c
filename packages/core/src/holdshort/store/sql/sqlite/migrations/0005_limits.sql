ALTER TABLE intents ADD COLUMN grant_until INTEGER;

UPDATE intents SET grant_until = json_extract(state, '$.grant.expires_at')
WHERE json_extract(state, '$.grant.state') IS NULL;

ALTER TABLE intents ADD COLUMN digest TEXT NOT NULL DEFAULT '';

UPDATE intents SET digest = coalesce(json_extract(state, '$.digest'), '');

CREATE INDEX intents_by_digest ON intents (tenant, agent, digest);

CREATE INDEX intents_permitted ON intents (tenant, agent, grant_until)
WHERE grant_until IS NOT NULL;

CREATE TABLE agent_usage (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    day INTEGER NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (tenant, agent, day)
) WITHOUT ROWID;
