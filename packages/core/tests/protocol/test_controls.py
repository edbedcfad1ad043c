"""Changing a live intent as the protocol's `controls` and `policy` do: who may, how far, and what
is said of what has no effect."""

from __future__ import annotations

from typing import Any

import pytest

from ..server.house import BO
from .conftest import ANA, ANALYST, TYPE, Wire

pytestmark = pytest.mark.anyio

HOUR = 3600


async def controls(wire: Wire, intent_id: str, key: str, patch: Any, **more: Any) -> Any:
    path = f"/v1/intents/{intent_id}/controls"
    return await wire.ok("POST", path, key, {"controls_patch": patch} | more)


async def refused(wire: Wire, status: int, intent_id: str, key: str, patch: Any) -> str:
    path = f"/v1/intents/{intent_id}/controls"
    return await wire.refused(status, "POST", path, key, {"controls_patch": patch})


async def test_the_asker_brings_the_end_nearer(wire: Wire) -> None:
    asked = await wire.file(to=ANA, deadline="8h")
    before = await wire.look(asked)
    assert before["policy_generation"] == 0
    done = await controls(wire, asked, wire.asking, {"timeout_seconds": HOUR}, reason="market shut")
    assert (done["applied"], done["policy_generation"]) == (True, 1)
    after = await wire.look(asked)
    assert after["policy_generation"] == 1
    assert after["deadline_at"] == done["deadline_at"] < before["deadline_at"]
    events = await wire.ok("GET", f"/v1/intents/{asked}/events", wire.asking)
    changed = events["events"][-1]
    assert changed["event_type"] == "intent.deadline_changed"
    assert changed["actor"].startswith("agent:")
    assert changed["details"] == {
        "step": 0,
        "before": before["deadline_at"],
        "deadline_at": after["deadline_at"],
        "reason": "market shut",
        "policy_generation": 1,
    }
    (task,) = (await wire.ok("GET", "/v1/me/tasks", wire.ana))["tasks"]
    assert task["due_at"] == after["deadline_at"], "its reviewer sees the new end"
    await wire.after(HOUR - 1)
    assert (await wire.look(asked))["status"] == "WAITING"
    await wire.after(2)
    ended = await wire.look(asked)
    assert (ended["status"], ended["result"]["outcome"]) == ("TIMED_OUT", "rejected")


async def test_the_asker_never_gets_more_time(wire: Wire) -> None:
    asked = await wire.file(to=ANA, deadline="2h")
    reason = await refused(wire, 403, asked, wire.asking, {"timeout_seconds": 3 * HOUR})
    assert "at the latest" in reason
    await controls(wire, asked, wire.admin, {"timeout_seconds": HOUR})
    # Nor back what a service took.
    await refused(wire, 403, asked, wire.asking, {"timeout_seconds": 2 * HOUR})
    back = await controls(wire, asked, wire.admin, {"timeout_seconds": 2 * HOUR})
    assert (back["applied"], back["policy_generation"]) == (True, 2)
    await refused(wire, 403, asked, wire.admin, {"timeout_seconds": 2 * HOUR + 1})


async def test_nobody_hastens_an_end_that_is_a_yes(wire: Wire) -> None:
    """An agent that may say when time is up would approve itself."""
    await wire.ok("PUT", f"/v1/policies/{TYPE}", wire.admin, {"fallback": "approve"})
    asked = await wire.file(to=ANA)
    for key in (wire.asking, wire.admin):
        reason = await refused(wire, 403, asked, key, {"timeout_seconds": HOUR})
        assert "people decide" in reason
    await wire.after(HOUR)
    assert (await wire.look(asked))["status"] == "WAITING"


async def test_who_may_not_change_it(wire: Wire) -> None:
    asked = await wire.file(to=ANA)
    patch = {"timeout_seconds": HOUR}
    await refused(wire, 403, asked, wire.ana, patch)
    await refused(wire, 404, asked, wire.analyst, patch)
    await refused(wire, 404, asked, wire.bo, patch)
    work = await wire.work()
    reason = await refused(wire, 403, work, wire.analyst, patch)
    assert "only the agent that filed this" in reason
    assert (await controls(wire, work, wire.asking, patch))["applied"] is True
    stated = {"controls_patch": patch, "actor": "agent://somebody/else"}
    path = f"/v1/intents/{work}/controls?owner_agent={ANALYST}"
    await wire.refused(403, "POST", path, wire.asking, stated)


async def test_a_stale_generation_changes_nothing(wire: Wire) -> None:
    asked = await wire.file(to=ANA)
    seen = {"expected_policy_generation": 0}
    assert (await controls(wire, asked, wire.asking, {"timeout_seconds": 7200}, **seen))["applied"]
    before = await wire.look(asked)
    stale = await controls(wire, asked, wire.asking, {"timeout_seconds": HOUR}, **seen)
    assert stale["ok"] is True
    assert (stale["applied"], stale["reason"]) == (False, "stale_policy_generation")
    assert stale["policy_generation"] == 1
    assert (await wire.look(asked))["deadline_at"] == before["deadline_at"]
    again = await controls(wire, asked, wire.asking, {"timeout_seconds": 7200}, **seen)
    assert (again["applied"], again["policy_generation"]) == (True, 1), "its answer was lost"


async def test_an_answer_to_what_has_moved_since_is_not_taken(wire: Wire) -> None:
    asked = await wire.file(to=ANA)
    await controls(wire, asked, wire.asking, {"timeout_seconds": HOUR})
    path = f"/v1/intents/{asked}/resume"
    yes = {"approve_current_step": True, "expected_policy_generation": 0}
    stale = await wire.ok("POST", path, wire.ana, yes)
    assert (stale["applied"], stale["reason"]) == (False, "stale_policy_generation")
    assert (stale["policy_generation"], stale["status"]) == (1, "WAITING")
    done = await wire.ok("POST", path, wire.ana, yes | {"expected_policy_generation": 1})
    assert (done["applied"], done["status"]) == (True, "COMPLETED")


async def test_the_policy_route_takes_the_envelope(wire: Wire) -> None:
    asked = await wire.file(to=ANA)
    path = f"/v1/intents/{asked}/policy"
    envelope = {"ttl_seconds": HOUR, "max_retry_count": 3, "retry_backoff_seconds": 2}
    done = await wire.ok("POST", path, wire.asking, {"envelope_patch": envelope})
    assert done["applied"] is True
    assert done["notes"] == [
        "envelope_patch.max_retry_count: has no effect here",
        "envelope_patch.retry_backoff_seconds: has no effect here",
    ]
    envelope = {"expires_at": done["deadline_at"]}
    same = await wire.ok("POST", path, wire.asking, {"envelope_patch": envelope})
    assert (same["applied"], same["policy_generation"]) == (True, 1)
    late = {"envelope_patch": {"expires_at": "2099-01-01T00:00:00Z"}}
    await wire.refused(403, "POST", path, wire.asking, late)


async def test_nobody_is_given_leave_to_decide(wire: Wire) -> None:
    asked = await wire.file(to=ANA)
    path = f"/v1/intents/{asked}/policy"
    grants = {"delegate:agent://ops": {"allow": ["resume", "update_controls", "update_policy"]}}
    body = {"grants_patch": grants, "envelope_patch": {"ttl_seconds": HOUR}}
    for key in (wire.asking, wire.admin):
        reason = await wire.refused(403, "POST", path, key, body)
        assert "only people decide" in reason
    assert (await wire.look(asked))["policy_generation"] == 0, "nothing of it was applied"


async def test_what_has_no_effect_is_named(wire: Wire) -> None:
    """The retry example of the protocol's own pages sends these."""
    asked = await wire.file(to=ANA)
    patch = {"last_retry_attempt": 1, "next_retry_delay_seconds": 2}
    done = await controls(wire, asked, wire.asking, patch, actor="x", internal_scheduler=True)
    assert (done["applied"], done["reason"]) == (False, "nothing_to_apply")
    assert sorted(done["notes"]) == [
        "actor: who acts comes from the key",
        "controls_patch.last_retry_attempt: has no effect here",
        "controls_patch.next_retry_delay_seconds: has no effect here",
        "internal_scheduler: who acts comes from the key",
    ]
    assert "intent.deadline_changed" not in await wire.events(asked)


@pytest.mark.parametrize(
    "patch",
    [
        {"timeout_seconds": 0},
        {"timeout_seconds": -5},
        {"timeout_seconds": "soon"},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "2027-01-01T00:00:00"},
        {"timeout_seconds": 60, "ttl_seconds": 60},
    ],
)
async def test_ends_that_are_none(wire: Wire, patch: dict[str, Any]) -> None:
    asked = await wire.file(to=ANA)
    await refused(wire, 422, asked, wire.asking, patch)


async def test_what_has_ended_keeps_its_end(wire: Wire) -> None:
    asked = await wire.file(to=BO)
    await wire.resume(asked, wire.bo, {"outcome": "rejected"})
    await refused(wire, 409, asked, wire.asking, {"timeout_seconds": HOUR})


async def test_a_killed_agent_changes_nothing(wire: Wire) -> None:
    asked = await wire.file(to=ANA)
    agent = (await wire.look(asked))["from_agent"]
    await wire.ok("POST", f"/v1/mesh/agents/{agent}/kill", wire.admin)
    for key, status in ((wire.asking, 403), (wire.admin, 409)):
        await refused(wire, status, asked, key, {"timeout_seconds": HOUR})
