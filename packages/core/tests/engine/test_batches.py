"""One writer, whole batches: what is refused fails alone, what fails ends nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from holdshort import ids
from holdshort.clock import FakeClock
from holdshort.engine import writer
from holdshort.engine.work import File
from holdshort.errors import (
    Forbidden,
    HoldshortError,
    InvalidRequest,
    NotAReviewer,
    NotFound,
    Unavailable,
)
from holdshort.lifecycle import Command, Create, Decide
from holdshort.models import Principal
from holdshort.requests import DecisionRequest, IntentRequest
from holdshort.store.base import Down, Entry, Stale, Tx
from holdshort.store.sqlite import SqliteStore, SqliteTx

from ..server.house import AGENT, ANA, BO, TYPE, House, opened

pytestmark = pytest.mark.anyio

T = "default"


def filing(intent_id: str | None = None, *, key: str | None = None, **request: Any) -> File:
    """Work that files an intent for Ana."""
    intent_id = intent_id or ids.new_id(1_800_000_000_000)
    asked = IntentRequest.model_validate({"intent_type": TYPE, "to": [ANA]} | request)
    command = Create(
        principal=Principal(kind="agent", id=AGENT, tenant=T),
        request=asked,
        intent_id=intent_id,
        key=key or intent_id,
        body_hash="0" * 64,
        correlation_id="c",
    )
    return File(command, body='{"payload":{}}')


def yes(person: str = ANA) -> Decide:
    return Decide(
        Principal(kind="person", id=person, tenant=T), DecisionRequest(outcome="approved")
    )


async def together(house: House, *works: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run these so that all of them are in the queue before the writer takes the first."""
    begun, go = threading.Event(), threading.Event()

    def hold(_: Tx) -> None:
        begun.set()
        assert go.wait(30)

    holding = asyncio.create_task(house.engine.write(hold))
    await asyncio.to_thread(begun.wait, 30)
    running = [asyncio.create_task(work) for work in works]
    await asyncio.sleep(0)  # each has put its work by the time it first waits
    go.set()
    await asyncio.gather(holding, return_exceptions=True)
    return await asyncio.gather(*running, return_exceptions=True)


async def test_what_queues_up_is_committed_at_once(house: House) -> None:
    before = house.engine.writer.commits
    done = await together(house, *(house.engine.file(filing()) for _ in range(200)))
    assert {type(one).__name__ for one in done} == {"Filed"}
    assert house.engine.writer.commits - before == 2, "the one that held, and all the others"
    assert house.engine.writer.items >= 200


async def test_a_large_queue_is_cut_into_batches(house: House) -> None:
    count = 2 * writer.LARGEST_BATCH + 1
    before = house.engine.writer.commits
    await together(house, *(house.engine.file(filing()) for _ in range(count)))
    assert house.engine.writer.commits - before == 4


async def test_each_is_refused_alone(house: House) -> None:
    asked = [await house.ask() for _ in range(4)]
    submit = house.engine.submit
    before = house.engine.writer.commits
    done = await together(
        house,
        submit(T, asked[0], yes()),
        submit(T, asked[1], yes(BO)),
        submit(T, "no such intent", yes()),
        submit("no such tenant", asked[2], yes()),
        house.engine.file(filing(fallback="approve")),
        house.engine.file(filing(supersedes="nothing")),
        submit(T, asked[2], Decide(Principal(kind="agent", id=AGENT, tenant=T), yes().answer)),
        submit(T, asked[3], yes()),
    )
    assert house.engine.writer.commits - before == 2
    assert [type(one).__name__ for one in done] == [
        "Transition", "NotAReviewer", "NotFound", "NotFound", "Forbidden", "NotFound", "Forbidden",
        "Transition",
    ]  # fmt: skip
    assert isinstance(done[1], NotAReviewer)
    assert isinstance(done[6], Forbidden)
    statuses = [(await house.look(one))["status"] for one in asked]
    assert statuses == ["COMPLETED", "WAITING", "WAITING", "COMPLETED"]


async def test_commands_of_one_batch_see_each_other(house: House) -> None:
    asked = await house.ask()
    new = filing(key="k", supersedes=asked)
    done = await together(
        house,
        house.engine.file(new),
        house.engine.file(filing(key="k", supersedes=asked)),
        house.engine.submit(T, asked, yes()),
        house.engine.submit(T, new.command.intent_id, yes()),
    )
    assert (done[0].existed, done[1].existed) == (False, True)
    assert done[2].code == "not_pending"
    assert done[3].intent.status == "COMPLETED"
    assert (await house.look(asked))["superseded_by"] == new.command.intent_id


async def test_one_that_the_database_refuses_is_found(house: House) -> None:
    asked = await house.ask()
    works = [filing(), filing(), filing(asked, key="another key"), filing(), filing()]
    done = await together(house, *map(house.engine.file, works))
    assert isinstance(done.pop(2), InvalidRequest)
    assert {type(one).__name__ for one in done} == {"Filed"}
    assert len(house.store.intents(T)) == 5
    assert len(house.store.events(T, asked)) == len(await house.events(asked)) == 5


async def test_a_defect_fails_its_command_and_nothing_else(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    asked = await house.ask()

    def broken(_: Tx) -> None:
        raise ZeroDivisionError("what nobody thought of")

    unknown: Any = object()
    done = await together(
        house,
        house.engine.submit(T, asked, yes()),
        house.engine.write(broken),
        house.engine.submit(T, asked, unknown),
        house.engine.file(filing()),
    )
    assert [type(one).__name__ for one in done] == [
        "Transition", "HoldshortError", "HoldshortError", "Filed",
    ]  # fmt: skip
    assert isinstance(done[1], HoldshortError)
    assert "what nobody thought of" not in str(done[1])
    assert "what nobody thought of" in caplog.text
    assert (await house.look(asked))["status"] == "COMPLETED"
    await house.decide(await house.ask())


async def test_a_new_directory_holds_from_the_next_command_on(house: House) -> None:
    """Also within the second for which a directory is believed, and within one batch."""
    team = "/v1/teams/{name}"
    await house.ok("PUT", team, house.admin, {"members": [ANA]}, name="finance")
    asked = await house.ask(to="team:finance")
    await house.refused(404, "POST", "/v1/intents/{intent_id}/claim", house.bo, intent_id=asked)
    await house.ok("PUT", team, house.admin, {"members": [BO]}, name="finance")
    await house.ok("POST", "/v1/intents/{intent_id}/claim", house.bo, intent_id=asked)
    await house.ok("PUT", team, house.admin, {"members": [ANA]}, name="finance")
    await house.refused(
        404,
        "POST",
        "/v1/intents/{intent_id}/decision",
        house.bo,
        {"outcome": "approved"},
        intent_id=asked,
    )
    nobody = Entry(kind="person", name=ANA, doc={"active": False})
    await house.engine.write_directory(lambda tx: tx.put_entry(T, nobody))
    with pytest.raises(NotAReviewer):
        await house.engine.submit(T, asked, yes())


class TestFollowUps:
    """What follows from a command is committed with it, or the command is not."""

    @pytest.mark.parametrize("whose", ["missing", "another agent's", "another tenant's"])
    async def test_what_cannot_be_superseded_refuses_its_successor(
        self, house: House, whose: str
    ) -> None:
        stranger = {
            "missing": None,
            "another agent's": await house.key("agent", "agent://acme/production/other"),
            "another tenant's": await house.key("agent", AGENT, tenant="other"),
        }[whose]
        old = await house.ask(stranger) if stranger else "01890a5d-ac96-774b-bcce-b302099a8057"
        before = house.store.counts()
        with pytest.raises(NotFound):
            await house.engine.file(filing(supersedes=old))
        assert house.store.counts() == before

    async def test_a_successor_that_is_refused_leaves_the_old_one_alone(self, house: House) -> None:
        old = await house.ask()
        with pytest.raises(Forbidden):
            await house.engine.file(filing(supersedes=old, fallback="approve"))
        assert (await house.look(old))["status"] == "WAITING"

    async def test_the_old_ones_permit_is_gone_with_the_new_ones_commit(self, house: House) -> None:
        old = await house.ask()
        await house.decide(old)
        new = await house.ask(supersedes=old)
        found = await house.look(old)
        assert (found["status"], found["superseded_by"]) == ("COMPLETED", new)
        assert found["grant"]["state"] == "revoked"


class Faulty(SqliteStore):
    """A real file whose commits fail as the test says: before they are made, or after."""

    def __init__(self, path: Path, clock: FakeClock) -> None:
        super().__init__(path, clock=clock)
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.tries = 0

    @contextmanager
    def transaction(self) -> Iterator[SqliteTx]:
        self.tries += 1
        with super().transaction() as tx:
            yield tx
            if self.before:
                raise self.before.pop()
        if self.after:
            raise self.after.pop()


class TestTheDatabaseFails:
    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[[], House]:
        clock = FakeClock()
        path = tmp_path / "holdshort.db"
        return lambda: House(f"sqlite:///{path}", clock, store=Faulty(path, clock))

    async def opened(self, house: House) -> Faulty:
        await house.open()
        assert isinstance(house.store, Faulty)
        house.store.tries = 0
        return house.store

    @pytest.mark.parametrize("fault", [Stale("moved"), Down("locked")], ids=["stale", "down"])
    async def test_a_passing_fault_is_not_noticed(
        self, make: Callable[[], House], fault: Exception
    ) -> None:
        house = make()
        store = await self.opened(house)
        asked = await house.ask()
        store.before = [fault] * 3
        store.tries = 0
        await house.decide(asked)
        assert store.tries == 4
        assert (await house.events(asked)).count("intent.decided") == 1
        assert (await house.ok("GET", "/ready"))["ok"]
        await house.close()

    async def test_a_commit_whose_answer_was_lost_is_made_once(
        self, make: Callable[[], House]
    ) -> None:
        """After such a failure nobody knows whether it took place; it did."""
        house = make()
        store = await self.opened(house)
        store.after = [Down("the connection broke")]
        asked = await house.ask()
        store.after = [Down("the connection broke")]
        await house.decide(asked)
        assert len(house.store.intents(T)) == 1
        events = await house.events(asked)
        assert len(events) == len(set(events)), "nothing is logged twice"
        assert len(await house.deliveries(asked, state="pending")) == 1
        await house.close()

    async def test_a_lasting_fault_is_said(
        self, make: Callable[[], House], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(writer, "PATIENCE", 0.05)
        house = make()
        store = await self.opened(house)
        asked = await house.ask()
        store.before = [Down("disk full")] * 1000
        commands: list[Command] = [yes(), yes()]
        done = await together(house, *(house.engine.submit(T, asked, c) for c in commands))
        assert {type(one) for one in done} == {Unavailable}
        response = await house.call("GET", "/ready")
        assert response.status_code == 503
        response = await house.call(
            "POST", "/v1/intents", house.agent, {"intent_type": TYPE, "to": ANA}
        )
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        store.before = []
        assert (await house.look(asked))["status"] == "WAITING"
        await house.decide(asked)
        assert (await house.ok("GET", "/ready"))["ok"]
        await house.close()


async def test_what_was_accepted_is_committed_before_the_end(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'h.db'}"
    async with opened(database) as house:
        filed = [asyncio.create_task(house.engine.file(filing())) for _ in range(100)]
        await asyncio.sleep(0)
    done = await asyncio.gather(*filed)
    assert len({one.transition.intent.id for one in done}) == 100
    with pytest.raises(Unavailable):
        await house.engine.file(filing())
    async with opened(database) as house:
        assert len(house.store.intents(T, limit=500)) == 100
