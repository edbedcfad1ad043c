"""Waiters: no thread, no poll, woken by whoever decides, wherever that is."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from holdshort.engine.wake import SLOW_POLL

from ..server.house import ANA, TYPE, House, opened

pytestmark = pytest.mark.anyio

T = "default"
DECIDE = Path(__file__).with_name("decide.py")
PATH = "/v1/intents/{intent_id}/decision"


def waiting(house: House, asked: str) -> asyncio.Task[Any]:
    query = {"wait_seconds": "60"}
    return asyncio.create_task(
        house.ok("GET", PATH, house.agent, query=query, intent_id=asked), name=asked
    )


async def until(house: House, count: int) -> None:
    async with asyncio.timeout(30):
        while len(house.engine.wake) != count:
            await asyncio.sleep(0)


async def test_five_hundred_waiters_hold_no_thread(house: House) -> None:
    body = {"intents": [{"intent_type": TYPE, "to": ANA}] * 500}
    filed = await house.ok("POST", "/v1/intents/batch", house.agent, body)
    asked = [one["intent_id"] for one in filed["results"]]
    # The first wait may start a helper thread; what is counted is what the others add.
    first = waiting(house, asked[0])
    await until(house, 1)
    threads = threading.active_count()
    others = [waiting(house, one) for one in asked[1:]]
    await until(house, 500)
    assert threading.active_count() <= threads
    await asyncio.gather(*(house.decide(one) for one in asked))
    answers = await asyncio.gather(first, *others)
    assert all(answer["decision"]["approved"] for answer in answers)
    assert [answer["intent_id"] for answer in answers] == asked
    assert len(house.engine.wake) == 0


async def test_only_those_who_wait_for_it_are_woken(house: House) -> None:
    one, other = await house.ask(), await house.ask()
    tasks = [waiting(house, one), waiting(house, one), waiting(house, other)]
    await until(house, 3)
    await house.decide(one)
    await asyncio.wait_for(asyncio.gather(*tasks[:2]), 5)
    assert len(house.engine.wake) == 1
    assert not tasks[2].done()
    await house.decide(other)
    await tasks[2]


async def test_another_process_on_the_same_file_wakes(house: House) -> None:
    asked = await house.ask()
    task = waiting(house, asked)
    await until(house, 1)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(DECIDE), house.database, asked, ANA, "approved",
        stderr=subprocess.PIPE,
    )  # fmt: skip
    answer = (await asyncio.wait_for(task, 30))["decision"]
    assert (answer["approved"], answer["comment"]) == (True, "from another process")
    assert answer["decided_by"] == f"person:{ANA}"
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


async def test_another_replica_on_the_same_database_wakes(pg_url: str) -> None:
    async with opened(pg_url) as one, opened(pg_url, one.clock, keys=False) as other:
        other.ana, other.agent = one.ana, one.agent
        asked = await one.ask()
        task = waiting(one, asked)
        await until(one, 1)
        started = time.monotonic()
        await other.decide(asked, comment="over there")
        answer = (await asyncio.wait_for(task, 30))["decision"]
        assert answer["comment"] == "over there"
        assert time.monotonic() - started < SLOW_POLL / 2, "told, not found by looking"


async def test_replicas_agree_on_one_intent_a_key_and_one_decision(pg_url: str) -> None:
    async with opened(pg_url) as one, opened(pg_url, one.clock, keys=False) as other:
        for name in ("agent", "ana", "bo", "admin"):
            setattr(other, name, getattr(one, name))
        replicas = [one, other]
        body = {"intent_type": TYPE, "to": [ANA, "bo@acme.com"]}

        async def file(n: int) -> str:
            house = replicas[n % 2]
            headers = {"Idempotency-Key": "the same"}
            filed = await house.ok("POST", "/v1/intents", house.agent, body, headers=headers)
            return str(filed["intent_id"])

        (asked,) = set(await asyncio.gather(*map(file, range(40))))

        async def decide(n: int) -> int:
            house = replicas[n % 2]
            key, outcome = (house.ana, "approved") if n % 4 < 2 else (house.bo, "rejected")
            answer = {"outcome": outcome}
            return (await house.call("POST", PATH, key, answer, intent_id=asked)).status_code

        statuses = await asyncio.gather(*map(decide, range(40)))
        assert statuses.count(200) == 20, "the winner's repeated answers, and nobody else's"
        assert statuses.count(409) == 20
        assert (await one.events(asked)).count("intent.decided") == 1
        assert await one.look(asked) == await other.look(asked)


async def test_a_timer_on_two_replicas_fires_once(pg_url: str) -> None:
    async with opened(pg_url) as one, opened(pg_url, one.clock, keys=False) as other:
        asked = [await one.ask(deadline="1h") for _ in range(30)]
        one.clock.advance(3600)
        done = await asyncio.gather(one.holdshort.timers.tick(), other.holdshort.timers.tick())
        assert sum(done) == 30
        for intent_id in asked:
            assert (await one.events(intent_id)).count("intent.timed_out") == 1
