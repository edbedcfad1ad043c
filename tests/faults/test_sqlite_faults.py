"""SQLite that cannot be written to: nothing is accepted, nothing is half-written, it comes back."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

import holdshort.engine.writer
import holdshort.store.sqlite
from holdshort import AsyncClient, AsyncReviewer
from holdshort.store.base import Store

from .replicas import ANA, Replica, replica
from .server import PATIENCE, Server, until

TYPE = "intent.data.export.v1"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database file; who uses it in this process has little patience."""
    monkeypatch.setattr(holdshort.store.sqlite, "LOCK_SECONDS", 0.2)
    monkeypatch.setattr(holdshort.engine.writer, "PATIENCE", 0.2)
    return tmp_path / "holdshort.db"


class Locked:
    """Another program's connection that holds the write lock for as long as it is wanted."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


async def _ready(here: Replica) -> int:
    return (await here.agent._transport._http.get("/ready")).status_code  # type: ignore[attr-defined]


async def _turns_green(here: Replica) -> None:
    async with asyncio.timeout(PATIENCE):
        while await _ready(here) != 200:
            await asyncio.sleep(0.01)


def test_a_lock_that_is_held(path: Path) -> None:
    async def story() -> None:
        async with replica(f"sqlite:///{path}", background=True) as here:
            http: httpx.AsyncClient = here.agent._transport._http  # type: ignore[attr-defined]
            first = await here.agent.send_intent(TYPE, to=ANA, key="first")
            waiting = asyncio.create_task(here.agent.wait_for(first, timeout=PATIENCE))
            other = Locked(path)
            refused = await http.post("/v1/intents", json={"intent_type": TYPE, "to": ANA})
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "1"
            assert refused.json()["error"]["code"] == "unavailable"
            assert await _ready(here) == 503
            assert [one["intent_id"] for one in await here.agent.list_intents()] == [first]

            retried = asyncio.create_task(here.agent.send_intent(TYPE, to=ANA, key="second"))
            decided = asyncio.create_task(here.person(ANA).approve(first))
            await asyncio.sleep(0)
            assert not waiting.done()
            other.release()
            await decided
            assert (await waiting).approved
            second = await retried
            found = [one["intent_id"] for one in await here.agent.list_intents()]
            assert sorted(found) == sorted([first, second])
            assert here.store.integrity() == []

    asyncio.run(story())


def test_it_is_ready_again_though_nobody_writes(path: Path) -> None:
    """Who asks whether it is ready may send nothing for as long as it is not."""

    async def story() -> None:
        async with replica(f"sqlite:///{path}", background=True) as here:
            http: httpx.AsyncClient = here.agent._transport._http  # type: ignore[attr-defined]
            other = Locked(path)
            refused = await http.post("/v1/intents", json={"intent_type": TYPE, "to": ANA})
            assert refused.status_code == 503
            assert await _ready(here) == 503
            other.release()
            await _turns_green(here)
            # What was written to find out has left no trace.
            assert {one.kind for one in _entries(here.store)} == {"person", "settings"}

    asyncio.run(story())


def _entries(store: Store) -> list[object]:
    return store.entries("default")  # type: ignore[return-value]


def test_a_file_that_is_read_only(path: Path) -> None:
    async def story() -> None:
        async with replica(f"sqlite:///{path}", background=True) as here:
            http: httpx.AsyncClient = here.agent._transport._http  # type: ignore[attr-defined]
            first = await here.agent.send_intent(TYPE, to=ANA)
            # The same refusal as for a file without write permission, which root does not know.
            here.store._writer.execute("PRAGMA query_only=ON")  # type: ignore[attr-defined]
            refused = await http.post("/v1/intents", json={"intent_type": TYPE, "to": ANA})
            assert refused.status_code == 503
            assert "readonly" in refused.json()["detail"]
            assert await _ready(here) == 503
            assert (await here.agent.get_intent(first))["status"] == "WAITING"
            here.store._writer.execute("PRAGMA query_only=OFF")  # type: ignore[attr-defined]
            await here.person(ANA).approve(first)
            assert (await here.agent.wait_for(first, timeout=PATIENCE)).approved
            assert await _ready(here) == 200

    asyncio.run(story())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(f"sqlite:///{tmp_path}/holdshort.db", tmp_path) as server:
        yield server


def test_a_disk_that_is_full(server: Server, tmp_path: Path) -> None:
    key = server.person(ANA)

    async def story() -> None:
        async with (
            AsyncClient(server.url, api_key=server.keys["agent"]) as agent,
            AsyncReviewer(server.url, api_key=key) as ana,
            httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as http,
        ):
            first = await agent.send_intent(TYPE, to=ANA, key="first")
            waiting = asyncio.create_task(agent.wait_for(first, timeout=3 * PATIENCE))
            before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
            # No file may grow past its first byte: as if there were no room for another block.
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1, before[1]))
            refused = await http.post(
                "/v1/intents",
                json={"intent_type": TYPE, "to": ANA},
                headers={"Authorization": f"Bearer {server.keys['agent']}"},
            )
            assert refused.status_code == 503, refused.text
            assert refused.headers["retry-after"] == "1"
            assert (await http.get("/ready")).status_code == 503
            assert (await http.get("/health")).status_code == 200
            assert (await agent.get_intent(first))["status"] == "WAITING"
            retried = asyncio.create_task(agent.send_intent(TYPE, to=ANA, key="second"))
            decided = asyncio.create_task(ana.approve(first, comment="fine"))
            await asyncio.to_thread(until, lambda: _waiters(server) >= 1, "the agent waits")
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)
            await decided
            assert (await waiting).comment == "fine"
            second = await retried
            found = [one["intent_id"] for one in await agent.list_intents()]
            assert found == [second, first]
            log = await agent.list_intent_events(first)
            assert [event["event_type"] for event in log].count("intent.decided") == 1
            ready = await http.get("/ready")
            assert ready.status_code == 200, ready.text

    asyncio.run(asyncio.wait_for(story(), 4 * PATIENCE))
    server.kill()
    with closing(sqlite3.connect(tmp_path / "holdshort.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _waiters(server: Server) -> float:
    text = httpx.get(f"{server.url}/metrics", timeout=PATIENCE).text
    (line,) = [one for one in text.splitlines() if one.startswith("holdshort_waiters ")]
    return float(line.split()[1])
