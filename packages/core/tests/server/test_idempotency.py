"""Asking again finds the same intent; field.md 3.3, attack 59."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from .house import ANA, BO, TYPE, House

pytestmark = pytest.mark.anyio

I = "/v1/intents/{intent_id}"  # noqa: E741
ASK: dict[str, Any] = {"intent_type": TYPE, "to": ANA, "payload": {"rows": 9}}


async def file(house: House, body: Any, key: str | None, who: str | None = None) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await house.ok("POST", "/v1/intents", who or house.agent, body, headers=headers)


async def count(house: House) -> int:
    return len((await house.ok("GET", "/v1/intents", house.admin))["intents"])


async def test_the_same_key_finds_the_same_intent_and_its_answer(house: House) -> None:
    first = await file(house, ASK, "export-q1")
    again = await file(house, ASK, "export-q1")
    assert (first["existed"], again["existed"]) == (False, True)
    assert again | {"existed": False} == first
    await house.decide(first["intent_id"])
    late = await file(house, ASK, "export-q1")
    assert (late["intent_id"], late["status"]) == (first["intent_id"], "COMPLETED")
    assert await count(house) == 1


async def test_another_body_under_the_same_key_is_a_conflict_that_says_where(
    house: House,
) -> None:
    first = await file(house, ASK, "k")
    other = ASK | {"to": BO, "payload": {"rows": 10}, "title": "New"}
    headers = {"Idempotency-Key": "k"}
    error = await house.refused(409, "POST", "/v1/intents", house.agent, other, headers=headers)
    assert error["code"] == "idempotency_conflict"
    assert error["details"] == {
        "intent_id": first["intent_id"],
        "differs": ["payload", "title", "to"],
    }
    assert (await house.look(first["intent_id"]))["payload"] == {"rows": 9}
    assert await count(house) == 1


async def test_what_is_not_part_of_the_question_may_differ(house: House) -> None:
    first = await file(house, ASK | {"correlation_id": "a"}, "k")
    again = await file(
        house, ASK | {"correlation_id": "b", "from_agent": "me", "continuation": {"n": 2}}, "k"
    )
    assert again["intent_id"] == first["intent_id"]
    assert (await house.look(first["intent_id"]))["correlation_id"] == "a"


async def test_keys_belong_to_one_agent_of_one_tenant(house: House) -> None:
    other = await house.key("agent", "agent://acme/production/other")
    foreign = await house.key("agent", "agent://acme/production/analyst", tenant="foreign")
    filed = [await file(house, ASK, "k", who) for who in (house.agent, other, foreign)]
    assert len({one["intent_id"] for one in filed}) == 3


async def test_without_a_key_each_request_asks_anew(house: House) -> None:
    filed = [await file(house, ASK, None) for _ in range(3)]
    assert len({one["intent_id"] for one in filed}) == 3


@pytest.mark.parametrize("key", ["", "x" * 129])
async def test_a_key_has_a_length(house: House, key: str) -> None:
    error = await house.refused(
        422, "POST", "/v1/intents", house.agent, ASK, headers={"Idempotency-Key": key}
    )
    assert error["details"]["problems"][0]["field"] == "Idempotency-Key"


async def test_fifty_at_once_make_one_intent(house: House) -> None:
    filed = await asyncio.gather(*(file(house, ASK, "k") for _ in range(50)))
    assert len({one["intent_id"] for one in filed}) == 1
    assert sum(not one["existed"] for one in filed) == 1
    assert await count(house) == 1


async def test_different_bodies_at_once_make_one_intent_and_conflicts(house: House) -> None:
    async def one(rows: int) -> httpx.Response:
        body = ASK | {"payload": {"rows": rows}}
        headers = {"Idempotency-Key": "k"}
        return await house.call("POST", "/v1/intents", house.agent, body, headers=headers)

    answers = await asyncio.gather(*(one(rows) for rows in range(20)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [409] * 19
    assert await count(house) == 1


async def test_a_batch_repeats_itself_safely(house: House) -> None:
    intents = [ASK | {"idempotency_key": f"k{n}"} for n in range(20)]
    # The same key twice in one batch is the same intent as well.
    intents.append(ASK | {"idempotency_key": "k0"})
    intents.append(ASK | {"idempotency_key": "k0", "title": "other"})
    commits = house.engine.writer.commits
    path = "/v1/intents/batch"
    first = (await house.ok("POST", path, house.agent, {"intents": intents}))["results"]
    assert house.engine.writer.commits - commits <= 2
    assert first[20]["intent_id"] == first[0]["intent_id"]
    assert first[21]["error"]["code"] == "idempotency_conflict"
    again = (await house.ok("POST", path, house.agent, {"intents": intents}))["results"]
    assert [one.get("intent_id") for one in again] == [one.get("intent_id") for one in first]
    assert await count(house) == 20


@pytest.mark.parametrize("key", [5, "", None, ["k"], {"k": 1}])
async def test_a_key_in_a_batch_is_a_text(house: House, key: Any) -> None:
    path = "/v1/intents/batch"
    body = {"intents": [ASK | {"idempotency_key": key}, ASK]}
    done = (await house.ok("POST", path, house.agent, body))["results"]
    assert [one["ok"] for one in done] == [key is None, True]


async def test_acting_again_changes_nothing_more(house: House) -> None:
    """What a client repeats after a lost answer."""
    asked = await house.ask(to=[ANA, BO])
    await house.ok("POST", f"{I}/claim", house.ana, intent_id=asked)
    await house.ok("POST", f"{I}/claim", house.ana, intent_id=asked)
    first = await house.decide(asked, comment="fine")
    assert await house.decide(asked, comment="fine") == first
    digest = (await house.look(asked))["digest"]
    run = {"digest": digest, "attempt_id": "a"}
    permits = [
        await house.ok("POST", f"{I}/consume", house.agent, run, intent_id=asked) for _ in range(2)
    ]
    assert permits[0] == permits[1]
    done = {"attempt_id": "a", "succeeded": True, "result": 1}
    for _ in range(2):
        await house.ok("POST", f"{I}/report", house.agent, done, intent_id=asked)
    events = await house.events(asked)
    for event in ("claimed", "decided", "grant_consumed", "reported"):
        assert events.count(f"intent.{event}") == 1


async def test_a_grant_is_consumed_once_by_fifty(house: House) -> None:
    """field.md 3.3, attack 28."""
    asked = await house.ask()
    await house.decide(asked)
    digest = (await house.look(asked))["digest"]

    async def consume(n: int) -> int:
        body = {"digest": digest, "attempt_id": f"a{n}"}
        return (
            await house.call("POST", f"{I}/consume", house.agent, body, intent_id=asked)
        ).status_code

    statuses = await asyncio.gather(*(consume(n) for n in range(50)))
    assert sorted(statuses) == [200] + [409] * 49


async def test_of_fifty_deciders_one_wins(house: House) -> None:
    people = [f"p{n}@acme.com" for n in range(50)]
    keys = [await house.key("person", person) for person in people]
    asked = await house.ask(to=people)

    async def decide(n: int) -> httpx.Response:
        body = {"outcome": "approved" if n % 2 else "rejected"}
        return await house.call("POST", f"{I}/decision", keys[n], body, intent_id=asked)

    answers = await asyncio.gather(*map(decide, range(50)))
    won = [n for n, answer in enumerate(answers) if answer.status_code == 200]
    assert len(won) == 1
    for answer in answers:
        if answer.status_code != 200:
            error = answer.json()["error"]
            assert error["code"] == "already_decided"
            assert error["details"]["decision"]["decided_by"] == f"person:{people[won[0]]}"
    assert (await house.events(asked)).count("intent.decided") == 1
