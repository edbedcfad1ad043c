"""PyPI's `axme`, unmodified: its webhook subscriptions, controls and policy against a real
`holdshort up`, with a real receiver."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from axme import AxmeClient
from axme_sdk.exceptions import AxmeAuthError, AxmeHttpError

from holdshort.testing.adapter.live import LiveServer, until

from .conftest import client, registered

TYPE = "intent.data.export_approval.v1"
WORK = "intent.data.scan.v1"
OWNER = "agent://acme/production/data-analyst"
SECRET = "a secret of the subscriber"


class Receiver:
    """An integrator's server; it answers 500 to as much as `broken` says."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.broken = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks/axme"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append((headers, body))
                self.send_response(500 if len(receiver.requests) <= receiver.broken else 204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def heard(self, event_type: str) -> dict[str, Any]:
        """Return the first good event of this type, as soon as it is there."""

        def look() -> dict[str, Any] | None:
            said = [verified(*one) for one in self.requests]
            return next((one for one in said if one["event_type"] == event_type), None)

        return until(look, event_type)


def verified(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """Verify a message as the protocol's own example of a receiver does."""
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    received = headers["x-axme-signature"].removeprefix("sha256=")
    assert hmac.compare_digest(expected, received)
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


@pytest.fixture
def asking(server: LiveServer) -> Iterator[AxmeClient]:
    with client(server, server.keys["agent"]) as found:
        yield found


@pytest.fixture
def owner(server: LiveServer, admin: AxmeClient) -> Iterator[AxmeClient]:
    """The agent whose inbox it is, with a key of its account."""
    with client(server, registered(server, admin, OWNER)) as found:
        yield found


def subscription(receiver: Receiver, *types: str) -> dict[str, Any]:
    return {"callback_url": receiver.url, "event_types": list(types), "secret": SECRET}


def test_a_subscription_is_made_listed_used_and_ended(
    asking: AxmeClient, owner: AxmeClient, receiver: Receiver
) -> None:
    types = ("inbox.thread_created", "inbox.thread_updated", "inbox.reply_received")
    made = owner.upsert_webhook_subscription(
        subscription(receiver, *types), idempotency_key="webhook-0001"
    )["subscription"]
    assert (made["owner_agent"], made["active"]) == (OWNER, True)
    assert SECRET not in json.dumps(made)
    assert owner.list_webhook_subscriptions(owner_agent=OWNER)["subscriptions"] == [made]
    work = asking.send_intent({"intent_type": WORK, "to_agent": OWNER, "payload": {"t": 1}})
    created = receiver.heard("inbox.thread_created")
    assert created["payload"]["thread_id"] == work
    assert owner.get_inbox_thread(work, owner_agent=OWNER)["thread"]["thread_id"] == work
    owner.resume_intent(work, {"action": "complete"}, owner_agent=OWNER)
    assert receiver.heard("inbox.thread_updated")["payload"]["status"] == "COMPLETED"
    again = owner.replay_webhook_event(created["event_id"], owner_agent=OWNER)
    assert (again["event_id"], again["queued_deliveries"]) == (created["event_id"], 1)
    until(
        lambda: [
            body
            for _, body in receiver.requests
            if json.loads(body)["event_id"] == again["event_id"]
        ][1:],
        "the same event once more",
    )
    ended = owner.delete_webhook_subscription(made["subscription_id"], owner_agent=OWNER)
    assert ended["subscription_id"] == made["subscription_id"]
    assert owner.list_webhook_subscriptions()["subscriptions"] == []
    with pytest.raises(AxmeAuthError):
        asking.list_webhook_subscriptions(owner_agent=OWNER)


def test_the_agent_that_asked_is_told_of_the_decision(
    server: LiveServer, asking: AxmeClient, receiver: Receiver
) -> None:
    asking.upsert_webhook_subscription(subscription(receiver, "intent.completed"))
    intent_id = asking.send_intent({"intent_type": TYPE, "to_agent": OWNER, "payload": {}})
    with server.reviewer() as person:
        person.approve(intent_id)
    said = receiver.heard("intent.completed")["payload"]
    assert (said["intent_id"], said["outcome"], said["approved"]) == (intent_id, "approved", True)


def test_a_message_outlives_the_server_that_could_not_send_it(
    server: LiveServer, asking: AxmeClient, owner: AxmeClient, receiver: Receiver
) -> None:
    receiver.broken = 1
    owner.upsert_webhook_subscription(subscription(receiver, "inbox.thread_created"))
    work = asking.send_intent({"intent_type": WORK, "to_agent": OWNER, "payload": {"t": 1}})
    until(lambda: _failed_once(server), "the first try, and that it is noted")
    server.restart()
    until(lambda: receiver.requests[1:], "another try")
    (first, body), (second, same) = receiver.requests[:2]
    assert first["webhook-id"] == second["webhook-id"]
    assert verified(second, same) == verified(first, body)
    assert verified(first, body)["payload"]["thread_id"] == work


def _failed_once(server: LiveServer) -> bool:
    found = server.admin("GET", "/v1/deliveries", {})["deliveries"]
    return [one["attempts"] for one in found if one["channel"] == "subscription"] == [1]


def test_a_service_publishes_and_no_agent_does(
    admin: AxmeClient, owner: AxmeClient, receiver: Receiver
) -> None:
    owner.upsert_webhook_subscription(subscription(receiver, "invite.accepted"))
    event = {"event_type": "invite.accepted", "source": "crm", "payload": {"nick": "x"}}
    sent = admin.publish_webhook_event(event, owner_agent=OWNER, idempotency_key="invite-0001")
    assert sent["queued_deliveries"] == 1
    said = receiver.heard("invite.accepted")
    assert (said["event_id"], said["published_by"][:8]) == (sent["event_id"], "service:")
    with pytest.raises(AxmeAuthError):
        owner.publish_webhook_event(event, owner_agent=OWNER)


def test_controls_and_policy_bring_the_end_nearer_and_name_what_has_no_effect(
    asking: AxmeClient, server: LiveServer
) -> None:
    intent_id = asking.send_intent({"intent_type": TYPE, "to_agent": OWNER, "payload": {}})
    before = asking.get_intent(intent_id)["intent"]
    seen = before["policy_generation"]
    done = asking.update_intent_controls(
        intent_id,
        {"controls_patch": {"timeout_seconds": 120}, "expected_policy_generation": seen},
    )
    assert (done["ok"], done["applied"], done["policy_generation"]) == (True, True, seen + 1)
    assert asking.get_intent(intent_id)["intent"]["deadline_at"] < before["deadline_at"]
    stale = asking.update_intent_policy(
        intent_id,
        {"envelope_patch": {"ttl_seconds": 60}, "expected_policy_generation": seen},
    )
    assert (stale["ok"], stale["applied"]) == (True, False)
    assert stale["reason"] == "stale_policy_generation"
    noted = asking.update_intent_controls(
        intent_id,
        {"controls_patch": {"last_retry_attempt": 1, "next_retry_delay_seconds": 2}},
    )
    assert (noted["applied"], noted["reason"], len(noted["notes"])) == (
        False,
        "nothing_to_apply",
        2,
    )
    with pytest.raises(AxmeAuthError) as refused:
        asking.update_intent_controls(intent_id, {"controls_patch": {"timeout_seconds": 86400}})
    assert "at the latest" in str(refused.value)
    grants = {"delegate:agent://ops": {"allow": ["resume", "update_controls"]}}
    with pytest.raises(AxmeAuthError) as refused:
        asking.update_intent_policy(intent_id, {"grants_patch": grants})
    assert "only people decide" in str(refused.value)
    assert asking.get_intent(intent_id)["status"] == "WAITING"


def test_what_is_not_theirs_is_not_there(
    asking: AxmeClient, owner: AxmeClient, receiver: Receiver
) -> None:
    made = owner.upsert_webhook_subscription(subscription(receiver, "inbox.thread_created"))
    with pytest.raises(AxmeHttpError) as refused:
        asking.delete_webhook_subscription(made["subscription"]["subscription_id"])
    assert refused.value.status_code == 404
    intent_id = asking.send_intent({"intent_type": TYPE, "to_agent": "x/y", "payload": {}})
    with pytest.raises(AxmeHttpError) as refused:
        owner.update_intent_controls(intent_id, {"controls_patch": {"timeout_seconds": 60}})
    assert refused.value.status_code == 404
