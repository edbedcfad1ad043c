ALTER TABLE intents ADD COLUMN grant_until BIGINT;

UPDATE intents SET grant_until = (state::json -> 'grant' ->> 'expires_at')::bigint
WHERE state::json -> 'grant' ->> 'state' IS NULL AND state::json -> 'grant' IS NOT NULL;

ALTER TABLE intents ADD COLUMN digest TEXT COLLATE "C" NOT NULL DEFAULT '';

UPDATE intents SET digest = coalesce(state::json ->> 'digest', '');

CREATE INDEX intents_by_digest ON intents (tenant, agent, digest);

CREATE INDEX intents_permitted ON intents (tenant, agent, grant_until)
WHERE grant_until IS NOT NULL;

CREATE TABLE agent_usage (
    tenant TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (tenant, agent, day)
);
