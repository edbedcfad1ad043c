"""People are told once, by a channel that works, and not by a thousand messages."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from holdshort.clock import Clock
from holdshort.engine import lanes, outbox
from holdshort.notify.base import SendFailed
from holdshort.notify.storm import WINDOW
from holdshort.store.base import Delivery

from ..server.house import AGENT, ANA, BO, House, opened

pytestmark = pytest.mark.anyio
MINUTE = WINDOW // 1000


class Channel:
    """A channel inside the test, under any name."""

    def __init__(self, name: str, *, updates: bool = False) -> None:
        self.name = name
        self.updates = updates
        self.taken: list[Delivery] = []
        self.endpoints: list[dict[str, Any] | None] = []
        self.failing: Exception | None = None
        self.hanging = asyncio.Event()
        self.hanging.set()
        self.under_way: Counter[str] = Counter()

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> str | None:
        self.under_way[delivery.recipient] += 1
        await self.hanging.wait()
        if self.failing is not None:
            raise self.failing
        self.taken.append(delivery)
        self.endpoints.append(endpoint)
        return f"r{len(self.taken)}"

    async def close(self) -> None:
        pass

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(one.reason, one.recipient) for one in self.taken]


def house_with(folder: Path, *channels: Channel, **options: Any) -> Any:
    notifiers = {channel.name: channel for channel in channels}
    return opened(f"sqlite:///{folder / 'h.db'}", notifiers=notifiers, **options)


async def person(house: House, name: str = ANA, **said: Any) -> None:
    await house.ok("PUT", "/v1/people/{name}", house.admin, said, name=name)


class TestOneAfterTheOther:
    async def test_the_next_channel_is_used_at_once_where_one_fails(self, tmp_path: Path) -> None:
        slack, sms, email = Channel("slack"), Channel("sms"), Channel("email")
        async with house_with(tmp_path, slack, sms, email) as house:
            await person(house, channels=["slack", "sms", "email"], tell="first", slack="U0ANA")
            slack.failing, sms.failing = SendFailed("it is down"), SendFailed("x", permanent=True)
            asked = await house.ask()
            await house.holdshort.outbox.tick()
            (sent,) = email.taken
            found = {one["channel"]: one for one in await house.deliveries(asked)}
            assert (found["slack"]["state"], found["slack"]["attempts"]) == ("pending", 1)
            assert found["slack"]["last_error"] == "it is down"
            assert found["sms"]["state"] == "dead"
            assert found["email"]["state"] == "sent"
            # The same message, with an id of its own and a word of what it stands for.
            body = json.loads(sent.body)
            assert body["id"] == sent.id == found["email"]["delivery_id"]
            assert body["data"]["after_failure_of"] == found["sms"]["delivery_id"]
            assert body["data"]["intent_id"] == asked
            # The first is tried again and falls back no second time.
            house.clock.advance(5)
            await house.holdshort.outbox.tick()
            assert len(await house.deliveries(asked)) == 3
            assert email.told == [("asked", ANA)]

    async def test_where_the_first_works_no_other_is_used(self, tmp_path: Path) -> None:
        slack, email = Channel("slack"), Channel("email")
        async with house_with(tmp_path, slack, email) as house:
            await person(house, channels=["slack", "email"], tell="first", slack="U0ANA")
            asked = await house.ask()
            await house.holdshort.outbox.tick()
            (delivery,) = await house.deliveries(asked)
            assert (delivery["channel"], delivery["receipt"]) == ("slack", "r1")
            assert delivery["fallbacks"] == ["email"]
            assert email.taken == []

    async def test_a_channel_that_is_not_there_falls_back_too(self, tmp_path: Path) -> None:
        email = Channel("email")
        async with house_with(tmp_path, email) as house:
            await person(house, channels=["pigeon", "email"], tell="first", slack="U0ANA")
            await house.ask()
            await house.holdshort.outbox.tick()
            assert email.told == [("asked", ANA)]

    async def test_a_channel_that_never_answers_is_given_up_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outbox, "LONGEST_SEND", 0.05)
        slack, email = Channel("slack"), Channel("email")
        slack.hanging.clear()
        async with house_with(tmp_path, slack, email) as house:
            await person(house, channels=["slack", "email"], tell="first", slack="U0ANA")
            asked = await house.ask()
            await house.holdshort.outbox.tick()
            found = {one["channel"]: one for one in await house.deliveries(asked)}
            assert found["slack"]["last_error"] == "slack gave no answer within 0.05 s"
            assert email.told == [("asked", ANA)]
            slack.hanging.set()

    async def test_both_are_written_or_neither(self, tmp_path: Path) -> None:
        """What was not recorded is sent again, and then falls back again: nothing is lost."""
        slack, email = Channel("slack"), Channel("email")
        async with house_with(tmp_path, slack, email) as house:
            await person(house, channels=["slack", "email"], tell="first", slack="U0ANA")
            slack.failing = SendFailed("down")
            asked = await house.ask()
            sends = house.holdshort.outbox
            due = sends._from_queue()
            await sends._sort(due)
            await asyncio.gather(*map(sends._send, sends._from_lanes()))
            # The process ends here: nothing of it is written.
            sends._results.clear()
            sends._new.clear()
            (pending,) = await house.deliveries(asked)
            assert (pending["channel"], pending["attempts"]) == ("slack", 0)
            house.clock.advance(30)
            sends._lanes = lanes.Lanes()
            await sends.tick()
            assert email.told == [("asked", ANA)]


class TestWhatTheServerHas:
    async def test_channels_that_are_there_are_used(self, tmp_path: Path) -> None:
        console, email = Channel("console"), Channel("email")
        async with house_with(tmp_path, console, email) as house:
            asked = await house.ask()
            await house.holdshort.outbox.tick()
            assert {d["channel"] for d in await house.deliveries(asked)} == {"console", "email"}
            assert email.endpoints == [{"email": ANA, "person": ANA}]

    async def test_the_endpoint_is_what_is_known_of_the_person(self, tmp_path: Path) -> None:
        email = Channel("email")
        async with house_with(tmp_path, email) as house:
            await person(house, email="ana@home.example", timezone="Europe/Lisbon")
            await house.ask()
            await house.holdshort.outbox.tick()
            (endpoint,) = email.endpoints
            assert endpoint is not None
            assert endpoint["email"] == "ana@home.example"
            assert (endpoint["person"], endpoint["timezone"]) == (ANA, "Europe/Lisbon")

    async def test_messages_that_can_be_changed_hear_of_the_end(self, tmp_path: Path) -> None:
        slack, email = Channel("slack", updates=True), Channel("email")
        async with house_with(tmp_path, slack, email) as house:
            await person(house, slack="U0ANA")
            asked = await house.ask()
            await house.ok("POST", "/v1/intents/{intent_id}/claim", house.ana, intent_id=asked)
            await house.decide(asked)
            await house.holdshort.outbox.tick()
            assert slack.told == [("asked", ANA), ("claimed", ANA), ("decided", ANA)]
            assert email.told == [("asked", ANA)]


class TestQuietHours:
    """The clock stands at 2027-01-15 08:00 UTC."""

    async def test_told_when_they_are_over(self, tmp_path: Path) -> None:
        email = Channel("email")
        async with house_with(tmp_path, email) as house:
            await person(house, quiet={"from": "07:00", "until": "09:00"})
            asked = await house.ask(escalate_after="5h", remind_after="5h")
            await house.holdshort.outbox.tick()
            (waiting,) = await house.deliveries(asked)
            assert (waiting["state"], waiting["next_at"]) == ("pending", "2027-01-15T09:00:00.000Z")
            assert email.taken == []
            house.clock.advance(3599)
            await house.holdshort.tick()
            assert email.taken == []
            house.clock.advance(1)
            await house.holdshort.tick()
            assert email.told == [("asked", ANA)]

    async def test_what_is_over_by_then_is_not_told(self, tmp_path: Path) -> None:
        email = Channel("email")
        async with house_with(tmp_path, email) as house:
            await person(house, quiet={"from": "07:00", "until": "09:00"})
            asked = await house.ask(escalate_after="5h", remind_after="5h")
            await house.decide(asked)
            house.clock.advance(3600)
            await house.holdshort.tick()
            assert email.taken == []
            (delivery,) = await house.deliveries(asked)
            assert (delivery["state"], delivery["sent_at"]) == ("sent", None)
            assert delivery["receipt"] == "not needed: it was over by then"


class TestAway:
    async def test_what_is_open_moves_to_the_deputy_and_back(self, tmp_path: Path) -> None:
        """field.md 2, complaint 19: pending items move. Nothing of it needs a restart."""
        email = Channel("email")
        async with house_with(tmp_path, email) as house:
            asked = await house.ask(remind_after="30h", escalate_after="40h", deadline="200h")

            async def tasks(key: str) -> list[str]:
                page = await house.ok("GET", "/v1/tasks", key)
                return [task["intent_id"] for task in page["tasks"]]

            away = {"from": "2027-01-16", "until": "2027-01-17", "deputy": BO}
            await house.ok("POST", "/v1/absences", house.ana, away)
            assert (await tasks(house.ana), await tasks(house.bo)) == ([asked], [])
            house.clock.advance(86_400)
            assert (await tasks(house.ana), await tasks(house.bo)) == ([asked], [asked])
            house.clock.advance(8 * 3600)
            await house.holdshort.tick()
            assert email.told[-1] == ("reminded", BO)
            done = await house.decide(asked, key=house.bo)
            assert done["decision"]["on_behalf_of"] == ANA
            assert done["decision"]["decided_by"] == f"person:{BO}"
            house.clock.advance(3 * 86_400)
            assert await tasks(house.bo) == []
            late = await house.ask()
            await house.refused(
                404, "POST", "/v1/intents/{intent_id}/decision", house.bo,
                {"outcome": "approved"}, intent_id=late,
            )  # fmt: skip


class TestAttack48Storms:
    """field.md 3.3, case 48: a thousand requests are one message, and an alarm."""

    async def test_a_thousand_requests(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        email, console = Channel("email"), Channel("console")
        async with house_with(tmp_path, email, console, public_url="https://hs.example") as house:
            asked = [await self.batch(house, 100) for _ in range(10)]
            caplog.set_level(logging.WARNING)
            await house.holdshort.outbox.tick()
            assert email.told == [("asked", ANA)] * 3
            house.clock.advance(MINUTE)
            await house.holdshort.tick()
            assert email.told == [("asked", ANA)] * 3 + [("digest", ANA)]
            data = json.loads(email.taken[-1].body)["data"]
            assert (data["agent"], data["count"]) == (AGENT, 997)
            assert data["url"] == "https://hs.example/inbox"
            assert f"{AGENT} asks faster than people can be told: 997 requests" in caplog.text
            metrics = (await house.call("GET", "/metrics")).text
            assert f'holdshort_coalesced_total{{agent="{AGENT}"}} 997.0' in metrics
            assert {d["state"] for d in await house.deliveries(asked[9][99])} == {"sent"}
            found = {d["channel"]: d for d in await house.deliveries(asked[5][50])}
            assert found["email"]["receipt"] == f"in {email.taken[-1].id}"
            assert found["console"]["receipt"] != found["email"]["receipt"]
            assert len(console.taken) == 1000, "who looks at the server sees all of them"

    async def batch(self, house: House, count: int) -> list[str]:
        body = {"intents": [{"intent_type": "intent.x.v1", "to": ANA}] * count}
        done = await house.ok("POST", "/v1/intents/batch", house.agent, body)
        return [one["intent_id"] for one in done["results"]]

    async def test_another_agent_and_another_person_are_not_held(self, tmp_path: Path) -> None:
        email = Channel("email")
        async with house_with(tmp_path, email) as house:
            other = await house.key("agent", "agent://acme/production/other")
            await self.batch(house, 50)
            await house.ask(other)
            await house.ask(to=BO)
            await house.holdshort.outbox.tick()
            assert Counter(email.told) == {("asked", ANA): 4, ("asked", BO): 1}

    async def test_what_was_decided_meanwhile_is_not_in_it(self, tmp_path: Path) -> None:
        email = Channel("email")
        async with house_with(tmp_path, email) as house:
            asked = await self.batch(house, 20)
            await house.holdshort.outbox.tick()
            for one in asked[:10]:
                await house.decide(one)
            house.clock.advance(MINUTE)
            await house.holdshort.tick()
            data = json.loads(email.taken[-1].body)["data"]
            assert data["count"] == 10
            assert {task["intent_id"] for task in data["tasks"]} == set(asked[10:])

    async def test_a_crash_between_gathering_and_sending_loses_nothing(
        self, tmp_path: Path
    ) -> None:
        email = Channel("email")
        async with house_with(tmp_path, email) as house:
            await self.batch(house, 20)
            await house.holdshort.outbox.tick()
            email.failing = SendFailed("down")
            house.clock.advance(MINUTE)
            await house.holdshort.tick()
            assert len(email.taken) == 3
            email.failing = None
            house.clock.advance(MINUTE)
            await house.holdshort.tick()
            assert email.told[-1] == ("digest", ANA)
            assert json.loads(email.taken[-1].body)["data"]["count"] == 17


class TestNobodyHoldsUpTheOthers:
    async def test_one_recipient_that_hangs_has_four_of_the_places(self, tmp_path: Path) -> None:
        console = Channel("console")
        async with house_with(tmp_path, console, clock=Clock(), background=True) as house:
            console.hanging.clear()
            for _ in range(20):
                await house.ask(to=BO)
            await house.ask()
            async with asyncio.timeout(10):
                while console.under_way[ANA] == 0:
                    await asyncio.sleep(0.01)
            assert console.under_way[BO] == lanes.TO_RECIPIENT
            console.hanging.set()
            async with asyncio.timeout(10):
                while house.store.counts().get("deliveries.sent") != 21:
                    await asyncio.sleep(0.01)

    async def test_a_channel_that_hangs_holds_up_no_other(self, tmp_path: Path) -> None:
        slack, email = Channel("slack"), Channel("email")
        async with house_with(tmp_path, slack, email, clock=Clock(), background=True) as house:
            slack.hanging.clear()
            people = [f"p{n}@acme.com" for n in range(40)]
            for one in people:
                await person(house, one, slack="U0")
            await house.ask(to=people)
            async with asyncio.timeout(10):
                while len(email.taken) != 40:
                    await asyncio.sleep(0.01)
            assert sum(slack.under_way.values()) == lanes.BY_CHANNEL
            slack.hanging.set()
            async with asyncio.timeout(10):
                while len(slack.taken) != 40:
                    await asyncio.sleep(0.01)
