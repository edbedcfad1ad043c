"""Time: everything at its moment, never before, once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from holdshort.clock import Clock
from holdshort.engine.timers import PASS

from ..server.house import ANA, BO, TYPE, House, opened

pytestmark = pytest.mark.anyio


async def tick(house: House) -> int:
    return await house.holdshort.timers.tick()


async def test_the_ladder_of_the_default_policy(house: House) -> None:
    """Reminded after 5 and 30 minutes, escalated after 30, timed out after 8 hours to reject."""
    await house.ok("PUT", "/v1/teams/{name}", house.admin, {"members": [BO]}, name="admins")
    asked = await house.ask()
    seen = len(await house.events(asked))

    async def at(minutes: float) -> list[str]:
        """What happens when this many minutes have passed since asking."""
        nonlocal seen
        house.clock.advance(minutes * 60 - (house.clock.now() - start) / 1000)
        await tick(house)
        events = (await house.events(asked))[seen:]
        seen += len(events)
        return events

    start = house.clock.now()
    assert await at(5 - 1 / 60_000) == []
    assert await at(5) == ["intent.reminder"]
    assert await at(5) == []
    assert await at(30 - 1 / 60_000) == []
    assert sorted(await at(30)) == ["intent.escalated", "intent.reminder"]
    assert (await house.look(asked))["assigned"] == [ANA, "team:admins"]
    assert await at(479) == []
    assert await at(480) == ["intent.timed_out"]
    assert await at(10_000) == []
    found = (await house.look(asked))["result"]
    assert (found["outcome"], found["decided_by"]) == ("rejected", "system:timeout")
    reasons = [delivery["reason"] for delivery in await house.deliveries(asked)]
    assert sorted(reasons) == ["asked", "escalated", "reminded", "reminded", "timed_out",
                               "timed_out"]  # fmt: skip


async def test_what_was_due_while_nothing_ran_is_done_once(house: House) -> None:
    """field.md 4.3, fault 12: nobody is reminded of what has ended."""
    asked = await house.ask()
    before = len(await house.events(asked))
    house.clock.advance(48 * 3600)
    assert await tick(house) == 1
    assert (await house.events(asked))[before:] == ["intent.timed_out"]


async def test_a_decision_after_the_deadline_is_too_late_even_without_a_tick(house: House) -> None:
    """field.md 4.3, fault 17."""
    asked = await house.ask()
    house.clock.advance(8 * 3600)
    error = await house.refused(
        409,
        "POST",
        "/v1/intents/{intent_id}/decision",
        house.ana,
        {"outcome": "approved"},
        intent_id=asked,
    )
    assert error["details"]["decision"]["timed_out"]
    assert (await house.look(asked))["status"] == "TIMED_OUT"
    assert await tick(house) == 0


async def test_a_decision_just_before_the_deadline_counts(house: House) -> None:
    asked = await house.ask()
    house.clock.advance(8 * 3600 - 0.001)
    await house.decide(asked)
    house.clock.advance(1)
    assert await tick(house) == 0
    assert (await house.look(asked))["result"]["approved"]


async def test_a_herd_with_one_deadline_is_worked_off(house: House) -> None:
    count = 2 * PASS + 100
    one = {"intent_type": TYPE, "to": ANA, "deadline": 60}
    for start in range(0, count, 500):
        body = {"intents": [one] * min(500, count - start)}
        await house.ok("POST", "/v1/intents/batch", house.agent, body)
    house.clock.advance(60)
    commits = house.engine.writer.commits
    assert await tick(house) == count
    assert house.engine.writer.commits - commits == 3
    assert house.store.counts()["intents.TIMED_OUT"] == count
    assert house.store.next_timer() is None


async def test_a_clock_that_goes_back_repeats_nothing(house: House) -> None:
    asked = await house.ask()
    house.clock.advance(300)
    assert await tick(house) == 1
    house.clock.advance(-3600)
    assert await tick(house) == 0
    await house.ok(
        "POST", "/v1/intents/{intent_id}/comments", house.ana, {"text": "x"}, intent_id=asked
    )
    path = "/v1/intents/{intent_id}/events"
    events = (await house.ok("GET", path, house.agent, intent_id=asked))["events"]
    times = [event["at"] for event in events]
    assert times == sorted(times), "the record does not run backwards"


async def test_a_run_that_never_reports_is_asked_about(house: House) -> None:
    """field.md 4.3, fault 5."""
    asked = await house.ask()
    await house.decide(asked)
    digest = (await house.look(asked))["digest"]
    run = {"digest": digest, "attempt_id": "a"}
    path = "/v1/intents/{intent_id}/consume"
    await house.ok("POST", path, house.agent, run, intent_id=asked)
    house.clock.advance(900)
    assert await tick(house) == 1
    grant = (await house.look(asked))["grant"]
    assert grant["state"] == "unknown"
    error = await house.refused(
        409, "POST", path, house.agent, run | {"attempt_id": "b"}, intent_id=asked
    )
    assert (error["code"], error["details"]["question"]) == ("outcome_unknown", grant["question"])
    question = await house.look(grant["question"])
    assert (question["status"], question["assigned"]) == ("WAITING", [ANA])
    await house.decide(grant["question"], "denied", comment="I looked: it did not happen")
    permit = await house.ok("POST", path, house.agent, run | {"attempt_id": "b"}, intent_id=asked)
    assert permit["run"]


async def test_timers_fire_by_themselves(tmp_path: Path) -> None:
    """On a clock that runs, with nobody ticking."""
    async with opened(f"sqlite:///{tmp_path / 'h.db'}", Clock(), background=True) as house:
        asked = await house.ask(deadline=0.3)
        path = "/v1/intents/{intent_id}/decision"
        query = {"wait_seconds": "20"}
        found = await house.ok("GET", path, house.agent, query=query, intent_id=asked)
        assert found["decision"]["timed_out"]


async def test_ticks_at_once_fire_once(tmp_path: Path) -> None:
    """Two processes on one file."""
    database = f"sqlite:///{tmp_path / 'h.db'}"
    async with opened(database) as one, opened(database, one.clock, keys=False) as other:
        asked = await one.ask()
        one.clock.advance(300)
        done = await asyncio.gather(tick(one), tick(other))
        assert sum(done) == 1
        assert (await one.events(asked)).count("intent.reminder") == 1
