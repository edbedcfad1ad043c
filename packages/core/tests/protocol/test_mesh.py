"""Agents' signs of life, and the switch that stops one of them (field.md 3.3)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ..server.house import opened
from .conftest import AGENT, ANA, ANALYST, Wire

pytestmark = pytest.mark.anyio

AGENTS = "/v1/mesh/agents"


async def health(wire: Wire, address: str = ANALYST) -> Any:
    found = await wire.ok("GET", AGENTS, wire.admin)
    return next(one for one in found["agents"] if one["address"] == address)["health_status"]


async def test_health_follows_from_the_heartbeats(wire: Wire) -> None:
    assert await health(wire) == "unknown"
    beat = {"metrics": {"intents_total": 3, "intents_succeeded": 2, "cost_usd": 0.25}}
    for _ in range(2):
        said = await wire.ok("POST", "/v1/mesh/heartbeat", wire.analyst, beat)
        assert said["health_status"] == "healthy"
    for seconds, expected in ((89, "healthy"), (2, "degraded"), (210, "unreachable")):
        wire.clock.advance(seconds)
        assert await health(wire) == expected
    found = await wire.ok("GET", f"{AGENTS}?health=unreachable", wire.admin)
    (one,) = found["agents"]
    assert (one["intents_period"], one["cost_period"]) == (6, 0.5)
    assert (found["summary"]["total"], found["summary"]["unreachable"]) == (1, 1)
    mine = await wire.ok("GET", f"{AGENTS}/{one['address_id']}", wire.analyst)
    assert mine["agent"]["address"] == ANALYST
    await wire.refused(403, "GET", f"{AGENTS}/{one['address_id']}", wire.asking)
    await wire.refused(403, "GET", AGENTS, wire.analyst)
    await wire.refused(
        422, "POST", "/v1/mesh/heartbeat", wire.analyst, {"metrics": {"cost_usd": -1}}
    )


async def test_only_administrators_kill_and_resume(wire: Wire) -> None:
    for verb in ("kill", "resume"):
        for key in (wire.asking, wire.analyst, wire.ana):
            await wire.refused(403, "POST", f"{AGENTS}/acme/production/data-analyst/{verb}", key)
    unknown = f"{AGENTS}/acme/production/nobody/kill"
    await wire.refused(404, "POST", unknown, wire.admin)


@pytest.mark.parametrize("said", ["data-analyst", "acme/production/data-analyst", ANALYST])
async def test_a_killed_agent_gets_and_files_nothing_until_it_is_resumed(
    wire: Wire, said: str
) -> None:
    work = await wire.work()
    killed = await wire.ok("POST", f"{AGENTS}/{said}/kill", wire.admin)
    assert killed["health_status"] == "killed"
    stream = "/v1/agents/data-analyst/intents/stream?wait_seconds=1"
    body = {"intent_type": "intent.a.v1", "payload": {}, "to": ANA}
    done = {"action": "complete"}
    for call in (
        ("GET", stream, wire.analyst),
        ("POST", "/v1/intents", wire.analyst, body),
        ("POST", "/v1/intents", wire.asking, body | {"to": [], "to_agent": ANALYST}),
        ("POST", f"/v1/intents/{work}/resume", wire.analyst, done),
        ("POST", f"/v1/intents/{work}/resolve", wire.analyst, {"status": "COMPLETED"}),
    ):
        assert "killed" in await wire.refused(403, *call)
    # No sign of life brings it back.
    said_back = await wire.ok("POST", "/v1/mesh/heartbeat", wire.analyst)
    assert said_back["health_status"] == "killed"
    await wire.refused(403, "POST", "/v1/intents", wire.analyst, body)
    await wire.ok("POST", f"{AGENTS}/{said}/resume", wire.admin)
    assert [one["intent_id"] for one in await wire.heard()] == [work]
    assert (await wire.resume(work, wire.analyst, done))["status"] == "COMPLETED"
    events = (await wire.ok("GET", "/v1/mesh/events", wire.admin))["events"]
    assert [one["event_type"] for one in events] == ["agent.resumed", "agent.killed"]
    assert {one["actor_id"] for one in events} == {"service:admin"}


async def test_a_killed_agents_permits_let_nothing_run(wire: Wire) -> None:
    asked = await wire.file(to=ANA)
    await wire.resume(asked, wire.ana, {"task_result": {"outcome": "approved"}})
    found = await wire.look(asked)
    consume = {"digest": found["digest"], "attempt_id": "1"}
    path = f"/v1/intents/{asked}/consume"
    await wire.ok("POST", f"{AGENTS}/{AGENT}/kill", wire.admin)
    assert "killed" in await wire.refused(403, "POST", path, wire.asking, consume)
    assert (await wire.look(asked))["grant"]["state"] == "open"
    await wire.ok("POST", f"{AGENTS}/{AGENT}/resume", wire.admin)
    assert (await wire.ok("POST", path, wire.asking, consume))["run"] is True


async def test_a_kill_holds_in_every_process_within_two_seconds(wire: Wire) -> None:
    """A second server on the same database, which has just believed that the agent lives."""
    async with opened(wire.house.database, wire.clock, keys=False) as other:
        body = {"intent_type": "intent.a.v1", "payload": {}, "to": ANA}

        async def file_there() -> int:
            headers = {"Authorization": f"Bearer {wire.analyst}"}
            reply = await other.http.post("/v1/intents", json=body, headers=headers)
            return reply.status_code

        assert await file_there() == 200
        await wire.ok("POST", f"{AGENTS}/{ANALYST}/kill", wire.admin)
        ends = time.monotonic() + 2.0
        while (status := await file_there()) == 200:
            assert time.monotonic() < ends, "still alive after two seconds"
        assert status == 403
