"""A process that stands still (SIGSTOP) while its time runs out, and then goes on."""

from __future__ import annotations

import signal
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from holdshort import Client, Reviewer
from holdshort.app import open_store

from .children import Child
from .server import PATIENCE, Server, until

ANA = "ana@acme.com"
TYPE = "intent.data.export.v1"
SHORT = 1.0


def test_a_worker_stops_before_it_acts(database: str, tmp_path: Path) -> None:
    """Its lease passes on; when it wakes up it may not act any more."""
    effects = tmp_path / "effects"
    with Server(database, tmp_path) as server:
        keys = {"HOLDSHORT_API_KEY": server.keys["agent"]}
        where = (server.url, str(effects), str(SHORT))
        with (
            Client(server.url, api_key=server.keys["agent"]) as agent,
            Reviewer(server.url, api_key=server.person(ANA)) as ana,
        ):
            intent_id = agent.send_intent(TYPE, to=ANA, resume="worker")
            ana.approve(intent_id)
            with (
                Child("worker", *where, folder=tmp_path, environment=keys) as first,
                Child("worker", *where, folder=tmp_path, environment=keys) as second,
            ):
                # Whichever has it is stopped; the other gets it then.
                owner, other = _who_leases(first, second, agent, intent_id)
                said = other.hear()
                assert (said["leased"], said["delivery"]) == (intent_id, 2)
                owner.signal(signal.SIGCONT)
                other.tell()
                assert other.hear() == {"acted": intent_id}
                until(lambda: "intent.resumed" in _log(agent, intent_id), "the second finishes")
                owner.tell()
                # It is not run a second time: what was recorded of the one run is returned.
                assert owner.hear() == {"acted": intent_id}
                until(lambda: _tells_of_a_lost_lease(owner), "the first says that it came too late")
        acted = effects.read_text().splitlines()
        assert len(acted) == 1
        assert acted[0].split()[1:] == ["2", str(other.pid)]


def test_a_worker_stops_while_it_acts(database: str, tmp_path: Path) -> None:
    """Nobody knows how far it came: a person is asked, and nobody runs it again."""
    effects = tmp_path / "effects"
    with Server(database, tmp_path) as server:
        keys = {"HOLDSHORT_API_KEY": server.keys["agent"]}
        with (
            Client(server.url, api_key=server.keys["agent"]) as agent,
            Reviewer(server.url, api_key=server.person(ANA)) as ana,
        ):
            intent_id = agent.send_intent(TYPE, to=ANA, resume="worker")
            ana.approve(intent_id)
            (job,) = agent.lease("stopped", [TYPE], lease_seconds=SHORT, wait_seconds=5)
            attempt = f"{job['attempt_id']}#{job['delivery']}"
            assert agent.consume(intent_id, job["decision"]["digest"], attempt)["run"]
            # From here on the first worker is silent, as a stopped process is.
            where = (server.url, str(effects), str(SHORT))
            with Child("worker", *where, folder=tmp_path, environment=keys):
                task = until(ana.tasks, "somebody is asked")[0]
                assert task["task_type"] == "confirmation"
                ana.submit(task["intent_id"], "confirmed")
                grant = agent.get_intent(intent_id)["grant"]
                assert grant["state"] == "done"
            assert agent.lease("another", [TYPE], wait_seconds=0) == []
            assert not effects.exists()


def test_an_embedded_agent_stops_while_it_waits(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/holdshort.db"
    with Child("agent", database, "export", folder=tmp_path) as agent:
        intent_id = agent.hear()["asked"]
        with closing(open_store(database)) as store:
            # A writer that stands still keeps everybody from writing, and no lock tells that it
            # will never go on; so it has written all there was to write.
            until(lambda: store.counts().get("deliveries.sent") == 1, "it has told whom it asks")
        agent.signal(signal.SIGSTOP)
        with closing(Reviewer(database, person=ANA)) as ana:
            ana.approve(intent_id, comment="while you were gone")
        agent.signal(signal.SIGCONT)
        assert agent.hear() == {"outcome": "approved", "comment": "while you were gone"}


def test_a_server_stops_past_a_deadline(database: str, tmp_path: Path) -> None:
    with (
        Server(database, tmp_path) as server,
        Client(server.url, api_key=server.keys["agent"]) as agent,
    ):
        soon = agent.send_intent(TYPE, to=ANA, remind_after=3, deadline=4)
        later = agent.send_intent(TYPE, to=ANA, deadline=600)
        deadline = datetime.fromisoformat(agent.get_intent(soon)["deadline_at"])
        server.freeze()
        until(lambda: datetime.now(UTC) > deadline, "its time runs out")
        server.thaw()
        assert agent.wait_for(soon, timeout=PATIENCE).timed_out
        # The deadline had passed as well: reminding people of it would be a lie.
        assert "intent.reminder" not in _log(agent, soon)
        assert agent.get_intent(later)["status"] == "WAITING"


def _log(agent: Client, intent_id: str) -> list[str]:
    return [event["event_type"] for event in agent.list_intent_events(intent_id)]


def _who_leases(first: Child, second: Child, agent: Client, intent_id: str) -> tuple[Child, Child]:
    """Stop the worker that has the job; return it, then the other."""
    lease = until(lambda: agent.get_intent(intent_id)["lease"], "somebody leases it")
    owner, other = (first, second) if f":{first.pid}:" in lease["worker"] else (second, first)
    assert owner.hear() == {"leased": intent_id, "delivery": 1}
    owner.signal(signal.SIGSTOP)
    return owner, other


def _tells_of_a_lost_lease(child: Child) -> bool:
    return "its lease had passed on" in child.log.read_text()
