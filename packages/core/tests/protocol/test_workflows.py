"""Steps that are an agent's work, beside steps that ask people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import ANA, ANALYST, TYPE, WORK, Wire

pytestmark = pytest.mark.anyio


@pytest.fixture
def wire(on_each_database: Wire) -> Wire:
    return on_each_database


AGENT_STEP: dict[str, Any] = {"name": "analyse", "agent": ANALYST}
ANA_STEP: dict[str, Any] = {"name": "approve", "to": ANA}
BO_STEP: dict[str, Any] = {"name": "second", "to": "bo@acme.com"}
DONE = {"action": "complete", "rows": 7}
YES = {"task_result": {"outcome": "approved"}}
NO = {"task_result": {"outcome": "rejected"}}


async def test_an_agent_works_then_a_person_decides_then_the_sender_may_act(wire: Wire) -> None:
    intent_id = await wire.file(AGENT_STEP, ANA_STEP)
    before = await wire.look(intent_id, wire.analyst)
    assert before["status"] == "DELIVERED"
    assert before["pending_with"] == {"type": "agent", "ref": ANALYST, "name": ANALYST}
    assert before["grant"] is None
    waiting = await wire.resume(intent_id, wire.analyst, DONE)
    assert (waiting["status"], waiting["grant"]) == ("WAITING", None)
    assert waiting["steps"][0]["result"] == {"rows": 7}
    done = await wire.resume(intent_id, wire.ana, YES)
    assert (done["status"], done["result"]["approved"]) == ("COMPLETED", True)
    assert done["result"]["decided_by"] == f"person:{ANA}"
    assert done["grant"]["state"] == "open"


async def test_a_person_decides_then_an_agent_works(wire: Wire) -> None:
    intent_id = await wire.file(ANA_STEP, AGENT_STEP)
    await wire.refused(404, "GET", f"/v1/intents/{intent_id}", wire.analyst)
    given = await wire.resume(intent_id, wire.ana, YES)
    assert (given["status"], given["grant"]) == ("IN_PROGRESS", None)
    (heard,) = await wire.heard()
    assert (heard["intent_id"], heard["status"]) == (intent_id, "IN_PROGRESS")
    done = await wire.resume(intent_id, wire.analyst, DONE)
    assert done["status"] == "COMPLETED"
    assert done["result"]["decided_by"] == f"person:{ANA}", "the person's yes is the answer"
    assert (await wire.events(intent_id))[-3:] == [
        "intent.delivered",
        "intent.in_progress",
        "intent.completed",
    ]


async def test_an_agents_work_alone_is_nobodys_yes(wire: Wire) -> None:
    done = await wire.resume(await wire.work(), wire.analyst, {"outcome": "approved"})
    assert done["status"] == "COMPLETED"
    assert (done["result"]["outcome"], done["result"]["approved"]) == ("completed", False)
    assert done["result"]["decided_by"] == f"agent:{ANALYST}"
    assert done["grant"] is None


async def test_a_no_goes_the_way_of_failure_and_never_becomes_a_yes(wire: Wire) -> None:
    """A workflow that an agent wrote may not shop for a yes after a no."""
    hook = {"url": "https://hooks.example/in"}
    await wire.ok("PUT", "/v1/webhooks/one", wire.admin, hook)
    intent_id = await wire.file(ANA_STEP | {"on_failure": "second"}, AGENT_STEP, BO_STEP)
    after = await wire.resume(intent_id, wire.ana, NO)
    assert (after["status"], after["step"]) == ("WAITING", 2)
    done = await wire.resume(intent_id, wire.bo, YES)
    assert (done["result"]["outcome"], done["result"]["approved"]) == ("rejected", False)
    assert done["result"]["decided_by"] == f"person:{ANA}"
    assert done["grant"] is None
    sent = wire.house.store.deliveries("default", intent_id=intent_id)
    told = [json.loads(one.body) for one in sent if one.reason == "decided"]
    assert told
    assert {one["data"]["outcome"] for one in told} == {"rejected"}
    # The same where the last one says yes by a policy, because nobody answered.
    policy = {"fallback": "approve", "deadline": "1h"}
    await wire.ok("PUT", f"/v1/policies/{TYPE}", wire.admin, policy)
    again = await wire.file(ANA_STEP | {"on_failure": "second"}, BO_STEP)
    await wire.resume(again, wire.ana, NO)
    await wire.after(3601)
    ended = await wire.look(again)
    assert (ended["status"], ended["result"]["approved"]) == ("TIMED_OUT", False)
    assert ended["grant"] is None


async def test_success_may_leave_steps_out(wire: Wire) -> None:
    intent_id = await wire.file(
        AGENT_STEP | {"on_success": "approve", "on_failure": "second"}, BO_STEP, ANA_STEP
    )
    assert (await wire.resume(intent_id, wire.analyst, DONE))["step"] == 2
    assert (await wire.resume(intent_id, wire.ana, YES))["result"]["approved"] is True


async def test_work_that_failed_ends_the_intent_or_asks_people(wire: Wire) -> None:
    failed = {"action": "fail", "reason": "no access"}
    done = await wire.resume(await wire.work(), wire.analyst, failed)
    assert (done["status"], done["error"]) == ("FAILED", "no access")
    intent_id = await wire.file(AGENT_STEP | {"on_failure": "second"}, ANA_STEP, BO_STEP)
    assert (await wire.resume(intent_id, wire.analyst, failed))["step"] == 2
    answered = await wire.resume(intent_id, wire.bo, YES)
    assert answered["result"]["approved"] is True, "nobody had said no"


async def test_an_agents_time_is_up_by_its_own_deadline(wire: Wire) -> None:
    short = AGENT_STEP | {"step_deadline_seconds": 120}
    alone = await wire.file(short, ANA_STEP)
    asked = await wire.file(short | {"on_failure": "approve"}, ANA_STEP)
    await wire.after(121)
    assert (await wire.look(alone))["status"] == "TIMED_OUT"
    waiting = await wire.look(asked)
    assert (waiting["status"], waiting["step"]) == ("WAITING", 1)
    assert (await wire.resume(asked, wire.ana, YES))["result"]["approved"] is True
    reason = await wire.refused(409, "POST", f"/v1/intents/{alone}/resume", wire.analyst, DONE)
    assert "ended" in reason


async def test_a_policy_that_names_who_decides_has_them_asked_after_the_work(wire: Wire) -> None:
    await wire.ok("PUT", f"/v1/policies/{WORK}", wire.admin, {"reviewers": [ANA]})
    intent_id = await wire.work()
    waiting = await wire.resume(intent_id, wire.analyst, DONE)
    assert (waiting["status"], waiting["assigned"]) == ("WAITING", [ANA])


async def test_people_are_asked_where_no_other_agent_could_work(wire: Wire) -> None:
    for body in ({"to_agent": "agent://acme/production/nobody"}, {"to_agent": ANALYST, "to": ANA}):
        found = await wire.look(await wire.file(**{"to": ANA} | body))
        assert (found["status"], found["waiting_reason"]) == ("WAITING", "WAITING_FOR_HUMAN")
    own = await wire.file(key=wire.analyst, to_agent=ANALYST, payload={"reviewer": ANA})
    itself = await wire.file(key=wire.analyst, to_agent=ANALYST, to=ANA)
    for one in (own, itself):
        assert (await wire.look(one, wire.analyst))["status"] == "WAITING"


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([ANA_STEP | {"on_failure": "approve"}], "exactly one later step"),
        ([ANA_STEP | {"on_success": "nowhere"}], "exactly one later step"),
        ([ANA_STEP, BO_STEP | {"on_failure": "approve"}], "exactly one later step"),
        ([{"agent": "agent://acme/production/nobody"}], "register it"),
        ([AGENT_STEP | {"to": ANA}], "make two steps"),
    ],
)
async def test_workflows_that_could_not_end_or_begin_are_refused(
    wire: Wire, steps: list[dict[str, Any]], why: str
) -> None:
    body = {"intent_type": TYPE, "payload": {}, "steps": steps}
    assert why in await wire.refused(422, "POST", "/v1/intents", wire.asking, body)


async def test_only_the_agent_whose_work_it_is_says_how_it_went(wire: Wire) -> None:
    intent_id = await wire.file(AGENT_STEP, ANA_STEP)
    path = f"/v1/intents/{intent_id}/resume"
    assert "nobody else" in await wire.refused(403, "POST", path, wire.asking, DONE)
    assert "nobody else" in await wire.refused(403, "POST", path, wire.admin, DONE)
    await wire.refused(403, "POST", path, wire.ana, YES)
    stranger = await wire.house.key("agent", "agent://acme/production/stranger")
    await wire.refused(404, "POST", path, stranger, DONE)
    await wire.refused(
        403, "GET", "/v1/agents/acme/production/data-analyst/intents/stream", stranger
    )
    foreign = await wire.house.key("agent", ANALYST, tenant="globex")
    await wire.refused(404, "POST", path, foreign, DONE)


async def test_what_was_stored_to_go_on_from_stays_the_senders(wire: Wire) -> None:
    intent_id = await wire.work(continuation={"secret": "state"})
    path = f"/v1/intents/{intent_id}/continuation"
    assert (await wire.look(intent_id, wire.analyst))["status"] == "DELIVERED"
    await wire.refused(403, "GET", path, wire.analyst)
    assert (await wire.ok("GET", path, wire.asking))["continuation"] == {"secret": "state"}


async def test_an_answer_sent_twice_is_not_taken_for_the_next_steps(wire: Wire) -> None:
    """The protocol has no place for the step, and its client may send an answer again."""
    intent_id = await wire.file(ANA_STEP, {"name": "again", "to": ANA})
    assert (await wire.resume(intent_id, wire.ana, YES))["step"] == 1
    path = f"/v1/intents/{intent_id}/resume"
    assert "which one" in await wire.refused(409, "POST", path, wire.ana, YES)
    assert (await wire.look(intent_id))["status"] == "WAITING"
    meant = {"task_result": {"outcome": "approved", "step": 1}}
    assert (await wire.resume(intent_id, wire.ana, meant))["result"]["approved"] is True


async def test_agents_work_is_no_task_of_anybody(wire: Wire) -> None:
    await wire.work()
    for key in (wire.ana, wire.bo):
        assert (await wire.ok("GET", "/v1/me/tasks", key))["tasks"] == []
    deliveries = await wire.ok("GET", "/v1/deliveries", wire.admin)
    assert deliveries["deliveries"] == [], "no person is told of it"
    asked = await wire.file(to=ANA, human_task={"title": "Ship it?"})
    (task,) = (await wire.ok("GET", "/v1/me/tasks", wire.ana))["tasks"]
    assert (task["intent_id"], task["human_task"]["title"]) == (asked, "Ship it?")


async def test_the_person_sees_what_the_agent_found_and_channels_see_no_secret(wire: Wire) -> None:
    intent_id = await wire.file(AGENT_STEP, ANA_STEP)
    found = {"action": "complete", "verdict": "mask it", "password": "hunter2hunter2"}
    await wire.resume(intent_id, wire.analyst, found)
    card = await wire.house.holdshort.desk.card("default", intent_id)
    assert card is not None
    ((_, text),) = [one for one in card.words if one[0] == "analyse"]
    assert text.startswith(f"{ANALYST} on its step 'analyse'")
    assert "mask it" in text
    assert "hunter2" not in text
    assert card.masked
    shown = await wire.ok("GET", f"/v1/intents/{intent_id}/card", wire.ana)
    assert any("mask it" in one["text"] for one in shown["card"]["words"])
