"""Agents' subscriptions: what they are told, by real POSTs to real receivers, and what they are
not."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from ..notify.receiver import HttpReceiver, Request, reply
from ..server.house import database_in, opened
from .conftest import AGENT, ANA, ANALYST, Wire

pytestmark = pytest.mark.anyio

SECRET = "a secret of the subscriber"
PATH = "/v1/webhooks/subscriptions"
EVENTS = "/v1/webhooks/events"
THREADS = ["inbox.thread_created", "inbox.thread_updated", "inbox.reply_received"]


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as found:
        yield found


async def subscribe(wire: Wire, key: str, url: str, *types: str, **more: Any) -> dict[str, Any]:
    body = {"callback_url": url, "event_types": list(types or THREADS), "secret": SECRET}
    made = await wire.ok("POST", PATH, key, body | more)
    found: dict[str, Any] = made["subscription"]
    return found


async def sent_to(wire: Wire, **query: str) -> list[dict[str, Any]]:
    """Return what is on its way to subscriptions, or was sent there, as an operator sees it."""
    found = await wire.house.ok("GET", "/v1/deliveries", wire.admin, query=query)
    return [one for one in found["deliveries"] if one["channel"] == "subscription"]


def told(receiver: HttpReceiver) -> list[str]:
    return [json.loads(one.body)["event_type"] for one in receiver.requests]


def verified(request: Request, secret: str = SECRET) -> dict[str, Any]:
    """Return what was said, once both signatures are found good over the bytes that came."""
    mac = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-axme-signature"] == f"sha256={mac}"
    Webhook(secret.encode()).verify(request.body, request.headers)
    found: dict[str, Any] = json.loads(request.body)
    return found


async def test_the_owner_hears_of_its_threads(wire: Wire, receiver: HttpReceiver) -> None:
    await subscribe(wire, wire.analyst, receiver.url)
    made = await wire.work()
    await wire.ok("POST", f"/v1/inbox/{made}/reply", wire.analyst, {"message": "I begin"})
    await wire.ok("POST", f"/v1/intents/{made}/comments", wire.asking, {"text": "please hurry"})
    await wire.resume(made, wire.analyst, {"action": "complete"})
    await wire.after(1)
    said = [verified(one) for one in receiver.requests]
    assert sorted(one["event_type"] for one in said) == [
        "inbox.reply_received",
        "inbox.thread_created",
        "inbox.thread_updated",
        "inbox.thread_updated",
    ]
    first = next(one for one in said if one["event_type"] == "inbox.thread_created")
    assert (first["owner_agent"], first["source"]) == (ANALYST, "holdshort")
    assert first["payload"]["thread_id"] == made
    last = max((one["payload"] for one in said), key=lambda one: one["seq"])
    assert (last["status"], last["outcome"], last["approved"]) == ("COMPLETED", "completed", False)
    everything = b"".join(one.body for one in receiver.requests)
    assert b"please hurry" not in everything, "what was written is looked up with a key"
    assert b"rows" not in everything, "so is what was asked for"


async def test_who_asks_for_changes_alone_hears_of_replies_as_changes(
    wire: Wire, receiver: HttpReceiver
) -> None:
    await subscribe(wire, wire.analyst, receiver.url, "inbox.thread_updated")
    made = await wire.work()
    await wire.ok("POST", f"/v1/intents/{made}/comments", wire.asking, {"text": "please hurry"})
    await wire.after(1)
    assert told(receiver) == ["inbox.thread_updated"]


async def test_work_that_is_handed_on_is_a_new_thread_there(
    wire: Wire, receiver: HttpReceiver
) -> None:
    helper = "agent://acme/production/helper"
    await wire.ok("POST", "/v1/service-accounts", wire.admin, {"name": helper})
    await subscribe(wire, wire.admin, receiver.url, owner_agent=helper)
    made = await wire.work()
    handed = {"delegate_to": helper}
    await wire.ok("POST", f"/v1/inbox/{made}/delegate", wire.analyst, handed)
    await wire.after(1)
    assert told(receiver) == ["inbox.thread_created"]


async def test_the_agent_that_asked_hears_how_it_ended(wire: Wire, receiver: HttpReceiver) -> None:
    """Its documents promise an `intent.timed_out`; its schema has no such type."""
    await subscribe(
        wire, wire.asking, receiver.url, "intent.completed", "intent.timed_out", *THREADS
    )
    yes, late = await wire.file(to=ANA), await wire.file(to=ANA, deadline="1h")
    await wire.resume(yes, wire.ana, {"outcome": "approved"})
    await wire.after(2 * 3600)
    said = {one["payload"]["intent_id"]: one for one in map(verified, receiver.requests)}
    assert said[yes]["event_type"] == "intent.completed"
    assert said[yes]["payload"]["approved"] is True
    assert said[yes]["payload"]["decided_by"] == f"person:{ANA}"
    assert said[late]["event_type"] == "intent.timed_out"
    assert said[late]["payload"]["approved"] is False
    assert len(receiver.requests) == 2, "what people are asked is in no agent's inbox"


async def test_another_owners_threads_are_not_told(wire: Wire, receiver: HttpReceiver) -> None:
    await subscribe(wire, wire.asking, receiver.url, *THREADS, "intent.*")
    other = await wire.house.key("agent", "agent://acme/production/other")
    body = {"intent_type": "intent.data.scan.v1", "to_agent": ANALYST, "payload": {}}
    made = (await wire.ok("POST", "/v1/intents", other, body))["intent_id"]
    await wire.resume(made, wire.analyst, {"action": "complete"})
    await wire.after(1)
    assert receiver.requests == []


async def test_a_message_is_tried_again_under_one_id(wire: Wire) -> None:
    def answer(handler: BaseHTTPRequestHandler, receiver: HttpReceiver) -> None:
        reply(500 if len(receiver.requests) < 3 else 204)(handler, receiver)

    with HttpReceiver(answer) as receiver:
        await subscribe(wire, wire.analyst, receiver.url, "inbox.thread_created")
        made = await wire.work()
        for _ in range(4):
            await wire.after(3600)
        assert len(receiver.requests) == 3
        assert len({one.headers["webhook-id"] for one in receiver.requests}) == 1
        assert len({one.body for one in receiver.requests}) == 1, "the same bytes on every try"
        assert [verified(one)["payload"]["intent_id"] for one in receiver.requests] == [made] * 3
        (delivery,) = await sent_to(wire, state="sent")
        assert delivery["attempts"] == 3


async def test_redirects_are_not_followed(wire: Wire, receiver: HttpReceiver) -> None:
    """Attack 54."""
    with HttpReceiver(reply(307, location=receiver.url)) as first:
        await subscribe(wire, wire.analyst, first.url, "inbox.thread_created")
        await wire.work()
        await wire.after(1)
        assert (len(first.requests), len(receiver.requests)) == (1, 0)


async def test_addresses_are_judged_as_those_of_agents_callbacks_are(
    tmp_path: Path, receiver: HttpReceiver
) -> None:
    """Attack 54: agents choose these addresses. What an administrator lets its own webhooks call
    is not theirs to call."""
    options = {"host": "0.0.0.0", "allow_private_webhooks": True}
    async with opened(database_in(tmp_path), **options) as house:
        wire = Wire(house)
        await wire.open()
        await subscribe(wire, wire.analyst, receiver.url, "inbox.thread_created")
        await wire.work()
        await wire.after(1)
        assert receiver.connections == 0
        (delivery,) = await sent_to(wire)
        assert "not on the public internet" in delivery["last_error"]


async def test_an_address_is_subscribed_once(wire: Wire) -> None:
    url = "https://integrator.example/hook"
    first = await subscribe(wire, wire.analyst, url)
    wire.clock.advance(60)
    second = await subscribe(wire, wire.analyst, url, "inbox.thread_created", active=False)
    assert second["subscription_id"] == first["subscription_id"]
    assert (second["created_at"], second["active"]) == (first["created_at"], False)
    assert second["updated_at"] > first["updated_at"]
    assert second["event_types"] == ["inbox.thread_created"]
    (only,) = (await wire.ok("GET", PATH, wire.analyst))["subscriptions"]
    assert only == second


async def test_secrets_are_not_shown_again_and_never_logged(
    wire: Wire, receiver: HttpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    with HttpReceiver(reply(500)) as broken:
        mine = await subscribe(wire, wire.analyst, broken.url)
        assert mine["secret_hint"] == f"…{SECRET[-4:]}"
        body = {"callback_url": receiver.url, "event_types": ["inbox.thread_created"]}
        made = await wire.ok("POST", PATH, wire.analyst, body)
        secret = made["secret"]
        assert len(secret) >= 43
        assert "shown this once" in made["notes"][0]
        again = await wire.ok("POST", PATH, wire.analyst, body)
        assert "secret" not in again, "it stays, and is not shown"
        seen = await wire.call("GET", PATH, wire.admin)
        await wire.work()
        await wire.after(1)
        verified(receiver.requests[0], secret)
        assert len(await sent_to(wire)) == 2
        seen_too = await wire.call("GET", "/v1/deliveries", wire.admin)
    short = await wire.call("POST", PATH, wire.analyst, body | {"secret": "too short: x7"})
    assert short.status_code == 422
    for text in (seen.text, seen_too.text, caplog.text, short.text):
        assert SECRET not in text
        assert secret not in text
        assert "x7" not in text


async def test_a_subscription_that_was_ended_is_told_nothing(
    wire: Wire, receiver: HttpReceiver
) -> None:
    made = await subscribe(wire, wire.analyst, receiver.url)
    await wire.work()
    path = f"{PATH}/{made['subscription_id']}"
    ended = await wire.ok("DELETE", path, wire.analyst)
    assert ended["subscription_id"] == made["subscription_id"]
    assert ended["revoked_at"].endswith("Z")
    await wire.refused(404, "DELETE", path, wire.analyst)
    await wire.work()
    await wire.after(1)
    assert receiver.requests == []
    (delivery,) = await sent_to(wire)
    assert (delivery["state"], delivery["last_error"]) == ("dead", "this subscription was deleted")


async def test_whose_subscriptions_somebody_sees_and_ends(wire: Wire) -> None:
    url = "https://integrator.example/hook"
    mine = await subscribe(wire, wire.analyst, url)
    theirs = await subscribe(wire, wire.asking, url)
    assert mine["subscription_id"] != theirs["subscription_id"]
    assert (mine["owner_agent"], theirs["owner_agent"]) == (ANALYST, AGENT)
    listed = await wire.ok("GET", PATH, wire.analyst)
    assert [one["owner_agent"] for one in listed["subscriptions"]] == [ANALYST]
    assert len((await wire.ok("GET", PATH, wire.admin))["subscriptions"]) == 2
    one_owners = await wire.ok("GET", f"{PATH}?owner_agent={AGENT}", wire.admin)
    assert one_owners["subscriptions"] == [theirs]
    await wire.refused(404, "DELETE", f"{PATH}/{theirs['subscription_id']}", wire.analyst)
    await wire.refused(403, "GET", f"{PATH}?owner_agent={AGENT}", wire.analyst)
    body = {"callback_url": url, "event_types": THREADS}
    await wire.refused(409, "POST", PATH, wire.analyst, body | {"owner_agent": AGENT})
    await wire.refused(403, "POST", PATH, wire.ana, body)
    await wire.refused(422, "POST", PATH, wire.admin, body)


async def test_types_that_never_come_are_taken_and_named(wire: Wire) -> None:
    body = {
        "callback_url": "https://integrator.example/hook",
        "event_types": ["invite.accepted", "auth.session_revoked", "inbox.thread_created"],
        "secret": SECRET,
    }
    made = await wire.ok("POST", PATH, wire.analyst, body)
    assert made["subscription"]["event_types"] == body["event_types"]
    assert [one.partition(" ")[0] for one in made["notes"]] == [
        "auth.session_revoked",
        "invite.accepted",
    ]
    reason = await wire.refused(
        422, "POST", PATH, wire.analyst, body | {"event_types": ["intent.complete"]}
    )
    assert "intent.completed" in reason


@pytest.mark.parametrize(
    "url", ["ftp://integrator.example/x", "https://user:pass@host/x", "https:///x", "x" * 20]
)
async def test_what_is_no_address_is_refused(wire: Wire, url: str) -> None:
    body = {"callback_url": url, "event_types": THREADS}
    await wire.refused(422, "POST", PATH, wire.analyst, body)


async def test_an_agent_has_ten_subscriptions_at_most(wire: Wire) -> None:
    for number in range(10):
        await subscribe(wire, wire.analyst, f"https://integrator.example/{number}")
    body = {"callback_url": "https://integrator.example/x", "event_types": THREADS}
    await wire.refused(409, "POST", PATH, wire.analyst, body)
    await subscribe(wire, wire.analyst, "https://integrator.example/7")


async def test_a_service_publishes_and_replays(wire: Wire, receiver: HttpReceiver) -> None:
    with ExitStack() as others:
        second = others.enter_context(HttpReceiver())
        for one in (receiver, second):
            await subscribe(wire, wire.analyst, one.url, "invite.accepted")
        body = {"event_type": "invite.accepted", "source": "crm", "payload": {"n": 1}}
        path = f"{EVENTS}?owner_agent={ANALYST}"
        made = await wire.ok("POST", path, wire.admin, body)
        assert (made["queued_deliveries"], made["pending"], made["delivered"]) == (2, 2, 0)
        assert (made["owner_agent"], made["source"]) == (ANALYST, "crm")
        await wire.after(1)
        said = [verified(one.requests[0]) for one in (receiver, second)]
        assert {one["event_id"] for one in said} == {made["event_id"]}
        assert said[0]["published_by"] == "service:admin"
        assert said[0]["payload"] == {"n": 1}
        again = await wire.ok("POST", f"{EVENTS}/{made['event_id']}/replay", wire.admin)
        assert (again["queued_deliveries"], again["event_type"]) == (2, "invite.accepted")
        await wire.after(1)
        ids = [one.headers["webhook-id"] for one in (*receiver.requests, *second.requests)]
        assert ids[0] == ids[1]
        assert ids[2] == ids[3]
        assert ids[0] != ids[2]


async def test_what_happened_here_is_replayed_for_its_owner_alone(
    wire: Wire, receiver: HttpReceiver
) -> None:
    await subscribe(wire, wire.analyst, receiver.url, "inbox.thread_created")
    await wire.work()
    await wire.after(1)
    event_id = verified(receiver.requests[0])["event_id"]
    path = f"{EVENTS}/{event_id}/replay"
    await wire.refused(404, "POST", path, wire.asking)
    await wire.refused(403, "POST", path, wire.ana)
    again = await wire.ok("POST", path, wire.analyst)
    assert (again["owner_agent"], again["queued_deliveries"]) == (ANALYST, 1)
    await wire.after(1)
    assert len(receiver.requests) == 2
    await wire.refused(404, "POST", f"{EVENTS}/{uuid4()}/replay", wire.admin)


async def test_a_published_event_is_never_taken_for_what_happened_here(
    wire: Wire, receiver: HttpReceiver
) -> None:
    await subscribe(wire, wire.analyst, receiver.url, "intent.*", *THREADS)
    path = f"{EVENTS}?owner_agent={ANALYST}"
    body = {"event_type": "inbox.thread_created", "source": "crm", "payload": {"approved": True}}
    await wire.refused(403, "POST", path, wire.analyst, body)
    await wire.refused(403, "POST", EVENTS, wire.asking, body)
    await wire.refused(403, "POST", path, wire.ana, body)
    for wrong in ({"event_type": "intent.completed"}, {"source": "Holdshort "}):
        await wire.refused(422, "POST", path, wire.admin, body | wrong)
    await wire.refused(422, "POST", EVENTS, wire.admin, body)
    await wire.after(1)
    assert receiver.requests == []


async def test_publishing_twice_under_one_key_sends_once(
    wire: Wire, receiver: HttpReceiver
) -> None:
    await subscribe(wire, wire.analyst, receiver.url, "invite.accepted")
    path = f"{EVENTS}?owner_agent={ANALYST}"
    body = {"event_type": "invite.accepted", "source": "crm", "payload": {"n": 1}}
    key = {"idempotency_key": "invite-00001"}
    first = await wire.ok("POST", path, wire.admin, body, **key)
    await wire.after(1)
    second = await wire.ok("POST", path, wire.admin, body, **key)
    assert (second["event_id"], second["delivered"]) == (first["event_id"], 1)
    at_once = {"idempotency_key": "invite-00002"}
    found = await asyncio.gather(
        *(wire.ok("POST", path, wire.admin, body, **at_once) for _ in range(5))
    )
    assert len({one["event_id"] for one in found}) == 1
    await wire.after(1)
    assert len(receiver.requests) == 2
    await wire.refused(409, "POST", path, wire.admin, body | {"payload": {"n": 2}}, **key)


async def test_an_agent_that_is_taken_off_the_register_is_told_nothing(
    wire: Wire, receiver: HttpReceiver
) -> None:
    await subscribe(wire, wire.analyst, receiver.url)
    await subscribe(wire, wire.asking, "https://integrator.example/hook")
    (account,) = (await wire.ok("GET", "/v1/service-accounts", wire.admin))["service_accounts"]
    assert account["address"] == ANALYST
    path = f"/v1/service-accounts/{account['service_account_id']}"
    await wire.ok("DELETE", path, wire.admin)
    left = (await wire.ok("GET", PATH, wire.admin))["subscriptions"]
    assert [one["owner_agent"] for one in left] == [AGENT]


async def test_they_do_not_crowd_out_whom_of_the_people_was_told(
    wire: Wire, receiver: HttpReceiver
) -> None:
    """An agent chooses how many there are: the record of an intent, and what its card and its chat
    messages are found by, has none of them."""
    await subscribe(wire, wire.asking, receiver.url, "intent.*")
    asked = await wire.file(to=ANA)
    await wire.after(1)
    assert told(receiver).count("intent.waiting") == 1
    channels = {one["channel"] for one in (await wire.look(asked))["notified"]}
    channels |= {one["channel"] for one in await wire.house.deliveries(asked)}
    assert "subscription" not in channels
    assert len(await sent_to(wire)) == len(receiver.requests)


async def test_a_killed_agent_subscribes_no_more_and_is_told_nothing(
    wire: Wire, receiver: HttpReceiver
) -> None:
    await subscribe(wire, wire.analyst, receiver.url)
    made = await wire.work()
    await wire.after(1)
    await wire.ok("POST", f"/v1/mesh/agents/{ANALYST}/kill", wire.admin)
    await wire.ok("POST", f"/v1/intents/{made}/comments", wire.asking, {"text": "still there?"})
    await wire.after(1)
    assert told(receiver) == ["inbox.thread_created"]
    body = {"callback_url": receiver.url, "event_types": THREADS}
    await wire.refused(403, "POST", PATH, wire.analyst, body)
