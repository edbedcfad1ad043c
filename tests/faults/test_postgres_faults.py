"""PostgreSQL that goes away, and notifications that do not come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

import holdshort.engine.wake
import holdshort.store.postgres_tx
from holdshort import AsyncClient, AsyncReviewer
from holdshort.models import DEFAULT_TENANT

from .postgres import Postgres
from .replicas import ANA, Replica, replica
from .server import PATIENCE, Server, until

TYPE = "intent.data.export.v1"


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    url = postgres.make()
    yield url
    postgres.empty(url)


def test_it_is_gone_for_a_while(postgres: Postgres, url: str, tmp_path: Path) -> None:
    agents = 20

    async def story(server: Server, key: str) -> None:
        async with (
            AsyncClient(server.url, api_key=server.keys["agent"]) as agent,
            AsyncReviewer(server.url, api_key=key) as ana,
            httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as http,
        ):
            filed = [await agent.send_intent(TYPE, to=ANA, key=f"{n}") for n in range(agents)]
            waiting = [
                asyncio.create_task(agent.wait_for(one, timeout=3 * PATIENCE)) for one in filed
            ]
            await ana.approve(filed[0], comment="0")
            assert (await waiting[0]).comment == "0"
            await asyncio.to_thread(postgres.stop)
            try:
                deciding = [
                    asyncio.create_task(ana.approve(one, comment=f"{n}"))
                    for n, one in enumerate(filed)
                ]
                headers = {"Authorization": f"Bearer {server.keys['agent']}"}
                body = {"intent_type": TYPE, "to": ANA}
                refused = await http.post("/v1/intents", json=body, headers=headers)
                assert refused.status_code == 503, refused.text
                assert refused.headers["retry-after"] == "1"
                assert (await http.get("/ready")).status_code == 503
                assert not any(one.done() for one in waiting[1:])
                late = asyncio.create_task(agent.send_intent(TYPE, to=ANA, key="late"))
            finally:
                await asyncio.to_thread(postgres.start)
            await asyncio.gather(*deciding)
            decisions = await asyncio.gather(*waiting)
            assert [one.comment for one in decisions] == [f"{n}" for n in range(agents)]
            everything = {*filed, await late}
            assert {one["intent_id"] for one in await agent.list_intents()} == everything
            for one in filed:
                log = await agent.list_intent_events(one)
                assert [event["event_type"] for event in log].count("intent.decided") == 1
            assert (await http.get("/ready")).status_code == 200

    with Server(url, tmp_path) as server:
        key = server.person(ANA)
        asyncio.run(asyncio.wait_for(story(server, key), 4 * PATIENCE))


async def _waits(here: Replica) -> None:
    """Return as soon as somebody waits for a decision there."""
    async with asyncio.timeout(PATIENCE):
        while not len(here.holdshort.engine.wake):
            await asyncio.sleep(0.005)


def test_the_connection_that_listens_breaks(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # So slow a poll that only hearing of it, or of having been deaf, can wake the agent.
    monkeypatch.setattr(holdshort.engine.wake, "SLOW_POLL", 10 * PATIENCE)

    async def story() -> None:
        async with replica(url) as one, replica(url) as two:
            for _ in range(5):
                intent_id = await one.agent.send_intent(TYPE, to=ANA)
                waiting = asyncio.create_task(one.agent.wait_for(intent_id, timeout=PATIENCE))
                await _waits(one)
                with psycopg.connect(url, autocommit=True) as connection:
                    ended = connection.execute(
                        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND query = 'LISTEN holdshort'"
                    ).fetchall()
                assert ended == [(True,), (True,)]
                await two.person(ANA).approve(intent_id)
                assert (await waiting).approved
                # Both have ears again before they are closed the next time.
                await asyncio.to_thread(_until_two_listen, url)

    asyncio.run(asyncio.wait_for(story(), 2 * PATIENCE))


def _until_two_listen(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        until(
            lambda: (
                connection.execute(
                    "SELECT count(*) = 2 FROM pg_stat_activity"
                    " WHERE datname = current_database() AND query = 'LISTEN holdshort'"
                ).fetchone()
                == (True,)
            ),
            "two listen",
        )


def test_a_notification_that_never_comes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdshort.engine.wake, "SLOW_POLL", 0.3)
    monkeypatch.setattr(holdshort.store.postgres_tx, "payloads", lambda refs: [])

    async def story() -> None:
        async with replica(url) as one, replica(url) as two:
            intent_id = await one.agent.send_intent(TYPE, to=ANA)
            waiting = asyncio.create_task(one.agent.wait_for(intent_id, timeout=PATIENCE))
            await _waits(one)
            await two.person(ANA).approve(intent_id)
            assert (await waiting).approved
            assert one.store.intent(DEFAULT_TENANT, intent_id) is not None

    asyncio.run(asyncio.wait_for(story(), 2 * PATIENCE))
