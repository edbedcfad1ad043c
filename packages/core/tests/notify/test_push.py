"""Push messages, to a push service that is a real one as far as anybody can tell from outside."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from holdshort.clock import FakeClock
from holdshort.engine import pushed
from holdshort.notify.push import PushNotifier
from holdshort.store.base import Device
from holdshort.testing.notifier import Message, NotifierContract

from ..server.house import ANA, BO, House, database_in, opened
from .push_service import Phone, proven
from .receiver import HttpReceiver, reply

CONTACT = "mailto:ops@acme.com"
SECRET_ROWS = {"payload": {"rows": 9, "table": "salaries"}, "title": "Sack everybody"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(
        database_in(tmp_path),
        push_contact=CONTACT,
        allow_private_webhooks=True,
        public_url="https://holdshort.example",
    ) as house:
        await house.ok("PUT", "/v1/settings", house.admin, {"channels": ["push"]})
        yield house


@pytest.fixture
def service() -> Iterator[HttpReceiver]:
    with HttpReceiver(reply(201)) as service:
        yield service


async def add(house: House, phone: Phone, person: str = ANA, **more: Any) -> str:
    """Put a device on a person's list, as their page does; return its id."""
    made = phone.form()
    device = Device(
        tenant="default",
        kind="push",
        id=phone.path[-20:],
        person=person,
        created_at=house.clock.now(),
        doc={**made, "name": phone.name, **more},
    )
    await pushed.add(house.engine, device, None)
    return device.id


async def devices(house: House, person: str = ANA) -> list[Device]:
    return await house.engine.read(house.store.devices, "default", "push", person)


async def delivered(house: House, asked: str) -> dict[str, Any]:
    (found,) = await house.deliveries(asked, reason="asked")
    return found


pytestmark = pytest.mark.anyio


async def test_every_device_is_told_and_only_it_can_read(
    house: House, service: HttpReceiver
) -> None:
    phone, laptop = Phone(service), Phone(service, "laptop")
    for one in (phone, laptop):
        await add(house, one)
    asked = await house.ask(deadline="1h", **SECRET_ROWS)
    await house.holdshort.tick()
    for one in (phone, laptop):
        (message,) = one.messages()
        assert message["title"] == "An agent waits for your decision"
        assert (message["path"], message["tag"]) == (f"/inbox/{asked}", asked)
        assert message["until"] == house.clock.now() + 3600_000
    with pytest.raises(Exception, match="Decryption"):
        laptop.read(phone.requests()[0].body)
    assert (await delivered(house, asked))["state"] == "sent"
    assert all(one.doc["taken_at"] == house.clock.now() for one in await devices(house))


async def test_46_a_lock_screen_says_nothing_of_what_is_asked(
    house: House, service: HttpReceiver
) -> None:
    phone, open_one = Phone(service), Phone(service, "open")
    await add(house, phone)
    await add(house, open_one, show=True)
    await house.ask(**SECRET_ROWS)
    await house.holdshort.tick()
    (message,) = phone.messages()
    assert message["text"] == "Medium risk."
    for word in ("salaries", "Sack", "rows", "analyst", "export"):
        assert word not in str(message)
    assert b"salaries" not in phone.requests()[0].body
    (shown,) = open_one.messages()
    assert shown["text"].startswith("Medium risk. ")
    assert "salaries" in shown["text"]


async def test_47_no_secret_is_shown_even_where_what_is_asked_is(
    house: House, service: HttpReceiver
) -> None:
    phone = Phone(service)
    await add(house, phone, show=True)
    key = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
    await house.ask(payload={"note": "deploy", "api_key": key})
    await house.holdshort.tick()
    (message,) = phone.messages()
    assert key not in str(message)
    assert "masked" in message["text"]


async def test_the_service_is_told_who_we_are_and_how_urgent_it_is(
    house: House, service: HttpReceiver
) -> None:
    phone = Phone(service)
    await add(house, phone)
    await house.ask(deadline="1h")
    await house.ok("PUT", "/v1/policies/{name}", house.admin, {"risk": "high"}, name="*")
    await house.ask(deadline="30d")
    await house.holdshort.tick()
    by_ttl = sorted(phone.requests(), key=lambda one: int(one.headers["ttl"]))
    assert [one.headers["ttl"] for one in by_ttl] == ["3600", str(28 * 86400)]
    assert [one.headers["urgency"] for one in by_ttl] == ["normal", "high"]
    origin = service.url.removesuffix("/hook")
    keys = set()
    for one in by_ttl:
        claims, key = proven(one, origin)
        assert claims["sub"] == CONTACT
        assert 0 < claims["exp"] - time.time() <= 24 * 3600
        assert one.headers["content-encoding"] == "aes128gcm"
        assert len(one.headers["topic"]) == 32
        keys.add(key)
    push = house.holdshort.notifiers["push"]
    assert isinstance(push, PushNotifier)
    assert keys == {await push.public_key()}, "the key is made once and kept"


async def test_a_reminder_takes_the_place_of_the_first_message(
    house: House, service: HttpReceiver
) -> None:
    phone = Phone(service)
    await add(house, phone)
    await house.ok("PUT", "/v1/policies/{name}", house.admin, {"remind_after": "10m"}, name="*")
    await house.ask(deadline="1h")
    await house.holdshort.tick()
    house.clock.advance(601)
    await house.holdshort.tick()
    first, second = phone.messages()
    assert second["title"] == "An agent still waits for your decision"
    assert first["tag"] == second["tag"]
    assert first["id"] != second["id"]
    headers = [one.headers for one in phone.requests()]
    assert headers[0]["topic"] == headers[1]["topic"]


@pytest.mark.parametrize("status", [404, 410])
async def test_a_device_that_is_gone_is_forgotten(
    house: House, service: HttpReceiver, status: int
) -> None:
    with HttpReceiver(reply(status)) as gone:
        await add(house, Phone(gone))
        asked = await house.ask()
        await house.holdshort.tick()
    assert await devices(house) == []
    found = await delivered(house, asked)
    assert found["state"] == "dead"
    assert "the device is gone" in found["last_error"]


async def test_one_device_that_is_gone_holds_up_no_other(
    house: House, service: HttpReceiver
) -> None:
    phone = Phone(service)
    await add(house, phone)
    with HttpReceiver(reply(410)) as gone:
        await add(house, Phone(gone, "old"))
        asked = await house.ask()
        await house.holdshort.tick()
    assert len(phone.messages()) == 1
    assert (await delivered(house, asked))["state"] == "sent"
    assert [one.doc["name"] for one in await devices(house)] == ["phone"]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_service_that_is_busy_is_asked_again(house: House, status: int) -> None:
    answers = [status, 201]

    def answer(handler: BaseHTTPRequestHandler, receiver: HttpReceiver) -> None:
        reply(answers.pop(0), retry_after="120")(handler, receiver)

    with HttpReceiver(answer) as service:
        phone = Phone(service)
        await add(house, phone)
        asked = await house.ask(deadline="2h")
        await house.holdshort.tick()
        (device,) = await devices(house)
        assert str(status) in device.doc["failed"]
        found = await delivered(house, asked)
        assert found["state"] == "pending"
        house.clock.advance(121)
        await house.holdshort.tick()
        assert (await delivered(house, asked))["state"] == "sent"
        first, second = phone.messages()
        assert first == second, "the same message comes again"
        assert (await devices(house))[0].doc["failed"] is None


@pytest.mark.parametrize("status", [302, 400, 403, 413])
async def test_what_a_service_will_never_take_is_given_up(house: House, status: int) -> None:
    with HttpReceiver(reply(status, location="/elsewhere")) as service:
        phone = Phone(service)
        await add(house, phone)
        asked = await house.ask()
        await house.holdshort.tick()
        assert len(service.requests) == 1
        assert len(await devices(house)) == 1
    assert (await delivered(house, asked))["state"] == "dead"


async def test_nobody_without_a_device_is_told(house: House) -> None:
    asked = await house.ask()
    await house.holdshort.tick()
    found = await delivered(house, asked)
    assert (found["state"], found["attempts"]) == ("dead", 1)
    assert found["last_error"] == f"{ANA} has no device for push messages"


async def test_who_has_no_device_is_told_by_other_channels_alone(
    house: House, service: HttpReceiver
) -> None:
    await house.ok("PUT", "/v1/settings", house.admin, {"channels": ["push", "console"]})

    async def channels() -> list[str]:
        found = await house.deliveries(await house.ask())
        return sorted(one["channel"] for one in found)

    assert await channels() == ["console"]
    await add(house, Phone(service))
    assert await channels() == ["console", "push"]
    with HttpReceiver(reply(410)) as gone:
        await pushed.drop(house.engine, await devices(house))
        await add(house, Phone(gone))
        await house.ask()
        await house.holdshort.tick()
    assert await channels() == ["console"]


async def test_who_was_deactivated_is_not_told(house: House, service: HttpReceiver) -> None:
    await add(house, Phone(service))
    asked = await house.ask()
    await house.ok("PUT", "/v1/people/{name}", house.admin, {"active": False}, name=ANA)
    await house.holdshort.tick()
    assert service.requests == []
    assert (await delivered(house, asked))["last_error"] == f"{ANA} was deactivated"


async def test_what_is_over_is_not_pushed(house: House, service: HttpReceiver) -> None:
    await add(house, Phone(service))
    asked = await house.ask()
    await house.decide(asked)
    await house.holdshort.tick()
    assert service.requests == []
    assert (await delivered(house, asked))["state"] == "sent"


async def test_each_is_told_on_their_own_devices(house: House, service: HttpReceiver) -> None:
    anas, bos = Phone(service), Phone(service, "bos")
    await add(house, anas)
    await add(house, bos, BO)
    await house.ask()
    await house.holdshort.tick()
    assert len(anas.messages()) == 1
    assert bos.messages() == []


async def test_a_storm_is_one_message(house: House, service: HttpReceiver) -> None:
    phone = Phone(service)
    await add(house, phone)
    for row in range(30):
        await house.ask(payload={"row": row})
    await house.holdshort.tick()
    house.clock.advance(61)
    await house.holdshort.tick()
    messages = phone.messages()
    assert len(messages) == 4
    last = next(one for one in messages if one["path"] == "/inbox")
    assert last["title"] == "27 tasks wait for your decision"
    assert "analyst" not in str(last)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433"])
async def test_54_no_push_address_leads_into_our_network(tmp_path: Path, host: str) -> None:
    async with opened(database_in(tmp_path), push_contact=CONTACT) as house:
        await house.ok("PUT", "/v1/settings", house.admin, {"channels": ["push"]})
        with HttpReceiver() as inside:
            phone = Phone(inside)
            await add(house, phone, endpoint=f"http://{host}:{inside.port}/push")
            asked = await house.ask()
            await house.holdshort.tick()
            assert inside.connections == 0
        assert "not on the public internet" in (await delivered(house, asked))["last_error"]


class _Receiver:
    """A phone, as the contract wants to see it."""

    endpoint: dict[str, Any] | None = None

    def __init__(self, service: HttpReceiver, phone: Phone) -> None:
        self._service = service
        self._phone = phone

    def received(self) -> list[Message]:
        found = [self._phone.read(one.body).decode() for one in self._phone.requests()]
        return [Message(text=one, body=one) for one in found]

    def fail(self) -> None:
        self._service.fail()


class Desk:
    """What a channel may look up, where nobody has filed anything."""

    def __init__(self) -> None:
        self.phones: list[Phone] = []
        self.secrets: dict[str, str] = {}

    async def card(self, tenant: str, intent_id: str) -> None:
        return None

    async def devices(self, tenant: str, kind: str, person: str) -> list[Device]:
        return [
            Device(tenant=tenant, kind=kind, id="1", person=person, created_at=0, doc=one.form())
            for one in self.phones
        ]

    async def note_device(self, *said: Any) -> None:
        pass

    async def secret(self, name: str, make: Any) -> str:
        return self.secrets.setdefault(name, make())


class TestPush(NotifierContract):
    def setup_method(self) -> None:
        self.desk = Desk()

    def notifier(self) -> PushNotifier:
        desk: Any = self.desk
        return PushNotifier(desk, FakeClock(), CONTACT, allow_private=True)

    @contextmanager
    def receiver(self) -> Iterator[_Receiver]:
        with HttpReceiver(reply(201)) as service:
            self.desk.phones = [Phone(service)]
            yield _Receiver(service, self.desk.phones[0])
