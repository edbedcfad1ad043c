"""Deliveries leave after the commit, are tried until they arrive, and are never lost."""

from __future__ import annotations

import asyncio
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from holdshort.clock import Clock
from holdshort.engine import lanes, outbox
from holdshort.engine.batch import DELIVERY_CLAIM
from holdshort.notify.backoff import MAX_ATTEMPTS
from holdshort.notify.base import SendFailed
from holdshort.notify.webhook import WebhookNotifier
from holdshort.store.base import Delivery

from ..notify.receiver import HttpReceiver, reply
from ..server.house import ANA, BO, House, opened

pytestmark = pytest.mark.anyio


class Pager:
    """A channel inside the test: takes everything until it is told otherwise."""

    name = "console"

    def __init__(self) -> None:
        self.taken: list[Delivery] = []
        self.failing: Exception | None = None
        self.hanging: dict[str, asyncio.Event] = {}
        """Recipients who do not answer before their event is set."""

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> None:
        if self.failing is not None:
            raise self.failing
        self.taken.append(delivery)
        if delivery.recipient in self.hanging:
            await self.hanging[delivery.recipient].wait()

    async def close(self) -> None:
        pass


def database(folder: Path) -> str:
    return f"sqlite:///{folder / 'h.db'}"


async def one(house: House, asked: str) -> dict[str, Any]:
    (delivery,) = await house.deliveries(asked)
    return delivery


async def test_what_was_committed_leaves(tmp_path: Path) -> None:
    pager = Pager()
    async with opened(database(tmp_path), notifiers={"console": pager}) as house:
        asked = await house.ask()
        assert (await one(house, asked))["state"] == "pending"
        assert await house.holdshort.outbox.tick() == 1
        delivery = await one(house, asked)
        assert (delivery["state"], delivery["attempts"]) == ("sent", 1)
        assert [taken.id for taken in pager.taken] == [delivery["delivery_id"]]
        assert (await house.look(asked))["notified"][0]["state"] == "sent"
        assert await house.holdshort.outbox.tick() == 0


async def test_a_passing_failure_is_tried_again_later(tmp_path: Path) -> None:
    pager = Pager()
    async with opened(database(tmp_path), notifiers={"console": pager}) as house:
        pager.failing = SendFailed("it is away")
        asked = await house.ask()
        await house.holdshort.outbox.tick()
        delivery = await one(house, asked)
        assert (delivery["state"], delivery["attempts"]) == ("pending", 1)
        assert delivery["last_error"] == "it is away"
        pager.failing = None
        assert await house.holdshort.outbox.tick() == 0, "not at once"
        house.clock.advance(5)
        assert await house.holdshort.outbox.tick() == 1
        delivery = await one(house, asked)
        assert (delivery["state"], delivery["attempts"]) == ("sent", 2)
        assert delivery["last_error"] is None


async def test_the_endpoint_may_ask_for_more_time(tmp_path: Path) -> None:
    pager = Pager()
    async with opened(database(tmp_path), notifiers={"console": pager}) as house:
        pager.failing = SendFailed("too many", retry_after=600)
        asked = await house.ask()
        await house.holdshort.outbox.tick()
        house.clock.advance(599)
        assert await house.holdshort.outbox.tick() == 0
        house.clock.advance(1)
        assert await house.holdshort.outbox.tick() == 1
        assert (await one(house, asked))["attempts"] == 2


@pytest.mark.parametrize("how", ["permanent", "too often", "defect"])
async def test_what_cannot_be_sent_is_given_up_where_it_is_seen(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    pager = Pager()
    async with opened(database(tmp_path), notifiers={"console": pager}) as house:
        pager.failing = (
            ZeroDivisionError("a secret of the channel's")
            if how == "defect"
            else SendFailed("gone", permanent=how == "permanent")
        )
        asked = await house.ask()
        tries = 0
        while (await one(house, asked))["state"] == "pending":
            tries += await house.holdshort.outbox.tick()
            house.clock.advance(6 * 3600)
        assert tries == (1 if how == "permanent" else MAX_ATTEMPTS)
        dead = await one(house, asked)
        assert (dead["state"], dead["attempts"], dead["next_at"]) == ("dead", tries, None)
        assert "secret" not in dead["last_error"]
        assert dead["delivery_id"] in caplog.text
        assert house.holdshort.outbox.dead == 1
        assert 'deliveries{state="dead"} 1' in (await house.call("GET", "/metrics")).text
        # An operator has put it right, and asks for it once more.
        pager.failing = None
        path = "/v1/deliveries/{delivery_id}/retry"
        await house.ok("POST", path, house.admin, delivery_id=dead["delivery_id"])
        assert await house.holdshort.outbox.tick() == 1
        assert pager.taken[-1].id == dead["delivery_id"]
        assert (await one(house, asked))["state"] == "sent"


async def test_an_unknown_channel_is_seen(tmp_path: Path) -> None:
    async with opened(database(tmp_path), notifiers={"console": Pager()}) as house:
        settings = {"channels": ["console", "pigeon"]}
        await house.ok("PUT", "/v1/settings", house.admin, settings)
        asked = await house.ask()
        await house.holdshort.outbox.tick()
        states = {d["channel"]: d for d in await house.deliveries(asked)}
        assert states["console"]["state"] == "sent"
        assert states["pigeon"]["state"] == "dead"
        assert "pigeon" in states["pigeon"]["last_error"]


async def test_a_crash_after_sending_sends_again_under_the_same_id(tmp_path: Path) -> None:
    """field.md 4.3, fault 3: at least once, and the receiver can tell."""
    pager = Pager()
    pager.hanging[ANA] = asyncio.Event()
    dying = House(database(tmp_path), notifiers={"console": pager})
    await dying.open()
    asked = await dying.ask()
    sending = asyncio.create_task(dying.holdshort.outbox.tick())
    while not pager.taken:
        await asyncio.sleep(0)
    # It was sent; that it was is written nowhere. The process is gone, and cleans nothing up.
    sending.cancel()
    await dying.engine.stop()
    await dying.http.aclose()
    dying.store.close()

    again = Pager()
    async with opened(
        database(tmp_path), dying.clock, keys=False, notifiers={"console": again}
    ) as house:
        house.admin = dying.admin
        assert await house.holdshort.outbox.tick() == 0, "it is still the other's to send"
        house.clock.advance(DELIVERY_CLAIM)
        assert await house.holdshort.outbox.tick() == 1
        assert [taken.id for taken in again.taken] == [taken.id for taken in pager.taken]
        assert again.taken[0].body == pager.taken[0].body
        assert (await one(house, asked))["state"] == "sent"


async def test_an_orderly_end_hands_over_at_once(tmp_path: Path) -> None:
    async with opened(database(tmp_path), notifiers={"console": Pager()}) as first:
        await first.ask()
        admin = first.admin
    pager = Pager()
    async with opened(
        database(tmp_path), first.clock, keys=False, notifiers={"console": pager}
    ) as house:
        house.admin = admin
        assert await house.holdshort.outbox.tick() == 1


async def test_two_processes_do_not_send_the_same(tmp_path: Path) -> None:
    pagers = Pager(), Pager()
    async with (
        opened(database(tmp_path), notifiers={"console": pagers[0]}) as one_,
        opened(database(tmp_path), one_.clock, keys=False, notifiers={"console": pagers[1]}) as two,
    ):
        for _ in range(40):
            await one_.ask()
        # Nobody holds them in memory any more.
        one_.holdshort.outbox._queue.clear()
        one_.clock.advance(DELIVERY_CLAIM)
        await asyncio.gather(one_.holdshort.outbox.tick(), two.holdshort.outbox.tick())
        ids = [taken.id for pager in pagers for taken in pager.taken]
        assert len(ids) == len(set(ids)) == 40


async def test_a_slow_recipient_does_not_hold_the_others(tmp_path: Path) -> None:
    pager = Pager()
    pager.hanging[BO] = asyncio.Event()
    async with opened(
        database(tmp_path), Clock(), background=True, notifiers={"console": pager}
    ) as house:
        slow = await house.ask(to=BO)
        for _ in range(3 * lanes.BY_CHANNEL):
            await house.ask()
        async with asyncio.timeout(10):
            while house.store.counts().get("deliveries.sent") != 3 * lanes.BY_CHANNEL:
                await asyncio.sleep(0.01)
        assert (await one(house, slow))["state"] == "pending"
        pager.hanging[BO].set()
        async with asyncio.timeout(10):
            while (await one(house, slow))["state"] != "sent":
                await asyncio.sleep(0.01)


async def test_the_queue_in_memory_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit is found in the database again, and nothing is sent twice."""
    monkeypatch.setattr(outbox, "LARGEST_QUEUE", 10)
    pager = Pager()
    async with opened(database(tmp_path), notifiers={"console": pager}) as house:
        for _ in range(5):
            await asyncio.gather(*(house.ask() for _ in range(7)))
            assert len(house.holdshort.outbox._queue) <= 10
        await house.holdshort.outbox.tick()
        house.clock.advance(DELIVERY_CLAIM)
        await house.holdshort.outbox.tick()
        ids = [taken.id for taken in pager.taken]
        assert len(ids) == len(set(ids)) == 35


async def test_a_queue_that_is_too_long_takes_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at the database and a commit can fill it at the same time."""
    async with opened(database(tmp_path), notifiers={"console": Pager()}) as house:
        await asyncio.gather(*(house.ask() for _ in range(5)))
        monkeypatch.setattr(outbox, "LARGEST_QUEUE", 3)
        body = {"intents": [{"intent_type": "intent.x.v1", "to": ANA}] * 4}
        await house.ok("POST", "/v1/intents/batch", house.agent, body)
        assert len(house.holdshort.outbox._queue) == 5


class TestWebhooks:
    async def hook(self, house: House, receiver: HttpReceiver, **more: Any) -> None:
        body = {"url": receiver.url, "events": ["intent.decided"]} | more
        await house.ok("PUT", "/v1/webhooks/{name}", house.admin, body, name="ci")

    async def test_the_decision_reaches_the_subscription(self, tmp_path: Path) -> None:
        notifiers = {"console": Pager(), "webhook": WebhookNotifier(allow_private=True)}
        with HttpReceiver() as receiver:
            async with opened(database(tmp_path), notifiers=notifiers) as house:
                await self.hook(house, receiver)
                asked = await house.ask()
                await house.decide(asked)
                await house.holdshort.outbox.tick()
            (request,) = receiver.requests
            body = json.loads(request.body)
            assert body["type"] == "intent.decided"
            assert body["data"]["outcome"] == "approved"
            assert request.headers["webhook-id"] == body["id"]

    async def test_a_deleted_subscription_gets_nothing_more(self, tmp_path: Path) -> None:
        notifiers = {"console": Pager(), "webhook": WebhookNotifier(allow_private=True)}
        with HttpReceiver() as receiver:
            async with opened(database(tmp_path), notifiers=notifiers) as house:
                await self.hook(house, receiver)
                asked = await house.ask()
                await house.decide(asked)
                await house.ok("DELETE", "/v1/webhooks/{name}", house.admin, name="ci")
                await house.holdshort.outbox.tick()
                (dead,) = await house.deliveries(asked, state="dead")
                assert "deleted" in dead["last_error"]
            assert receiver.requests == []

    async def test_a_receiver_that_says_gone_is_given_up(self, tmp_path: Path) -> None:
        notifiers = {"console": Pager(), "webhook": WebhookNotifier(allow_private=True)}
        answers = [reply(500), reply(410)]

        def answer(handler: BaseHTTPRequestHandler, receiver: HttpReceiver) -> None:
            answers.pop(0)(handler, receiver)

        with HttpReceiver(answer) as receiver:
            async with opened(database(tmp_path), notifiers=notifiers) as house:
                await self.hook(house, receiver)
                asked = await house.ask()
                await house.decide(asked)
                await house.holdshort.outbox.tick()
                states = [d["state"] for d in await house.deliveries(asked)]
                assert sorted(states) == ["pending", "sent"]
                house.clock.advance(5)
                await house.holdshort.outbox.tick()
                (dead,) = await house.deliveries(asked, state="dead")
                assert dead["attempts"] == 2
            first, second = receiver.requests
            assert first.headers["webhook-id"] == second.headers["webhook-id"]

    async def test_private_addresses_are_not_called(self, tmp_path: Path) -> None:
        with HttpReceiver() as receiver:
            async with opened(database(tmp_path)) as house:
                await self.hook(house, receiver)
                asked = await house.ask()
                await house.decide(asked)
                await house.holdshort.outbox.tick()
                (found,) = [d for d in await house.deliveries(asked) if d["channel"] == "webhook"]
                assert found["last_error"]
            assert receiver.connections == 0
