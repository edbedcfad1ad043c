"""The request arrived, was committed, and its answer was lost: asking again changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdshort import AsyncClient, AsyncReviewer, Worker
from holdshort.worker import Job

from .conftest import empty_database
from .proxy import Proxy, proxy
from .server import PATIENCE, Server

ANA, BEN, CLEO = "ana@acme.com", "ben@acme.com", "cleo@acme.com"
TYPE = "intent.data.export.v1"


class Line:
    """The clients of one server, all behind a proxy that loses answers."""

    def __init__(self, server: Server, cut: Proxy, keys: dict[str, str]) -> None:
        self.server, self.cut = server, cut
        self.agent = AsyncClient(cut.url, api_key=server.keys["agent"])
        self._people = {
            address: AsyncReviewer(cut.url, api_key=key) for address, key in keys.items()
        }

    def person(self, address: str) -> AsyncReviewer:
        return self._people[address]

    async def close(self) -> None:
        for client in (self.agent, *self._people.values()):
            await client.close()

    async def approved(self, **fields: Any) -> tuple[str, str]:
        """File an intent and approve it; return its id and its digest."""
        intent_id = await self.agent.send_intent(TYPE, to=ANA, **fields)
        await self.person(ANA).approve(intent_id)
        return intent_id, (await self.agent.wait_for(intent_id)).digest

    async def events(self, intent_id: str) -> Counter[str]:
        log = await self.agent.list_intent_events(intent_id)
        return Counter(event["event_type"] for event in log)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with empty_database(request, folder) as url, Server(url, folder) as server:
        yield server


@pytest.fixture(scope="module")
def people(server: Server) -> dict[str, str]:
    """Three people's keys."""
    return {name: server.person(name) for name in (ANA, BEN, CLEO)}


Teller = Callable[[Callable[["Line"], Awaitable[None]]], None]


@pytest.fixture
def tell(server: Server, people: dict[str, str]) -> Teller:
    """Runs a story on a line to the server."""
    return lambda story: _tell(server, people, story)


def _tell(server: Server, keys: dict[str, str], story: Callable[[Line], Awaitable[None]]) -> None:
    async def run() -> None:
        async with proxy(server.url) as cut:
            line = Line(server, cut, keys)
            try:
                await asyncio.wait_for(story(line), PATIENCE)
            finally:
                await line.close()

    asyncio.run(run())


@pytest.mark.parametrize("key", ["mine", None])
def test_filing(tell: Teller, key: str | None) -> None:
    async def story(line: Line) -> None:
        before = [one["intent_id"] for one in await line.agent.list_intents()]
        line.cut.lose("POST", "/v1/intents", times=2)
        intent_id = await line.agent.send_intent(TYPE, to=ANA, key=key)
        assert line.cut.lost == 2
        assert [one["intent_id"] for one in await line.agent.list_intents()] == [intent_id, *before]
        notified = (await line.agent.get_intent(intent_id))["notified"]
        assert [(one["reason"], one["recipient"]) for one in notified] == [("asked", ANA)]

    tell(story)


def test_deciding(tell: Teller) -> None:
    async def story(line: Line) -> None:
        intent_id = await line.agent.send_intent(TYPE, to=ANA)
        line.cut.lose("POST", "/decision", times=2)
        said = await line.person(ANA).approve(intent_id, comment="fine")
        assert line.cut.lost == 2
        assert said["decision"]["comment"] == "fine"
        assert (await line.agent.wait_for(intent_id)).approved
        assert (await line.events(intent_id))["intent.decided"] == 1

    tell(story)


def test_editing(tell: Teller) -> None:
    async def story(line: Line) -> None:
        action = {"tool": "export", "arguments": {"columns": ["name", "mail"]}}
        intent_id = await line.agent.send_intent(TYPE, to=ANA, action=action)
        line.cut.lose("POST", "/decision")
        await line.person(ANA).approve(intent_id, arguments={"columns": ["name"]})
        assert line.cut.lost == 1
        assert (await line.agent.wait_for(intent_id)).arguments == {"columns": ["name"]}
        events = await line.events(intent_id)
        assert (events["intent.edited"], events["intent.decided"]) == (1, 1)

    tell(story)


def test_editing_before_others_have_said_yes(tell: Teller) -> None:
    async def story(line: Line) -> None:
        action = {"tool": "export", "arguments": {"columns": ["name", "mail"]}}
        intent_id = await line.agent.send_intent(TYPE, to=[ANA, BEN], quorum=2, action=action)
        line.cut.lose("POST", "/decision")
        await line.person(ANA).approve(intent_id, arguments={"columns": ["name"]})
        assert line.cut.lost == 1
        await line.person(BEN).approve(intent_id)
        assert (await line.agent.wait_for(intent_id)).arguments == {"columns": ["name"]}
        events = await line.events(intent_id)
        assert (events["intent.edited"], events["intent.voted"]) == (1, 1)

    tell(story)


@pytest.mark.parametrize("by", ["approve", "submit"])
def test_one_yes_is_not_taken_for_the_next_step_as_well(tell: Teller, by: str) -> None:
    async def story(line: Line) -> None:
        intent_id = await line.agent.send_intent(TYPE, steps=[{"to": ANA}, {"to": ANA}])
        line.cut.lose("POST", "/decision")
        if by == "approve":
            await line.person(ANA).approve(intent_id)
        else:
            await line.person(ANA).submit(intent_id, "approved")
        assert line.cut.lost == 1
        found = await line.agent.get_intent(intent_id)
        assert (found["status"], found["step"]) == ("WAITING", 1)

    tell(story)


def test_consuming_and_reporting(tell: Teller) -> None:
    async def story(line: Line) -> None:
        intent_id, digest = await line.approved()
        line.cut.lose("POST", "/consume", times=2)
        permit = await line.agent.consume(intent_id, digest, "try-1")
        assert permit["run"]
        line.cut.lose("POST", "/report", times=2)
        await line.agent.report(intent_id, "try-1", succeeded=True, result={"rows": 3})
        assert line.cut.lost == 4
        events = await line.events(intent_id)
        assert (events["intent.grant_consumed"], events["intent.reported"]) == (1, 1)
        assert (await line.agent.get_intent(intent_id))["grant"]["state"] == "done"

    tell(story)


def test_withdrawing(tell: Teller) -> None:
    async def story(line: Line) -> None:
        intent_id = await line.agent.send_intent(TYPE, to=ANA)
        line.cut.lose("POST", "/cancel")
        await line.agent.cancel(intent_id, "not needed")
        broken = await line.agent.send_intent(TYPE, to=ANA)
        line.cut.lose("POST", "/fail")
        await line.agent.fail(broken, "the disk broke")
        assert line.cut.lost == 2
        assert (await line.events(intent_id))["intent.canceled"] == 1
        assert (await line.events(broken))["intent.failed"] == 1

    tell(story)


def test_claiming_and_handing_on(tell: Teller) -> None:
    async def story(line: Line) -> None:
        intent_id = await line.agent.send_intent(TYPE, to=[ANA, BEN])
        ana = line.person(ANA)
        for action in ("claim", "release", "delegate"):
            line.cut.lose("POST", f"/{action}")
        await ana.claim(intent_id)
        await ana.release(intent_id)
        await ana.delegate(intent_id, CLEO)
        assert line.cut.lost == 3
        events = await line.events(intent_id)
        assert [events[f"intent.{name}"] for name in ("claimed", "released", "delegated")] == [
            1
        ] * 3
        notified = (await line.agent.get_intent(intent_id))["notified"]
        assert [one["recipient"] for one in notified].count(CLEO) == 1

    tell(story)


def test_a_worker_that_does_not_hear_that_it_has_finished(tell: Teller, tmp_path: Path) -> None:
    async def story(line: Line) -> None:
        intent_id, _ = await line.approved(resume="worker", payload={"rows": 3})
        effects = tmp_path / "effects"
        worker = Worker(line.agent)

        @worker.on(TYPE)
        async def resume(job: Job) -> None:
            def act(rows: int) -> int:
                with effects.open("a") as file:
                    file.write(json.dumps(rows) + "\n")
                return rows

            await job.run(act)

        for action in ("/consume", "/report", "/lease/finish"):
            line.cut.lose("POST", action)
        assert await worker.serve(once=True) == 1
        assert line.cut.lost == 3
        assert effects.read_text() == "3\n"
        assert await worker.serve(once=True) == 0
        assert (await line.events(intent_id))["intent.resumed"] == 1

    tell(story)
