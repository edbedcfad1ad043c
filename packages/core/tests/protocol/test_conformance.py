"""The public conformance checks of the protocol's HTTP contract, written anew from its facts.

Their names are the checks'. The suite itself sends everything with one key, which here could only
be an agent's: then `approvals_decision` and the checks in which the sender ends a person's task
fail, as they have to. Here the sender, the receiver and the person have keys of their own.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from ..server.house import House
from .conftest import ANA, TYPE, Wire

pytestmark = pytest.mark.anyio

RECEIVER = "agent://conformance/receiver"
OWNER = "agent://conformance/owner"
CANONICAL = {
    "CREATED",
    "SUBMITTED",
    "DELIVERED",
    "ACKNOWLEDGED",
    "IN_PROGRESS",
    "WAITING",
    "COMPLETED",
    "FAILED",
    "CANCELED",
    "TIMED_OUT",
}


class Suite:
    """The two agents of the checks, registered under their short addresses."""

    def __init__(self, wire: Wire, receiver: str, owner: str) -> None:
        self.wire, self.receiver, self.owner = wire, receiver, owner

    async def create(self, to: str = RECEIVER, **more: Any) -> dict[str, Any]:
        body = {
            "intent_type": "intent.conformance.v1",
            "correlation_id": str(uuid4()),
            "from_agent": "agent://conformance/somebody-else",
            "to_agent": to,
            "payload": {"check": "conformance"},
        }
        found: dict[str, Any] = await self.wire.ok(
            "POST", "/v1/intents", self.wire.asking, body | more
        )
        return found


@pytest.fixture
async def suite(wire: Wire) -> Suite:
    for address in (RECEIVER, OWNER):
        await wire.ok("POST", "/v1/service-accounts", wire.admin, {"name": address})
    house: House = wire.house
    return Suite(wire, await house.key("agent", RECEIVER), await house.key("agent", OWNER))


async def test_health_and_trace_header(wire: Wire) -> None:
    response = await wire.call("GET", "/health", None, x_trace_id=str(uuid4()))
    assert response.json()["ok"] is True


async def test_intent_create(suite: Suite) -> None:
    made = await suite.create()
    assert made["ok"] is True
    assert isinstance(made["intent_id"], str)
    assert made["status"] in CANONICAL
    assert made["created_at"].endswith("Z")


async def test_intent_create_idempotency(suite: Suite) -> None:
    wire, body = suite.wire, {"intent_type": TYPE, "payload": {"n": 1}, "to": ANA}
    key = {"idempotency_key": "conformance-0001"}
    first = await wire.ok("POST", "/v1/intents", wire.asking, body, **key)
    # Its client makes a new correlation id for each try.
    again = body | {"correlation_id": str(uuid4())}
    assert (await wire.ok("POST", "/v1/intents", wire.asking, again, **key))["intent_id"] == first[
        "intent_id"
    ]
    other = body | {"payload": {"n": 2}}
    reason = await wire.refused(409, "POST", "/v1/intents", wire.asking, other, **key)
    assert "idempotency key reused with different payload" in reason


async def test_intents_get(suite: Suite) -> None:
    made = await suite.create()
    found = await suite.wire.look(made["intent_id"])
    assert found["from_agent"] == "agent://acme/production/analyst", "the key's, not the body's"
    assert found["status"] == found["lifecycle_status"] == "DELIVERED"
    assert found["to_agent"] == RECEIVER
    unknown = f"/v1/intents/{uuid4()}"
    await suite.wire.refused(404, "GET", unknown, suite.wire.asking)


async def test_intents_events(suite: Suite) -> None:
    wire, made = suite.wire, await suite.create()
    path = f"/v1/intents/{made['intent_id']}/events"
    events = (await wire.ok("GET", path, wire.asking))["events"]
    assert [one["event_type"] for one in events[:3]] == [
        "intent.created",
        "intent.submitted",
        "intent.delivered",
    ]
    assert [one["seq"] for one in events] == list(range(1, len(events) + 1))
    assert {one["status"] for one in events} <= CANONICAL
    since = (await wire.ok("GET", f"{path}?since=1", wire.asking))["events"]
    assert [one["seq"] for one in since] == [one["seq"] for one in events[1:]], "exclusive"


async def test_intents_stream_resume_and_ends(suite: Suite) -> None:
    wire, made = suite.wire, await suite.create()
    path = f"/v1/intents/{made['intent_id']}/events/stream?since=1&wait_seconds=2"
    response = await wire.call("GET", path, wire.asking)
    blocks = response.text.strip().split("\n\n")
    assert [one.splitlines()[0] for one in blocks[:-1]] == ["id: 2", "id: 3"]
    assert blocks[-1].splitlines() == ["event: stream.timeout", 'data: {"next_seq": 3}']


async def test_intents_resolve_and_continuation_autonomy(suite: Suite) -> None:
    wire, made = suite.wire, await suite.create()
    path = f"/v1/intents/{made['intent_id']}/resolve"
    done = await wire.ok(
        "POST", path, suite.receiver, {"status": "COMPLETED", "result": {"ok": True}}
    )
    assert done["intent"]["status"] == "COMPLETED"
    assert (await wire.events(made["intent_id"]))[3:] == ["intent.in_progress", "intent.completed"]
    second = {"status": "FAILED", "error": {"message": "too late"}}
    await wire.refused(409, "POST", path, suite.receiver, second)
    assert (await wire.look(made["intent_id"]))["status"] == "COMPLETED"


async def test_intent_completion_delivery(suite: Suite) -> None:
    wire, made = suite.wire, await suite.create(reply_to=OWNER)
    assert (await wire.ok("GET", "/v1/inbox", suite.owner))["threads"] == []
    path = f"/v1/intents/{made['intent_id']}/resolve"
    done = await wire.ok("POST", path, suite.receiver, {"status": "COMPLETED", "result": {}})
    assert done["completion_delivery"] == {
        "delivered": True,
        "reason": None,
        "reply_to": OWNER,
        "thread_id": made["intent_id"],
    }
    (thread,) = (await wire.ok("GET", f"/v1/inbox?owner_agent={OWNER}", suite.owner))["threads"]
    assert thread["thread_id"] == made["intent_id"]


async def test_the_owners_thread_is_replied_to_delegated_decided_and_cleared(suite: Suite) -> None:
    """inbox_list, _thread, _reply, _delegate, _decision and _messages_delete, on one thread."""
    wire, owner = suite.wire, suite.owner
    made = await suite.create(OWNER)
    (thread,) = (await wire.ok("GET", "/v1/inbox", owner))["threads"]
    thread_id = thread["thread_id"]
    assert thread_id == made["intent_id"]
    assert thread["owner_agent"] == OWNER
    assert {"event_id", "event_type", "actor", "at", "details"} == set(thread["timeline"][0])
    path = f"/v1/inbox/{thread_id}"
    said = await wire.ok("POST", f"{path}/reply", owner, {"message": "I look into it"})
    assert said["thread"]["timeline"][-1]["details"]["text"] == "I look into it"
    handed = {"delegate_to": RECEIVER, "note": "yours"}
    await wire.ok("POST", f"{path}/delegate", owner, handed)
    assert (await wire.ok("GET", path, suite.receiver))["thread"]["thread_id"] == thread_id
    done = await wire.ok("POST", f"{path}/approve", owner, {"comment": "done"})
    assert done["thread"]["status"] == "done"
    assert (await wire.look(thread_id))["result"]["approved"] is False, "work, and nobody's yes"
    cleared = await wire.ok("POST", f"{path}/messages/delete", owner, {"mode": "self", "limit": 1})
    assert cleared["deleted_count"] == 1
    left = (await wire.ok("GET", path, owner))["thread"]["timeline"]
    assert cleared["message_ids"][0] not in [one["event_id"] for one in left]
    mine = (await wire.ok("GET", path, suite.receiver))["thread"]["timeline"]
    assert len(mine) == len(left) + 1, "nothing was taken from anybody else"
    await wire.refused(403, "POST", f"{path}/messages/delete", owner, {"mode": "both"})


async def test_inbox_changes_pagination(suite: Suite) -> None:
    wire = suite.wire
    made = [(await suite.create(OWNER))["intent_id"] for _ in range(3)]
    seen: list[str] = []
    path = "/v1/inbox/changes?limit=2"
    page = await wire.ok("GET", path, suite.owner)
    assert page["has_more"] is True
    seen += [one["thread"]["thread_id"] for one in page["changes"]]
    page = await wire.ok("GET", f"{path}&cursor={page['next_cursor']}", suite.owner)
    seen += [one["thread"]["thread_id"] for one in page["changes"]]
    assert (page["has_more"], sorted(seen)) == (False, sorted(made))
    page = await wire.ok("GET", f"{path}&cursor={page['next_cursor']}", suite.owner)
    assert (page["changes"], page["next_cursor"]) == ([], None)


async def test_foreign_threads_are_not_there_and_foreign_owners_are_refused(suite: Suite) -> None:
    wire, made = suite.wire, await suite.create(OWNER)
    await wire.refused(404, "GET", f"/v1/inbox/{made['intent_id']}", suite.receiver)
    await wire.refused(403, "GET", f"/v1/inbox?owner_agent={OWNER}", suite.receiver)
    await wire.refused(403, "GET", "/v1/inbox", suite.receiver, x_owner_agent=OWNER)
    path = f"/v1/inbox/{made['intent_id']}/approve?owner_agent={RECEIVER}"
    await wire.refused(404, "POST", path, suite.receiver, {})


async def test_approvals_decision_and_the_check_that_an_honest_server_fails(suite: Suite) -> None:
    """The suite decides a random id and wants 200. Nothing was asked under it, so it is 404 here;
    an approval that is there is decided by a person's key, and by no other."""
    wire = suite.wire
    yes = {"decision": "approve", "comment": "fine"}
    for key in (wire.ana, wire.admin, suite.receiver):
        await wire.refused(404, "POST", f"/v1/approvals/{uuid4()}/decision", key, yes)
    asked = await wire.file(to=ANA)
    path = f"/v1/approvals/{asked}/decision"
    await wire.refused(403, "POST", path, wire.asking, yes)
    await wire.refused(403, "POST", path, wire.admin, yes)
    await wire.refused(404, "POST", path, wire.bo, yes)
    decided = (await wire.ok("POST", path, wire.ana, yes))["approval"]
    assert (decided["approval_id"], decided["decision"]) == (asked, "approve")
    assert (decided["comment"], decided["decided_at"][-1]) == ("fine", "Z")


async def test_webhooks_subscriptions(suite: Suite) -> None:
    """The address does not resolve, so nobody is called to see whether it does."""
    wire, path = suite.wire, "/v1/webhooks/subscriptions"
    body = {
        "callback_url": "https://integrator.example/webhooks/axme",
        "event_types": ["inbox.thread_created"],
        "active": True,
        "description": "conformance subscription",
    }
    made = (await wire.ok("POST", path, suite.owner, body))["subscription"]
    assert set(made) == {
        *("subscription_id", "owner_agent", "callback_url", "event_types", "active"),
        *("description", "created_at", "updated_at", "revoked_at", "secret_hint"),
    }
    assert UUID(made["subscription_id"])
    assert made.items() >= (body | {"owner_agent": OWNER, "revoked_at": None}).items()
    listed = await wire.ok("GET", f"{path}?owner_agent={OWNER}", suite.owner)
    assert listed["subscriptions"] == [made]
    one = f"{path}/{made['subscription_id']}?owner_agent={OWNER}"
    ended = await wire.ok("DELETE", one, suite.owner)
    assert (ended["ok"], ended["subscription_id"]) == (True, made["subscription_id"])
    assert ended["revoked_at"].endswith("Z")


async def test_webhooks_events(suite: Suite) -> None:
    """With a service key: no agent's key says what happened."""
    wire, counters = suite.wire, ("queued_deliveries", "processed_deliveries", "delivered")
    path, owner = "/v1/webhooks/events", f"?owner_agent={OWNER}"
    body = {
        "event_type": "inbox.thread_created",
        "source": "conformance",
        "payload": {"thread_id": str(uuid4())},
    }
    made = await wire.ok("POST", path + owner, wire.admin, body)
    assert UUID(made["event_id"])
    assert (made["owner_agent"], made["source"]) == (OWNER, "conformance")
    again = await wire.ok("POST", f"{path}/{made['event_id']}/replay{owner}", wire.admin)
    assert again["event_id"] == made["event_id"]
    assert again["replayed_at"].endswith("Z")
    for found in (made, again):
        assert [found[one] for one in (*counters, "pending", "dead_lettered")] == [0] * 5
    await wire.refused(403, "POST", path + owner, suite.owner, body)


async def test_capabilities_get(wire: Wire) -> None:
    found = await wire.ok("GET", "/v1/capabilities", wire.asking)
    assert {"intents", "inbox", "webhooks"} <= set(found["capabilities"])
    assert found["supported_intent_types"]
    for one in found["supported_intent_types"]:
        assert one.startswith("intent.")
        assert one.endswith(".v1")


async def test_the_key_is_taken_from_either_header(wire: Wire) -> None:
    assert (await wire.call("GET", "/v1/capabilities", None)).status_code == 401
    found = await wire.call("GET", "/v1/capabilities", None, x_api_key=wire.asking)
    assert found.status_code == 200
    # An actor's token comes beside the workspace's key, and says who acts.
    both = await wire.call("GET", "/v1/me/tasks", wire.ana, x_api_key=wire.asking)
    assert json.loads(both.text)["tasks"] == []
