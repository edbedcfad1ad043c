"""The wall clock is set, forward and back, while timers run: none fires early, none fires twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdshort import Client, Reviewer
from holdshort.app import open_store
from holdshort.models import DEFAULT_TENANT

from .children import PROGRAMS
from .server import PATIENCE, Server, until

HOUR = 3600
ANA = "ana@acme.com"
TYPE = "intent.data.export.v1"


class Wall:
    """A server's wall clock."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "wall"
        self.set(0)

    def set(self, seconds: float) -> None:
        self.path.write_text(str(seconds))


@contextmanager
def _server(database: str, folder: Path, wall: Wall) -> Iterator[Server]:
    with Server(
        database,
        folder,
        program=(str(PROGRAMS / "wall.py"),),
        environment={"WALL_OFFSET": str(wall.path)},
    ) as server:
        yield server


def _log(client: Client, intent_id: str) -> list[str]:
    return [event["event_type"] for event in client.list_intent_events(intent_id)]


def _times(database: str) -> dict[str, list[int]]:
    """Return the times of each intent's events, in order."""
    store = open_store(database)
    intents = store.intents(DEFAULT_TENANT, limit=500)
    found = {one.id: [e.at for e in store.events(DEFAULT_TENANT, one.id)] for one in intents}
    store.close()
    return found


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_it_is_set_while_the_server_runs(database: str, tmp_path: Path, jump: int) -> None:
    wall = Wall(tmp_path)
    with _server(database, tmp_path, wall) as server:
        key = server.person(ANA)
        with (
            Client(server.url, api_key=server.keys["agent"]) as agent,
            Reviewer(server.url, api_key=key) as ana,
        ):
            long = agent.send_intent(TYPE, to=ANA, remind_after=600, deadline=1800)
            soon = agent.send_intent(TYPE, to=ANA, remind_after=1, deadline=3)
            wall.set(jump)
            # What is due in seconds comes in seconds: so the timers have run since.
            assert agent.wait_for(soon, timeout=PATIENCE).timed_out
            assert _log(agent, soon).count("intent.reminder") == 1
            assert not {"intent.reminder", "intent.timed_out"} & set(_log(agent, long))
            after = agent.send_intent(TYPE, to=ANA, remind_after=1, max_reminders=1)
            until(lambda: "intent.reminder" in _log(agent, after), "reminded after the jump")
            wall.set(0)
            again = agent.send_intent(TYPE, to=ANA, deadline=1)
            assert agent.wait_for(again, timeout=PATIENCE).timed_out
            assert _log(agent, after).count("intent.reminder") == 1
            ana.approve(long)
            decision = agent.wait_for(long, timeout=PATIENCE)
            assert decision.approved
            assert abs(decision.decided_at - datetime.now(UTC)) < timedelta(seconds=60)
            assert agent.consume(long, decision.digest, "try-1")["run"]
    for times in _times(database).values():
        assert times == sorted(times)
        assert times[-1] - times[0] < 60_000


def test_it_is_an_hour_behind_the_log_after_a_restart(tmp_path: Path) -> None:
    """On SQLite the machine's clock counts, but never from before what was recorded last."""
    database = f"sqlite:///{tmp_path}/holdshort.db"
    wall = Wall(tmp_path)
    with _server(database, tmp_path, wall) as server:
        key = server.person(ANA)
        with (
            Client(server.url, api_key=server.keys["agent"]) as agent,
            Reviewer(server.url, api_key=key) as ana,
        ):
            first = agent.send_intent(TYPE, to=ANA, remind_after=600, deadline=1800)
            soon = agent.send_intent(TYPE, to=ANA, deadline=3)
            server.kill()
            wall.set(-HOUR)
            server.start()
            assert agent.wait_for(soon, timeout=PATIENCE).timed_out
            assert "intent.reminder" not in _log(agent, first)
            ana.approve(first)
            decision = agent.wait_for(first, timeout=PATIENCE)
            assert agent.consume(first, decision.digest, "try-1")["run"]
            agent.report(first, "try-1", succeeded=True)
    for times in _times(database).values():
        assert times == sorted(times)
        assert times[-1] - times[0] < 60_000


def test_replicas_whose_machines_disagree(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """On PostgreSQL its clock counts for all of them."""
    postgres = request.getfixturevalue("postgres")
    database = postgres.make()
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.mkdir()
    wrong.mkdir()
    wall = Wall(wrong)
    wall.set(HOUR)
    with (
        Server(database, right) as one,
        _server(database, wrong, wall) as two,
        Client(one.url, api_key=one.keys["agent"]) as agent,
        Client(two.url, api_key=one.keys["agent"]) as other,
    ):
        filed = [
            client.send_intent(TYPE, to=ANA, remind_after=600, deadline=1800)
            for client in (agent, other)
        ]
        for client in (agent, other):
            soon = client.send_intent(TYPE, to=ANA, deadline=2)
            assert agent.wait_for(soon, timeout=PATIENCE).timed_out
            assert json.dumps(_log(agent, soon)).count("timed_out") == 1
        for intent_id in filed:
            assert not {"intent.reminder", "intent.timed_out"} & set(_log(agent, intent_id))
    for times in _times(database).values():
        assert times == sorted(times)
        assert times[-1] - times[0] < 60_000
    postgres.empty(database)
