ALTER TABLE intents ADD COLUMN grant_until BIGINT;

UPDATE intents SET grant_until = (state::json -> 'grant' ->> 'expires_at')::bigint
WHERE state::json -> 'grant' ->> 'state' IS NULL AND state::json -> 'grant' IS NOT NULL;

CREATE INDEX intents_permitted ON intents (tenant, agent, grant_until)
WHERE grant_until IS NOT NULL;

CREATE TABLE agent_usage (
    tenant TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (tenant, agent, day)
);
