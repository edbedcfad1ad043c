"""Runs at the door: one holder at a time, all or nothing, ready when what it waits for is over."""

from __future__ import annotations

from typing import Any

import pytest

from .house import AGENT, ANA, BO, TYPE, House

pytestmark = pytest.mark.anyio

APP = "refunds"


async def begin(house: House, worker: str = "w", run_id: str = "r", **more: Any) -> Any:
    body = {"run_id": run_id, "app": APP, "worker": worker, **more}
    return await house.ok("POST", "/v1/runs/open", house.agent, body)


def saving(status: str, *, worker: str = "w", epoch: int = 1, **more: Any) -> dict[str, Any]:
    body = {"run_id": "r", "worker": worker, "epoch": epoch, "status": status}
    return body | {"save_id": f"{status}-{epoch}"} | more


async def save(house: House, status: str, **more: Any) -> Any:
    return await house.ok("POST", "/v1/runs/save", house.agent, saving(status, **more))


async def take(house: House, worker: str = "v", key: str | None = None) -> list[Any]:
    body = {"worker": worker, "apps": [APP], "limit": 10}
    found: list[Any] = (await house.ok("POST", "/v1/leases", key or house.agent, body))["runs"]
    return found


def asking(key: str, **more: Any) -> dict[str, Any]:
    return {"intent_type": TYPE, "to": ANA, "payload": {"n": key}, "idempotency_key": key, **more}


async def suspended(house: House, *keys: str, **more: Any) -> list[str]:
    """Begin the run and suspend it with an intent for each key; return their ids."""
    await begin(house)
    done = await save(house, "suspended", intents=[asking(k) for k in keys], state=1, **more)
    return [filed["intent_id"] for filed in done["results"]]


async def test_one_holder_at_a_time(house: House) -> None:
    await begin(house)
    body = {"run_id": "r", "app": APP, "worker": "v"}
    error = await house.refused(409, "POST", "/v1/runs/open", house.agent, body)
    assert (error["code"], error["details"]["held_by"]) == ("run_busy", "w")
    assert (await begin(house))["run"]["epoch"] == 1, "a retry of the holder's is no take-over"
    house.clock.advance(61)
    assert (await begin(house, "v"))["run"]["epoch"] == 2
    error = await house.refused(
        409, "POST", "/v1/runs/save", house.agent, saving("done", result="late")
    )
    assert error["code"] == "lease_lost"


async def test_the_app_is_part_of_the_run(house: House) -> None:
    await suspended(house, "a")
    body = {"run_id": "r", "app": "other", "worker": "v"}
    assert (await house.refused(409, "POST", "/v1/runs/open", house.agent, body))["code"] == (
        "conflict"
    )


async def test_goes_on_when_all_have_ended(house: House) -> None:
    first, second = await suspended(house, "a", "b")
    assert await take(house) == []
    await house.decide(second, "rejected")
    assert await take(house) == []
    await house.decide(first)
    (leased,) = await take(house)
    assert (leased["state"], leased["run"]["epoch"]) == (1, 2)
    assert leased["run"]["waits"] == [first, second]
    assert await take(house) == [], "it is in somebody's hands now"


async def test_goes_on_at_each_where_it_says_so(house: House) -> None:
    _, second = await suspended(house, "a", "b", wakes="any")
    await house.decide(second)
    assert len(await take(house)) == 1


@pytest.mark.parametrize("end", ["cancel", "deadline"])
async def test_an_intent_that_ends_otherwise_wakes_as_well(house: House, end: str) -> None:
    (asked,) = await suspended(house, "a")
    if end == "cancel":
        path = "/v1/intents/{intent_id}/cancel"
        await house.ok("POST", path, house.agent, {}, intent_id=asked)
    else:
        house.clock.advance(8 * 3600 + 1)
        await house.engine.run_due()
    assert len(await take(house)) == 1


async def test_what_was_decided_before_it_is_suspended_wakes_it(house: House) -> None:
    asked = await house.ask(run={"id": "r", "app": APP})
    await house.decide(asked)
    (leased,) = await take(house, "w")
    await save(house, "suspended", epoch=leased["run"]["epoch"], waits=[asked])
    assert len(await take(house)) == 1


async def test_an_intent_that_names_a_run_joins_it(house: House) -> None:
    first = await house.ask(run={"id": "r", "app": APP})
    second = await house.ask(run={"id": "r", "app": APP})
    await house.decide(first)
    assert await take(house) == []
    await house.decide(second)
    (leased,) = await take(house)
    assert (leased["run"]["waits"], leased["state"]) == ([first, second], None)


async def test_what_is_asked_beside_a_holder_waits_for_him(house: House) -> None:
    await begin(house)
    asked = await house.ask(run={"id": "r", "app": APP})
    await house.decide(asked)
    assert await take(house) == [], "the holder still works"
    house.clock.advance(61)
    (leased,) = await take(house)
    assert leased["run"]["waits"] == [asked], "and when he has died, it is not forgotten"


async def test_all_or_nothing(house: House) -> None:
    await begin(house)
    await save(house, "running", state="kept", save_id="0")
    bad = saving("suspended", intents=[asking("a"), {"intent_type": "wrong"}], state="lost")
    await house.refused(422, "POST", "/v1/runs/save", house.agent, bad)
    other = await house.ask(payload={"another": 1})
    found = await house.ok("GET", "/v1/intents", house.agent)
    assert [one["intent_id"] for one in found["intents"]] == [other]
    house.clock.advance(61)
    (leased,) = await take(house)
    assert leased["state"] == "kept"


async def test_a_conflicting_key_saves_nothing(house: House) -> None:
    await house.ok(
        "POST", "/v1/intents", house.agent, {"intent_type": TYPE, "to": ANA},
        headers={"Idempotency-Key": "b"},
    )  # fmt: skip
    await begin(house)
    body = saving("suspended", intents=[asking("a"), asking("b")], state="lost")
    error = await house.refused(409, "POST", "/v1/runs/save", house.agent, body)
    assert error["code"] == "idempotency_conflict"
    assert (await house.ok("GET", "/v1/intents", house.agent, query={"key": "a"}))["intents"] == []
    assert (await begin(house))["state"] is None
    twice = saving("suspended", intents=[asking("c"), asking("c")])
    await house.refused(422, "POST", "/v1/runs/save", house.agent, twice)


async def test_saving_again_is_a_retry(house: House) -> None:
    await begin(house)
    body = saving("suspended", intents=[asking("a")], state=1)
    first = await house.ok("POST", "/v1/runs/save", house.agent, body)
    again = await house.ok("POST", "/v1/runs/save", house.agent, body)
    assert again["run"] == first["run"]
    assert again["results"][0]["intent_id"] == first["results"][0]["intent_id"]


async def test_asking_again_finds_the_same_intents(house: House) -> None:
    (asked,) = await suspended(house, "a")
    await house.decide(asked)
    await take(house, "w")
    done = await save(house, "suspended", epoch=2, intents=[asking("a")])
    assert done["results"][0]["intent_id"] == asked
    assert len(await take(house)) == 1, "and it had its answer already"


async def test_given_back_it_comes_again_later(house: House) -> None:
    await begin(house)
    await save(house, "ready", again_in=30)
    house.clock.advance(29)
    assert await take(house) == []
    house.clock.advance(1)
    assert len(await take(house)) == 1


async def test_what_has_ended_stays_ended(house: House) -> None:
    await begin(house)
    await save(house, "done", result={"n": 1})
    over = await begin(house, "v")
    assert (over["run"]["status"], over["run"]["result"]) == ("done", {"n": 1})
    house.clock.advance(10_000)
    assert await take(house) == []
    again = await begin(house, "v", again=True)
    assert (again["run"]["status"], again["run"]["epoch"]) == ("running", 2)


async def test_what_died_in_mid_execution_is_asked_about(house: House) -> None:
    (asked,) = await suspended(house, "a")
    await house.decide(asked)
    await take(house)
    path = "/v1/intents/{intent_id}/consume"
    consume = {"digest": (await house.look(asked))["digest"], "attempt_id": "first"}
    await house.ok("POST", path, house.agent, consume, intent_id=asked)
    house.clock.advance(61)
    await take(house, "u")
    consume["attempt_id"] = "second"
    error = await house.refused(409, "POST", path, house.agent, consume, intent_id=asked)
    assert error["code"] == "outcome_unknown"
    question = error["details"]["question"]
    await save(house, "suspended", worker="u", epoch=3, waits=[question])
    path_of = "/v1/intents/{intent_id}/decision"
    await house.ok("GET", path_of, house.agent, intent_id=question)
    other = await house.key("agent", "agent://acme/production/other")
    await house.refused(404, "GET", path_of, other, intent_id=question)
    assert await take(house) == []
    await house.decide(question, "denied")
    assert len(await take(house)) == 1
    again = await house.ok("POST", path, house.agent, consume, intent_id=asked)
    assert again["run"] is True


async def test_runs_are_their_agents(house: House) -> None:
    (asked,) = await suspended(house, "a")
    await house.decide(asked)
    other = await house.key("agent", "agent://acme/production/other")
    assert await take(house, key=other) == []
    assert (await house.ok("GET", "/v1/runs", other))["runs"] == []
    body = {"run_id": "r", "app": APP, "worker": "x"}
    mine = await house.ok("POST", "/v1/runs/open", other, body)
    assert mine["state"] is None, "the same name is another run"
    assert mine["run"]["epoch"] == 1


async def test_nobody_reaches_other_agents_intents_through_a_run(house: House) -> None:
    """To wait for an intent must not tell anything about it, nor do anything to it."""
    other = await house.key("agent", "agent://acme/production/other")
    asked = await house.ask(other)
    await begin(house)
    await save(house, "suspended", waits=[asked])
    assert len(await take(house, "w")) == 1, "as if it were not there"
    await house.decide(asked)
    path = "/v1/intents/{intent_id}/consume"
    consume = {"digest": (await house.look(asked))["digest"], "attempt_id": "a"}
    await house.ok("POST", path, other, consume, intent_id=asked)
    house.clock.advance(61)
    await take(house)
    assert (await house.look(asked))["grant"]["state"] == "started"


async def test_a_person_sees_no_run(house: House) -> None:
    await house.refused(403, "GET", "/v1/runs", house.bo)


async def test_the_answer_says_who_asks_in_which_run(house: House) -> None:
    (asked,) = await suspended(house, "a")
    found = await house.look(asked)
    assert (found["run_id"], found["from_agent"], found["assigned"]) == ("r", AGENT, [ANA])
    assert BO not in found["assigned"]


async def test_something_must_be_asked_for(house: House) -> None:
    await house.refused(422, "POST", "/v1/leases", house.agent, {"worker": "w"})
