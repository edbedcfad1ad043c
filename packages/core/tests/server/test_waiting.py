"""Held requests: the decision as soon as there is one, and the log as it happens."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from .house import BO, House

pytestmark = pytest.mark.anyio

I = "/v1/intents/{intent_id}"  # noqa: E741


async def waiters(house: House, count: int) -> None:
    """Until this many requests wait."""
    async with asyncio.timeout(10):
        while len(house.engine.wake) != count:
            await asyncio.sleep(0)


async def wait_for(house: House, asked: str, seconds: str, key: str | None = None) -> Any:
    return await house.ok(
        "GET", f"{I}/decision", key or house.agent, query={"wait_seconds": seconds}, intent_id=asked
    )


class TestDecision:
    async def test_returns_as_soon_as_there_is_one(self, house: House) -> None:
        asked = await house.ask()
        waiting = asyncio.create_task(wait_for(house, asked, "60"))
        await waiters(house, 1)
        started = time.monotonic()
        await house.decide(asked, comment="go")
        found = await waiting
        assert time.monotonic() - started < 1
        assert found["decision"]["comment"] == "go"
        assert found["decision"]["arguments"] == {"rows": 9}
        assert len(house.engine.wake) == 0

    async def test_returns_at_once_where_there_is_one(self, house: House) -> None:
        asked = await house.ask()
        await house.decide(asked)
        first = await wait_for(house, asked, "60")
        assert first["decision"]["approved"]
        house.clock.advance(10 * 365 * 86400)
        await house.holdshort.tick()
        assert await wait_for(house, asked, "60") == first, "the same for ever"

    async def test_says_so_when_time_is_up(self, house: House) -> None:
        asked = await house.ask()
        for seconds in ("0", "0.05"):
            found = await wait_for(house, asked, seconds)
            assert found["decision"] is None
            assert (found["status"], found["waiting_reason"]) == ("WAITING", "WAITING_FOR_HUMAN")

    async def test_waits_through_what_is_no_answer(self, house: House) -> None:
        asked = await house.ask(to=["ana@acme.com", BO], quorum=2)
        waiting = asyncio.create_task(wait_for(house, asked, "60"))
        await waiters(house, 1)
        await house.decide(asked)
        for path, body in (("comments", {"text": "hm"}), ("claim", None)):
            await house.ok("POST", f"{I}/{path}", house.bo, body, intent_id=asked)
        assert not waiting.done()
        await house.decide(asked, key=house.bo)
        assert (await waiting)["decision"]["approved"]

    @pytest.mark.parametrize("end", ["cancel", "fail", "time out"])
    async def test_every_end_is_an_answer(self, house: House, end: str) -> None:
        asked = await house.ask()
        waiting = asyncio.create_task(wait_for(house, asked, "60"))
        await waiters(house, 1)
        if end == "time out":
            house.clock.advance(8 * 3600)
            await house.holdshort.tick()
        else:
            body = {"error": "x"} if end == "fail" else None
            await house.ok("POST", f"{I}/{end}", house.agent, body, intent_id=asked)
        answer = (await waiting)["decision"]
        assert (answer["approved"], answer["arguments"]) == (False, None)
        assert answer["outcome"] == {"cancel": "canceled", "fail": "failed"}.get(end, "rejected")
        assert answer["timed_out"] == (end == "time out")
        assert answer["decided_by"] == ("system:timeout" if end == "time out" else None)

    async def test_a_client_that_leaves_is_forgotten(self, house: House) -> None:
        asked = await house.ask()
        waiting = asyncio.create_task(wait_for(house, asked, "60"))
        await waiters(house, 1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert len(house.engine.wake) == 0


class TestStream:
    async def stream(self, house: House, asked: str, **more: Any) -> list[dict[str, Any]]:
        """Read a stream to its end: its frames."""
        response = await house.call(
            "GET", f"{I}/events/stream", house.agent, intent_id=asked, **more
        )
        assert response.status_code == 200
        frames = []
        for text in response.text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in text.splitlines() if line[:1] != ":")
            if fields:
                frames.append(fields | {"data": json.loads(fields["data"])})
        return frames

    async def test_goes_on_from_where_it_was_cut(self, house: House) -> None:
        asked = await house.ask()
        await house.decide(asked)
        every = await self.stream(house, asked)
        assert [int(frame["id"]) for frame in every] == list(range(1, len(every) + 1))
        assert all(frame["data"]["event_type"] == frame["event"] for frame in every)
        for last in range(len(every)):
            after = {"headers": {"Last-Event-ID": str(last)}}
            assert await self.stream(house, asked, **after) == every[last:]
            assert await self.stream(house, asked, query={"since": str(last)}) == every[last:]

    async def test_says_where_to_go_on_when_time_is_up(self, house: House) -> None:
        asked = await house.ask()
        frames = await self.stream(house, asked, query={"wait_seconds": "1"})
        last = len(await house.events(asked))
        assert frames[-1] == {"event": "stream.timeout", "data": {"next_seq": last}}
        assert len(frames) == last + 1

    async def test_ends_with_the_intent_and_shows_what_happens_meanwhile(
        self, house: House
    ) -> None:
        asked = await house.ask()
        since = {"since": str(len(await house.events(asked))), "wait_seconds": "60"}
        reading = asyncio.create_task(self.stream(house, asked, query=since))
        await waiters(house, 1)
        await house.ok("POST", f"{I}/comments", house.ana, {"text": "hm"}, intent_id=asked)
        await house.decide(asked)
        frames = await asyncio.wait_for(reading, 5)
        assert [frame["event"] for frame in frames] == [
            "intent.commented", "intent.decided", "intent.completed",
        ]  # fmt: skip
        assert len(house.engine.wake) == 0

    async def test_ends_at_once_where_all_was_read(self, house: House) -> None:
        asked = await house.ask()
        await house.decide(asked)
        since = {"since": str(len(await house.events(asked))), "wait_seconds": "60"}
        started = time.monotonic()
        assert await self.stream(house, asked, query=since) == []
        assert time.monotonic() - started < 2
