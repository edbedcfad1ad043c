"""What `resume` and `resolve` take, from whom, and what of the original's holes is closed."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from .conftest import ANA, Wire

pytestmark = pytest.mark.anyio

FORM = {
    "type": "object",
    "properties": {"approved": {"type": "boolean"}, "rows": {"type": "integer"}},
    "required": ["approved", "rows"],
}
DIALECTS: list[dict[str, Any]] = [
    {"task_result": {"outcome": "approved", "comment": "ok by me"}},
    {"outcome": "approved", "task_result": {"approved": True}},
    {"approve_current_step": True, "actor": "boss@acme.com", "reason": "ok by me"},
    {"outcome": "approved", "comment": "ok by me", "internal_scheduler": False},
    {"action": "complete", "outcome": "approved"},
    {},
]


@pytest.mark.parametrize("body", DIALECTS)
async def test_no_key_but_a_persons_answers_a_human_step(wire: Wire, body: dict[str, Any]) -> None:
    asked = await wire.file(to=ANA)
    for key in (wire.asking, wire.admin):
        await wire.refused(403, "POST", f"/v1/intents/{asked}/resume", key, body)
    stranger = await wire.house.key("agent", "agent://acme/production/stranger")
    await wire.refused(404, "POST", f"/v1/intents/{asked}/resume", stranger, body)
    assert (await wire.look(asked))["status"] == "WAITING"


@pytest.mark.parametrize("body", DIALECTS[:4])
async def test_a_persons_yes_in_each_dialect_and_who_it_was_comes_from_the_key(
    wire: Wire, body: dict[str, Any]
) -> None:
    done = await wire.resume(await wire.file(to=ANA), wire.ana, body)
    result = done["result"]
    assert (result["outcome"], result["decided_by"]) == ("approved", f"person:{ANA}")
    assert result["comment"] == (None if body is DIALECTS[1] else "ok by me")


@pytest.mark.parametrize(
    "body",
    [
        {"task_result": {"outcome": "rejected"}, "outcome": "approved"},
        {"task_result": {"outcome": "approved"}, "outcome": "rejected"},
        {"task_result": {"outcome": "rejected", "approved": True}},
        {"task_result": {"outcome": "rejected"}, "approve_current_step": True},
        {"task_result": {"outcome": "approved"}, "approved": False},
        {"approve_current_step": "yes"},
        {"task_result": {"outcome": ["approved"]}},
        {"task_result": "approved"},
        {"task_result": {"outcome": "approved", "comment": "a"}, "comment": "b"},
        {"task_result": {"outcome": "approved", "unheard_of": 1}},
        {"task_result": {"outcome": "maybe"}},
        {"comment": "fine"},
        {},
    ],
)
async def test_a_body_that_says_nothing_or_two_things_decides_nothing(
    wire: Wire, body: dict[str, Any]
) -> None:
    """A rejected task never carries `outcome=approved`, whatever stands beside it."""
    asked = await wire.file(to=ANA)
    await wire.refused(422, "POST", f"/v1/intents/{asked}/resume", wire.ana, body)
    assert (await wire.look(asked))["status"] == "WAITING"


async def test_a_no_is_a_no_to_everybody_who_looks(wire: Wire) -> None:
    asked = await wire.file(to=ANA)
    done = await wire.resume(asked, wire.ana, {"task_result": {"outcome": "rejected"}})
    assert (done["result"]["outcome"], done["result"]["approved"]) == ("rejected", False)
    late = {"task_result": {"outcome": "approved"}}
    await wire.refused(409, "POST", f"/v1/intents/{asked}/resume", wire.ana, late)
    events = await wire.ok("GET", f"/v1/intents/{asked}/events", wire.asking)
    outcomes = {e["details"].get("outcome") for e in events["events"] if "details" in e}
    assert "approved" not in outcomes


async def test_a_forms_fields_stand_beside_the_outcome(wire: Wire) -> None:
    task = {"title": "How many?", "task_type": "form", "form_schema": FORM}
    asked = await wire.file(to=ANA, human_task=task)
    path = f"/v1/intents/{asked}/resume"
    strings = {"task_result": {"outcome": "submitted", "approved": "true", "rows": "30"}}
    await wire.refused(422, "POST", path, wire.ana, strings)
    filled = {"task_result": {"outcome": "submitted", "approved": True, "rows": 30}}
    done = await wire.resume(asked, wire.ana, filled)
    assert done["result"]["data"] == {"approved": True, "rows": 30}


async def test_unknown_ids_are_404_for_looking_and_for_deciding(wire: Wire) -> None:
    for key in (wire.ana, wire.asking, wire.admin):
        for method, path in (
            ("GET", f"/v1/intents/{uuid4()}"),
            ("POST", f"/v1/intents/{uuid4()}/resume"),
            ("POST", f"/v1/intents/{uuid4()}/resolve"),
            ("POST", f"/v1/approvals/{uuid4()}/decision"),
            ("POST", f"/v1/inbox/{uuid4()}/approve"),
        ):
            body = None if method == "GET" else {"status": "CANCELED", "decision": "approve"}
            await wire.refused(404, method, path, key, body)


async def test_resolve_withdraws_and_decides_nothing(wire: Wire) -> None:
    asked = await wire.file(to=ANA)
    path = f"/v1/intents/{asked}/resolve"
    yes = {"status": "COMPLETED", "result": {"outcome": "approved"}}
    for key in (wire.asking, wire.admin, wire.ana):
        await wire.refused(403, "POST", path, key, yes)
    await wire.refused(422, "POST", path, wire.asking, {"status": "TIMED_OUT"})
    await wire.refused(403, "POST", path, wire.ana, {"status": "CANCELED"})
    done = await wire.ok("POST", path, wire.asking, {"status": "CANCELED", "reason": "old"})
    assert done["event"]["details"]["reason"] == "old"
    assert done["completion_delivery"]["delivered"] is False


async def test_an_agents_answer_may_be_sent_again_where_it_carries_a_key(wire: Wire) -> None:
    work = await wire.work()
    path, done = f"/v1/intents/{work}/resume", {"action": "complete", "rows": 1}
    await wire.ok("POST", path, wire.analyst, done, idempotency_key="answer-0001")
    await wire.ok("POST", path, wire.analyst, done, idempotency_key="answer-0001")
    await wire.refused(409, "POST", path, wire.analyst, done)
    other = done | {"rows": 2}
    await wire.refused(409, "POST", path, wire.analyst, other, idempotency_key="answer-0001")


async def test_another_agents_name_in_owner_agent_is_refused(wire: Wire) -> None:
    work = await wire.work()
    path = f"/v1/intents/{work}/resume?owner_agent=agent://acme/production/other"
    await wire.refused(403, "POST", path, wire.analyst, {"action": "complete"})
    path = f"/v1/intents/{work}/resume?owner_agent=agent://acme/production/data-analyst"
    assert (await wire.ok("POST", path, wire.analyst, {"action": "complete"}))["applied"] is True


async def test_old_intents_are_cleared_away(wire: Wire) -> None:
    old = [await wire.file(to=ANA), await wire.work()]
    await wire.after(3 * 3600)
    new = await wire.file(to=ANA)
    path, body = "/v1/intents/bulk-cancel", {"older_than_hours": 1, "dry_run": True}
    tried = await wire.ok("POST", path, wire.asking, body)
    assert (tried["would_cancel"], sorted(tried["intent_ids"])) == (2, sorted(old))
    assert (await wire.look(old[0]))["status"] == "WAITING"
    body |= {"dry_run": False, "status_filter": ["DELIVERED"]}
    assert (await wire.ok("POST", path, wire.asking, body))["intent_ids"] == [old[1]]
    other = await wire.house.key("agent", "agent://acme/production/other")
    assert (await wire.ok("POST", path, other, {"older_than_hours": 0}))["canceled"] == 0
    await wire.refused(403, "POST", path, wire.ana, {})
    left = await wire.ok("POST", path, wire.admin, {"older_than_hours": 0, "reason": "clean"})
    assert sorted(left["intent_ids"]) == sorted([old[0], new])
