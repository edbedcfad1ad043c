"""What every notification channel must keep to, as tests that a channel's author runs.

from holdshort.testing.notifier import Message, NotifierContract

class TestPager(NotifierContract):
    def notifier(self):
        return PagerNotifier()

    @contextmanager
    def receiver(self):
        with FakePager() as pager:   # a real endpoint on 127.0.0.1
            yield pager              # has .endpoint, .received() and .fail()
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from holdshort.notify.base import Notifier, SendFailed
from holdshort.store.base import Delivery

_NOW = 1_800_000_000_000


@dataclass(frozen=True, slots=True)
class Message:
    """What arrived: the whole of it, and the part of it that is the body."""

    text: str
    body: str


class Receiver(Protocol):
    """The far end of a channel, as real as a test can have it."""

    endpoint: dict[str, Any] | None
    """What `send` is given."""

    def received(self) -> list[Message]:
        """Return everything that arrived, oldest first."""

    def fail(self) -> None:
        """Take nothing from now on."""


def delivery(channel: str, **changes: Any) -> Delivery:
    """Return a delivery as the engine makes them, for this channel."""
    delivery_id = "01890a5d-ac96-774b-bcce-b302099a8057"
    data = {
        "intent_id": "01890a5d-ac96-774b-bcce-b302099a8001",
        "intent_type": "intent.data.export_approval.v1",
        "title": "Approve: customers_q1 \u202e\x1b[31m\nwith a title that an agent wrote",
        "agent": "agent://acme/production/analyst",
        "task_type": "approval",
        "status": "WAITING",
        "step": 0,
        "recipient": "cfo@company.com",
        "deadline_at": "2027-01-15T16:00:00.000Z",
    }
    body = {
        "id": delivery_id,
        "type": "intent.asked",
        "timestamp": "2027-01-15T08:00:00.000Z",
        "data": data,
    }
    made = Delivery(
        tenant="acme",
        id=delivery_id,
        intent_id=str(data["intent_id"]),
        reason="asked",
        channel=channel,
        recipient="cfo@company.com",
        body=json.dumps(body),
        next_at=_NOW,
        created_at=_NOW,
    )
    changed: Delivery = made.but(**changes)
    return changed


class NotifierContract(ABC):
    """Subclass it under a name that begins with `Test`, and say what is to be tested."""

    @abstractmethod
    def notifier(self) -> Notifier:
        """Return a new notifier. It is used in one event loop and closed there."""

    @abstractmethod
    def receiver(self) -> AbstractContextManager[Receiver]:
        """Open a receiver that takes everything until it is told to fail."""

    def run(self, use: Callable[[Notifier], Awaitable[None]]) -> None:
        """Use a new notifier in a new event loop, and close it."""

        async def whole() -> None:
            notifier = self.notifier()
            try:
                await use(notifier)
            finally:
                await notifier.close()

        asyncio.run(whole())

    def test_has_a_name_that_deliveries_can_carry(self) -> None:
        async def use(notifier: Notifier) -> None:
            assert notifier.name
            assert notifier.name == notifier.name.strip().lower()

        self.run(use)

    def test_passes_the_id_on(self) -> None:
        with self.receiver() as receiver:

            async def use(notifier: Notifier) -> None:
                sent = delivery(notifier.name)
                await notifier.send(sent, receiver.endpoint)
                (message,) = receiver.received()
                assert sent.id in message.text

            self.run(use)

    def test_sends_the_same_body_on_every_try(self) -> None:
        with self.receiver() as receiver:

            async def use(notifier: Notifier) -> None:
                sent = delivery(notifier.name)
                await notifier.send(sent, receiver.endpoint)
                again = sent.but(attempts=3, last_error="it was away")
                await notifier.send(again, receiver.endpoint)
                first, second = receiver.received()
                assert first.body
                assert first.body == second.body

            self.run(use)

    def test_keeps_deliveries_sent_at_once_apart(self) -> None:
        ids = [f"01890a5d-ac96-774b-bcce-b302099a90{n:02}" for n in range(20)]
        with self.receiver() as receiver:

            async def use(notifier: Notifier) -> None:
                one = delivery(notifier.name)
                many = [
                    one.but(id=i, body=one.body.replace(one.id, i), created_at=_NOW + n)
                    for n, i in enumerate(ids)
                ]
                await asyncio.gather(*(notifier.send(d, receiver.endpoint) for d in many))
                texts = [message.text for message in receiver.received()]
                assert len(texts) == len(ids)
                for i in ids:
                    assert sum(i in text for text in texts) == 1

            self.run(use)

    def test_raises_send_failed_and_nothing_else(self) -> None:
        with self.receiver() as receiver:
            receiver.fail()

            async def use(notifier: Notifier) -> None:
                try:
                    await notifier.send(delivery(notifier.name), receiver.endpoint)
                except SendFailed as failed:
                    self._check_reason(failed, receiver)
                else:
                    raise AssertionError("the receiver took nothing, and send did not say so")

            self.run(use)
            assert receiver.received() == []

    def test_refuses_a_strange_body_or_sends_it_as_it_is(self) -> None:
        for body in ("", "no JSON", "[]", "{}", '{"data": null}'):
            with self.receiver() as receiver:
                self._try_body(body, receiver)

    def _try_body(self, body: str, receiver: Receiver) -> None:
        async def use(notifier: Notifier) -> None:
            try:
                await notifier.send(delivery(notifier.name, body=body), receiver.endpoint)
            except SendFailed as failed:
                self._check_reason(failed, receiver)
                assert receiver.received() == []
            else:
                (message,) = receiver.received()
                assert body in message.body

        self.run(use)

    def test_can_be_closed_twice_and_unused(self) -> None:
        async def use(notifier: Notifier) -> None:
            await notifier.close()  # and once more by run()

        self.run(use)

    def _check_reason(self, failed: SendFailed, receiver: Receiver) -> None:
        why = str(failed)
        assert why.strip(), "say what happened, for the people who look at deliveries"
        assert why.isprintable(), "what a receiver says is shown to people: make it visible"
        for secret in (receiver.endpoint or {}).get("secrets", ()):
            assert secret not in why
            assert secret.removeprefix("whsec_") not in why
