"""Other services by URL: a real HTTP receiver takes what apprise sends."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from holdshort.models import HumanTask
from holdshort.notify.apprise import AppriseNotifier
from holdshort.notify.base import SendFailed
from holdshort.notify.card import Card, card_of
from holdshort.testing.notifier import Message, NotifierContract, delivery

from ..server.house import ANA, opened
from .receiver import HttpReceiver, reply
from .test_routing import NOW, intent, step

# The library imports what newer Pythons do without.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")

KEY = "tok-SECRET-9f8e7d"


class Desk:
    """Answers as the engine's does, about one intent with a secret in its arguments."""

    def __init__(self, arguments: dict[str, Any] | None = None) -> None:
        task = HumanTask(title="Approve: export")
        self.intent = intent(step(task=task), tool="db.export")
        self.body = json.dumps({"payload": arguments or {"rows": 9, "api_key": "k-12345"}})

    async def card(self, tenant: str, intent_id: str) -> Card | None:
        return card_of(self.intent, self.body, now=NOW, url=None)

    async def link(self, tenant: str, person: str, intent_id: str) -> str | None:
        return "https://hs.example/m/token"

    async def receipts(self, *about: str) -> list[str]:
        return []

    async def devices(self, *about: str) -> list[Any]:
        return []

    async def drop_device(self, *about: str) -> None:
        pass

    async def secret(self, name: str, make: Any) -> str:
        return str(make())


def send(
    urls: Sequence[str], *, allow_private: bool = True, desk: Desk | None = None, **changes: Any
) -> None:
    async def run() -> None:
        notifier = AppriseNotifier(desk or Desk(), allow_private=allow_private)
        try:
            await notifier.send(delivery("apprise", **changes), {"urls": list(urls)})
        finally:
            await notifier.close()

    asyncio.run(run())


def by_json(receiver: HttpReceiver) -> str:
    return f"json://127.0.0.1:{receiver.port}/hook?-token={KEY}"


class ServiceReceiver(HttpReceiver):
    """What a service at the end of a `json://` URL gets."""

    def __init__(self) -> None:
        self.failing = False
        super().__init__(lambda handler, me: reply(500 if self.failing else 200)(handler, me))
        self.endpoint = {"urls": [by_json(self)]}

    def received(self) -> list[Message]:
        taken = [] if self.failing else [json.loads(one.body)["message"] for one in self.requests]
        return [Message(text=text, body=text) for text in taken]

    def fail(self) -> None:
        self.failing = True


class TestContract(NotifierContract):
    def notifier(self) -> AppriseNotifier:
        return AppriseNotifier(Desk(), allow_private=True)

    @contextmanager
    def receiver(self) -> Iterator[ServiceReceiver]:
        with ServiceReceiver() as receiver:
            yield receiver


def test_what_a_service_gets() -> None:
    with HttpReceiver() as receiver:
        send([by_json(receiver)])
        (request,) = receiver.requests
    got = json.loads(request.body)
    assert got["title"] == "A decision waits for you (low risk)"
    assert "Run db.export: rows 9" in got["message"]
    assert "Asked by agent://acme/production/analyst." in got["message"]
    assert "https://hs.example/m/token" in got["message"]


def test_attack_46_the_title_says_nothing_of_the_matter() -> None:
    """field.md 3.3, case 46: it is what a lock screen shows."""
    with HttpReceiver() as receiver:
        send([by_json(receiver)])
        title = json.loads(receiver.requests[0].body)["title"]
    assert "export" not in title
    assert "analyst" not in title


def test_attack_47_secrets_are_masked() -> None:
    """field.md 3.3, case 47."""
    with HttpReceiver() as receiver:
        send([by_json(receiver)])
        text = receiver.requests[0].body.decode()
    assert "k-12345" not in text
    assert "masked (7 bytes)" in json.loads(text)["message"]


def test_long_arguments_are_not_cut_but_stand_on_the_page() -> None:
    with HttpReceiver() as receiver:
        send([by_json(receiver)], desk=Desk({"text": "x" * 5000}))
        text = json.loads(receiver.requests[0].body)["message"]
    assert "they stand on the page" in text
    assert "xxxxx" * 20 not in text


def test_ntfy_on_a_host_of_ones_own() -> None:
    with HttpReceiver() as receiver:
        send([f"ntfy://127.0.0.1:{receiver.port}/approvals"])
        (request,) = receiver.requests
    assert "Run db.export" in request.body.decode()


def test_one_of_two_fails_and_only_that_one_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)

    async def run(good: HttpReceiver, bad: ServiceReceiver) -> None:
        notifier = AppriseNotifier(Desk(), allow_private=True)
        urls = {"urls": [by_json(good), f"xml://127.0.0.1:{bad.port}/{KEY}"]}
        bad.fail()
        with pytest.raises(SendFailed) as failed:
            await notifier.send(delivery("apprise"), urls)
        assert str(failed.value) == "xml: the service did not take it"
        assert not failed.value.permanent
        bad.failing = False
        await notifier.send(delivery("apprise", attempts=1), urls)
        await notifier.close()

    with HttpReceiver() as good, ServiceReceiver() as bad:
        asyncio.run(run(good, bad))
        assert (len(good.requests), len(bad.requests)) == (1, 2)
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1:{port}/x",
        "json://localhost:{port}/x",
        "json://2130706433:{port}/x",
        "json://[::ffff:127.0.0.1]/x",
        "json://169.254.169.254/latest",
        "ntfy://127.0.0.1:{port}/topic",
        "mailto://user:pass@gmail.com?smtp=127.0.0.1&port={port}",
    ],
)
def test_attack_54_private_addresses_are_not_called(url: str) -> None:
    """field.md 3.3, case 54, by a service's URL."""
    with HttpReceiver() as receiver:
        with pytest.raises(SendFailed) as failed:
            send([url.format(port=receiver.port)], allow_private=False)
        assert receiver.connections == 0
    scheme = url.partition(":")[0]
    assert str(failed.value).startswith(f"{scheme}: its host ")


@pytest.mark.parametrize(
    "url",
    ["dbus://", "syslog://", "nonsense://x", f"x{KEY}", "discord://"],
)
def test_what_is_no_service_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SendFailed) as failed:
        send([url])
    assert failed.value.permanent
    assert "SECRET" not in str(failed.value)


def test_nobody_without_addresses() -> None:
    with pytest.raises(SendFailed, match="no addresses of services") as failed:
        send([])
    assert failed.value.permanent


def test_a_storm_is_one_message() -> None:
    tasks = [
        {"intent_id": str(n), "title": f"Approve {n}", "risk": "low", "deadline_at": None}
        for n in range(30)
    ]
    data = {"agent": "agent://a/b/c", "recipient": ANA, "count": 45, "tasks": tasks}
    body = {"id": "d", "type": "intent.digest", "timestamp": "", "data": data}
    with HttpReceiver() as receiver:
        send([by_json(receiver)], body=json.dumps(body))
        got = json.loads(receiver.requests[0].body)
    assert got["title"] == "45 decisions wait for you"
    assert "- Approve 19 (low risk)" in got["message"]
    assert "and 25 more" in got["message"]


@pytest.mark.anyio
async def test_a_persons_addresses_are_used_and_never_shown(tmp_path: Path) -> None:
    """From the directory to the service, with nothing set but the addresses themselves."""
    with HttpReceiver() as receiver:
        database = f"sqlite:///{tmp_path / 'h.db'}"
        async with opened(database, allow_private_webhooks=True) as house:
            person = "/v1/people/{name}"
            body = {"urls": [by_json(receiver)]}
            made = await house.ok("PUT", person, house.admin, body, name=ANA)
            assert made["item"]["urls"] == 1
            # Whoever changes something else keeps them.
            await house.ok("PUT", person, house.admin, {"name": "Ana"}, name=ANA)
            listed = await house.call("GET", "/v1/people", house.admin)
            assert KEY not in listed.text
            asked = await house.ask()
            await house.holdshort.outbox.tick()
            states = {d["channel"]: d["state"] for d in await house.deliveries(asked)}
            assert states == {"console": "sent", "apprise": "sent"}
            await house.ok("PUT", person, house.admin, {"urls": None}, name=ANA)
            again = await house.ask()
            assert [d["channel"] for d in await house.deliveries(again)] == ["console"]
        assert len(receiver.requests) == 1
