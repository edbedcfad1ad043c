"""One tenant, one agent: the other's things do not exist. field.md 3.3, attacks 57 and 59."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from holdshort.server.contract import ENDPOINTS, Endpoint

from .house import AGENT, ANA, TYPE, House
from .requests_for import body_for, name_for, query_for, things

pytestmark = pytest.mark.anyio

I = "/v1/intents/{intent_id}"  # noqa: E741
WITH_ID = [e for e in ENDPOINTS if "{" in e.path]


def test_the_sweep_covers_every_route_with_an_id() -> None:
    assert {name for e in WITH_ID for name in re.findall(r"{(\w+)}", e.path)} == {
        "intent_id", "delivery_id", "key_id", "name", "absence_id", "sha256", "agent",
    }  # fmt: skip


@pytest.mark.parametrize("endpoint", WITH_ID, ids=lambda e: f"{e.method} {e.path}")
async def test_another_tenants_ids_are_not_found(endpoint: Endpoint, house: House) -> None:
    # The same names on both sides, so that nothing but the tenant keeps them apart.
    keys = {
        "agent": await house.key("agent", AGENT, tenant="other"),
        "person": await house.key("person", ANA, tenant="other"),
        "service": await house.key("service", "admin", tenant="other"),
    }
    names = (await things(house)).names(endpoint)
    before = await contents(house)
    for role in endpoint.roles:
        response = await house.call(
            endpoint.method,
            endpoint.path,
            keys[role],
            body_for(endpoint),
            query=query_for(endpoint),
            **names,
        )
        # Writing one's own tenant's person of the same name is no trespass; nor is looking at the
        # limits of one's own agent, which has none here.
        limits = (endpoint.method, endpoint.path) == ("GET", "/v1/limits/{agent}")
        assert not limits or response.json()["limits"] is None
        own = endpoint.method == "PUT" or limits
        assert response.status_code == (200 if own else 404), (role, response.text)
        if not own:
            assert name_for(endpoint) or names["intent_id"] not in response.text
    assert await contents(house) == before


async def test_lists_show_nothing_of_another_tenant(house: House) -> None:
    found = await things(house)
    agent = await house.key("agent", AGENT, tenant="other")
    admin = await house.key("service", "admin", tenant="other")
    ana = await house.key("person", ANA, tenant="other")
    key = (await house.look(found.intent_id))["idempotency_key"]
    queries: list[tuple[str, str, dict[str, str], str]] = [
        ("/v1/intents", agent, {"key": key}, "intents"),
        ("/v1/intents", admin, {"key": key, "agent": AGENT}, "intents"),
        ("/v1/intents", admin, {"agent": AGENT}, "intents"),
        ("/v1/tasks", ana, {}, "tasks"),
        ("/v1/tasks", admin, {"all": "true"}, "tasks"),
        ("/v1/deliveries", admin, {"intent_id": found.intent_id}, "deliveries"),
        ("/v1/people", admin, {}, "items"),
        ("/v1/teams", admin, {}, "items"),
        ("/v1/policies", admin, {}, "items"),
        ("/v1/webhooks", admin, {}, "items"),
    ]
    for path, reader, query, name in queries:
        assert (await house.ok("GET", path, reader, query=query))[name] == [], path
    await house.refused(404, "GET", "/v1/audit/export", admin, query={"intent_id": found.intent_id})
    exported = await house.call("GET", "/v1/audit/export", admin)
    assert found.intent_id not in exported.text


async def test_another_tenants_intent_cannot_be_superseded(house: House) -> None:
    mine = await house.ask()
    stranger = await house.key("agent", AGENT, tenant="other")
    body = {"intent_type": TYPE, "to": ANA, "supersedes": mine}
    await house.refused(404, "POST", "/v1/intents", stranger, body)
    assert (await house.look(mine))["status"] == "WAITING"


@pytest.mark.parametrize(
    "endpoint",
    [e for e in WITH_ID if "agent" in e.roles],
    ids=lambda e: f"{e.method} {e.path}",
)
async def test_one_agent_does_not_see_anothers_intents(endpoint: Endpoint, house: House) -> None:
    stranger = await house.key("agent", "agent://acme/production/stranger")
    names = (await things(house)).names(endpoint)
    await house.decide(names["intent_id"])
    response = await house.call(
        endpoint.method,
        endpoint.path,
        stranger,
        body_for(endpoint),
        query=query_for(endpoint),
        **names,
    )
    assert response.status_code == 404
    missing = await house.call(
        endpoint.method,
        endpoint.path,
        stranger,
        body_for(endpoint),
        query=query_for(endpoint),
        **names | {"intent_id": "01890a5d-ac96-774b-bcce-b302099a8057"},
    )
    assert missing.status_code == 404, "what is not there looks the same as what is not theirs"


async def test_one_agent_neither_lists_nor_finds_nor_supersedes_anothers(house: House) -> None:
    mine = await house.ask(resume="worker")
    await house.decide(mine)
    key = (await house.look(mine))["idempotency_key"]
    stranger = await house.key("agent", "agent://acme/production/stranger")
    for query in ({}, {"agent": AGENT}, {"key": key}, {"status": "COMPLETED"}):
        assert (await house.ok("GET", "/v1/intents", stranger, query=query))["intents"] == []
    body = {"worker": "w", "intent_types": [TYPE]}
    assert (await house.ok("POST", "/v1/leases", stranger, body))["jobs"] == []
    body = {"intent_type": TYPE, "to": ANA, "supersedes": mine}
    await house.refused(404, "POST", "/v1/intents", stranger, body)
    assert (await house.look(mine))["superseded_by"] is None


async def contents(house: House) -> dict[str, list[tuple[object, ...]]]:
    """Every row that belongs to the tenant `default`."""
    path = Path(house.database.removeprefix("sqlite:///"))
    connection = sqlite3.connect(path)
    try:
        tables = [name for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        )]  # fmt: skip
        found = {}
        for table in tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            if "tenant" in columns:
                found[table] = connection.execute(
                    f"SELECT * FROM {table} WHERE tenant = 'default' ORDER BY 1, 2, 3"
                ).fetchall()
    finally:
        connection.close()
    assert len(found["intents"]) > 0
    return found
