"""Agents' signs of life, and the switch that stops one of them (field.md 3.3)."""

from __future__ import annotations

import time
from typing import Any

import anyio
import pytest

from ..server.house import opened
from .conftest import AGENT, ANA, ANALYST, Wire

pytestmark = pytest.mark.anyio


@pytest.fixture
def wire(on_each_database: Wire) -> Wire:
    return on_each_database


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
    # The other has a key, and has never given a sign of life.
    assert (found["summary"]["total"], found["summary"]["unreachable"]) == (2, 1)
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
    done = [one for one in events if one["event_type"] != "agent.refused"]
    assert [one["event_type"] for one in done] == ["agent.resumed", "agent.killed"]
    assert {one["actor_id"] for one in done} == {"service:admin"}
    refused = [one for one in events if one["event_type"] == "agent.refused"]
    assert [one["details"]["rule"] for one in refused] == ["killed"] * 3
    assert {one["address"] for one in refused} == {ANALYST, AGENT}


async def test_a_killed_agents_permits_let_nothing_run(wire: Wire) -> None:
    asked = await wire.file(to=ANA)
    await wire.resume(asked, wire.ana, {"task_result": {"outcome": "approved"}})
    found = await wire.look(asked)
    consume = {"digest": found["digest"], "attempt_id": "1"}
    path = f"/v1/intents/{asked}/consume"
    await wire.ok("POST", f"{AGENTS}/{AGENT}/kill", wire.admin)
    assert "killed" in await wire.refused(403, "POST", path, wire.asking, consume)
    assert (await wire.look(asked))["grant"]["state"] == "revoked"
    assert (await wire.events(asked))[-1] == "intent.grant_revoked"
    # Whoever lets the agent go on has not approved what it was permitted before.
    await wire.ok("POST", f"{AGENTS}/{AGENT}/resume", wire.admin)
    assert "revoked" in await wire.refused(409, "POST", path, wire.asking, consume)


async def test_what_a_killed_agent_asked_for_stands_still(wire: Wire) -> None:
    """No reminder, no escalation, no end of time, no decision, until it goes on; then the rest of
    its time is left."""
    asked = await wire.file(to=ANA, deadline=3600)
    yes = {"task_result": {"outcome": "approved"}}
    await wire.after(200)
    for _ in range(2):
        await wire.ok("POST", f"{AGENTS}/{AGENT}/kill", wire.admin)
    await wire.after(9 * 3600)
    assert (await wire.events(asked))[-1] == "intent.paused"
    assert "stands still" in await wire.refused(
        409, "POST", f"/v1/intents/{asked}/resume", wire.ana, yes
    )
    await wire.ok("POST", f"{AGENTS}/{AGENT}/resume", wire.admin)
    await wire.after(99)
    assert (await wire.events(asked))[-1] == "intent.unpaused"
    await wire.after(2)  # 301 seconds of its own time
    assert (await wire.events(asked))[-1] == "intent.reminder"
    await wire.after(1499 + 1800 - 2)
    assert (await wire.look(asked))["status"] == "WAITING"
    await wire.after(3)
    assert (await wire.look(asked))["status"] == "TIMED_OUT"


async def test_63_a_kill_amid_a_hundred_decisions_leaves_no_permit(wire: Wire) -> None:
    asked = [await wire.file(to=ANA) for _ in range(30)]
    found = [await wire.look(one) for one in asked]

    async def decide(one: str) -> None:
        body = {"task_result": {"outcome": "approved"}}
        reply = await wire.call("POST", f"/v1/intents/{one}/resume", wire.ana, body)
        assert reply.status_code in (200, 409), reply.text

    async def consume(one: Any) -> tuple[int, float]:
        body = {"digest": one["digest"], "attempt_id": "1"}
        reply = await wire.call(
            "POST", f"/v1/intents/{one['intent_id']}/consume", wire.asking, body
        )
        return reply.status_code, time.monotonic()

    killed: list[float] = []

    async def kill() -> None:
        await wire.ok("POST", f"{AGENTS}/{AGENT}/kill", wire.admin)
        killed.append(time.monotonic())

    async with anyio.create_task_group() as group:
        for one in asked[:15]:
            group.start_soon(decide, one)
        group.start_soon(kill)
        for one in asked[15:]:
            group.start_soon(decide, one)
    for one in found:
        status, _ = await consume(one)
        assert status in (403, 409)
    states = [(await wire.look(one))["grant"] for one in asked]
    assert all(grant is None or grant["state"] == "revoked" for grant in states)
    # Acknowledged, and the same again.
    again = await wire.ok("POST", f"{AGENTS}/{AGENT}/kill", wire.admin)
    assert again["health_status"] == "killed"
    events = (await wire.ok("GET", "/v1/mesh/events?event_type=agent.killed", wire.admin))["events"]
    assert len(events) == 1


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


async def test_caps_of_the_protocol_leave_the_other_limits_alone(wire: Wire) -> None:
    """They are set at the same moment as what the agent may not use."""
    path = f"/v1/limits/{ANALYST}"
    await wire.ok("PUT", path, wire.admin, {"tools": {"deny": ["shell*"]}})
    caps = {"max_cost_per_day_usd": 5}
    cost = f"{AGENTS}/{ANALYST}/policies/cost"
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(wire.ok, "PUT", cost, wire.admin, caps)
    limits = (await wire.ok("GET", path, wire.admin))["limits"]
    assert (limits["cost_per_day"], limits["tools"]["deny"]) == (5, ["shell*"])
