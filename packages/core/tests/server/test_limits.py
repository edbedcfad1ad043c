"""An agent's limits at the door: counted where everybody asks at once, reserved and settled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from .house import AGENT, ANA, BO, TYPE, House, database_in, opened
from .test_runs import asking, begin, saving

pytestmark = pytest.mark.anyio

LIMITS = "/v1/limits/{agent}"
CONSUME = "/v1/intents/{intent_id}/consume"
REPORT = "/v1/intents/{intent_id}/report"


async def limit(house: House, agent: str = AGENT, **limits: Any) -> None:
    await house.ok("PUT", LIMITS, house.admin, limits, agent=agent)


async def used(house: House) -> tuple[int, float]:
    """How many intents, and for how much, count today."""
    found = (await house.ok("GET", LIMITS, house.admin, agent=AGENT))["usage"]
    return found["intents_today"], found["cost_today"]


def paying(amount: Any, **more: Any) -> dict[str, Any]:
    action = {"tool": "pay", "arguments": {"sum": amount}}
    return {"intent_type": TYPE, "to": ANA, "action": action, "cost": {"amount": amount}} | more


async def ask(house: House, amount: Any, **more: Any) -> tuple[int, Any]:
    reply = await house.call("POST", "/v1/intents", house.agent, paying(amount, **more))
    return reply.status_code, reply.json()


async def run(house: House, intent_id: str, **reported: Any) -> None:
    """Let the approved action run and report it."""
    digest = (await house.look(intent_id))["digest"]
    body = {"digest": digest, "attempt_id": "1"}
    await house.ok("POST", CONSUME, house.agent, body, intent_id=intent_id)
    body = {"attempt_id": "1", "succeeded": True} | reported
    await house.ok("POST", REPORT, house.agent, body, intent_id=intent_id)


@asynccontextmanager
async def houses(database: str, replicas: int) -> AsyncIterator[list[House]]:
    async with opened(database) as first:
        found = [first]
        for _ in range(replicas - 1):
            other = House(database, first.clock)
            await other.open(keys=False)
            for name in ("agent", "ana", "bo", "admin"):
                setattr(other, name, getattr(first, name))
            found.append(other)
        try:
            yield found
        finally:
            for other in found[1:]:
                await other.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_62_of_twenty_at_once_only_one_passes_a_cap_for_one(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each asks for 60 % of the cap. On PostgreSQL they come to two replicas."""
    postgres = kind == "postgres"
    database = request.getfixturevalue("pg_url") if postgres else database_in(tmp_path)
    async with houses(database, 2 if postgres else 1) as found:
        await limit(found[0], cost_per_day=100)
        if postgres:
            await asyncio.sleep(1.1)  # until the other replica looks at the directory again
        replies = await asyncio.gather(*(ask(found[n % len(found)], 60) for n in range(20)))
        assert sorted(status for status, _ in replies) == [200] + [429] * 19
        error = next(body["error"] for status, body in replies if status == 429)
        assert error["code"] == "quota_exceeded"
        assert error["details"]["used"] == 120
        assert error["details"]["limit"] == 100
        assert await used(found[0]) == (1, 60)


async def test_62_no_filing_in_one_transaction_passes_it_either(house: House) -> None:
    """A run that is suspended on two intents, each of which alone would fit; and a batch."""
    await limit(house, cost_per_day=100)
    await begin(house)
    both = saving("suspended", intents=[asking(k) | paying(60) for k in "ab"])
    error = await house.refused(429, "POST", "/v1/runs/save", house.agent, both)
    assert error["details"]["dimension"] == "cost_per_day"
    assert await used(house) == (0, 0), "all of it or nothing"
    done = await house.ok("POST", "/v1/intents/batch", house.agent, {"intents": [paying(60)] * 3})
    assert [one["ok"] for one in done["results"]] == [True, False, False]
    assert await used(house) == (1, 60)


async def test_what_was_reserved_is_given_back_or_settled(house: House) -> None:
    await limit(house, cost_per_day=100)
    _, filed = await ask(house, 60)
    await house.decide(filed["intent_id"], "rejected")
    assert await used(house) == (1, 0)
    _, filed = await ask(house, 60)
    await house.ok(
        "POST", "/v1/intents/{intent_id}/cancel", house.agent, {}, intent_id=filed["intent_id"]
    )
    assert await used(house) == (2, 0)
    _, filed = await ask(house, 60)
    await house.decide(filed["intent_id"])
    assert await used(house) == (3, 60), "approved is not spent yet, and not free either"
    await run(house, filed["intent_id"], cost={"amount": 42.25})
    assert await used(house) == (3, 42.25)
    # A refund earns nothing, and the same report again is not counted again.
    again = {"attempt_id": "1", "succeeded": True, "cost": {"amount": 42.25}}
    await house.ok("POST", REPORT, house.agent, again, intent_id=filed["intent_id"])
    for wrong in (-40, "NaN", "-Infinity", 0.0000001, 10**13, True, "free"):
        body = again | {"cost": {"amount": wrong}}
        await house.refused(422, "POST", REPORT, house.agent, body, intent_id=filed["intent_id"])
        assert (await ask(house, wrong))[0] == 422
    assert await used(house) == (3, 42.25)
    assert (await ask(house, 57.75))[0] == 200
    assert (await ask(house, 0.01))[0] == 429
    # What costs nothing is asked for all the same.
    assert (await ask(house, 0))[0] == 200


async def test_more_than_was_reserved_is_counted_in_full(house: House) -> None:
    await limit(house, cost_per_day=100)
    _, filed = await ask(house, 60)
    await house.decide(filed["intent_id"])
    await run(house, filed["intent_id"], cost={"amount": 250})
    assert await used(house) == (1, 250)
    assert (await ask(house, 1))[0] == 429


async def test_a_retry_counts_once(house: House) -> None:
    await limit(house, intents_per_day=1)
    body, headers = paying(1), {"Idempotency-Key": "k"}
    first = await house.ok("POST", "/v1/intents", house.agent, body, headers=headers)
    again = await house.ok("POST", "/v1/intents", house.agent, body, headers=headers)
    assert again["intent_id"] == first["intent_id"]
    assert await used(house) == (1, 1)
    assert (await ask(house, 1))[0] == 429


async def test_an_hour_and_a_day_end(house: House) -> None:
    house.clock.advance(1800)  # the time of the house begins on the hour
    await limit(house, intents_per_hour=2, intents_per_day=3)
    statuses = [(await ask(house, 1))[0] for _ in range(3)]
    assert statuses == [200, 200, 429]
    reply = await house.call("POST", "/v1/intents", house.agent, paying(1))
    assert 0 < int(reply.headers["retry-after"]) <= 3600
    house.clock.advance(3600)
    assert [(await ask(house, 1))[0] for _ in range(2)] == [200, 429]
    house.clock.advance(86_400)
    assert (await ask(house, 1))[0] == 200
    assert await used(house) == (1, 1)


async def test_what_is_settled_late_counts_on_the_day_it_was_asked_for(house: House) -> None:
    await limit(house, cost_per_day=100)
    _, filed = await ask(house, 60)
    house.clock.advance(6 * 3600)
    await house.decide(filed["intent_id"])
    house.clock.advance(20 * 3600)
    assert await used(house) == (0, 0)
    await run(house, filed["intent_id"], cost={"amount": 10})
    assert await used(house) == (0, 0)


async def test_an_alert_reaches_people_and_the_log(house: House) -> None:
    await limit(house, intents_per_day=0, on_breach="alert", approvers=[BO])
    status, filed = await ask(house, 1)
    assert (status, filed["assigned"]) == (200, [ANA])
    assert "intent.limit_exceeded" in await house.events(filed["intent_id"])
    told = [(one["reason"], one["recipient"]) for one in await house.deliveries(filed["intent_id"])]
    assert sorted(told) == [("asked", ANA), ("limit_exceeded", BO)]


async def test_what_passes_a_limit_is_asked_about_first(house: House) -> None:
    await limit(house, cost_per_day=100, on_breach="require_approval", approvers=[BO])
    assert (await ask(house, 60))[1]["assigned"] == [ANA]
    _, filed = await ask(house, 60)
    assert filed["assigned"] == [BO]
    await house.decide(filed["intent_id"], key=house.bo, step=0)
    assert (await house.look(filed["intent_id"]))["assigned"] == [ANA]
    await house.decide(filed["intent_id"], step=1)
    assert (await house.look(filed["intent_id"]))["status"] == "COMPLETED"
    assert await used(house) == (2, 120)
    _, filed = await ask(house, 60)
    await house.decide(filed["intent_id"], "rejected", key=house.bo, step=0)
    assert await used(house) == (3, 120)


async def test_heartbeats_count_for_those_who_report_there(house: House) -> None:
    await limit(house, cost_per_day=1)
    headers = {"Authorization": f"Bearer {house.agent}"}
    for _ in range(3):
        body = {"metrics": {"cost_usd": 0.3, "intents_total": 1}}
        await house.http.post("/v1/mesh/heartbeat", json=body, headers=headers)
    assert await used(house) == (0, 0.9)
    assert (await ask(house, 0.2))[0] == 429


async def test_no_agent_sets_limits_or_writes_its_own_cost_down(house: House) -> None:
    await limit(house, cost_per_day=100)
    for key in (house.agent, house.ana):
        await house.refused(403, "PUT", LIMITS, key, {}, agent=AGENT)
        await house.refused(403, "DELETE", LIMITS, key, agent=AGENT)
    policy = {"cost_from": "sum"}
    await house.ok("PUT", "/v1/policies/{name}", house.admin, policy, name=TYPE)
    body = paying(1000) | {"cost": {"amount": 1}}
    reply = await house.call("POST", "/v1/intents", house.agent, body)
    assert reply.status_code == 429
    body["action"] = {"tool": "pay", "arguments": {"sum": 99.5}}
    reply = await house.call("POST", "/v1/intents", house.agent, body)
    assert reply.status_code == 200
    assert await used(house) == (1, 99.5)


async def test_what_was_asked_for_in_vain_is_seen(house: House) -> None:
    await limit(house, tools={"deny": ["pay"]}, intents_per_day=0)
    assert (await ask(house, 1))[0] == 403
    await house.refused(429, "POST", "/v1/intents", house.agent, {"intent_type": TYPE, "to": ANA})
    headers = {"Authorization": f"Bearer {house.admin}"}
    reply = await house.http.get(f"/v1/mesh/agents/{AGENT}", headers=headers)
    found = reply.json()
    assert found["refusals"] == 2
    assert [(one["rule"], one["tool"]) for one in found["refused"]] == [
        ("tool_not_allowed", "pay"),
        ("intents_per_day", None),
    ]
    assert (await house.ok("GET", "/v1/intents", house.agent))["intents"] == []


async def test_63_letting_it_go_on_takes_two_people_where_that_is_set(house: House) -> None:
    settings = {"two_people_resume": True}
    await house.ok("PUT", "/v1/settings", house.admin, settings)
    headers = {"Authorization": f"Bearer {house.admin}"}
    path = f"/v1/mesh/agents/{AGENT}"
    assert (await house.http.post(f"{path}/kill", headers=headers)).status_code == 200
    reply = await house.http.post(f"{path}/resume", headers=headers)
    assert reply.status_code == 403
    assert reply.json()["error"]["details"]["rule"] == "two_people_resume"
    assert (await ask(house, 1))[0] == 403
