"""An agent is killed while it waits, and another process asks the same again."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

import httpx

from holdshort import Client, Reviewer
from holdshort.app import open_store
from holdshort.models import DEFAULT_TENANT

from .children import Child
from .server import PATIENCE, Server, until

ANA = "ana@acme.com"


def test_of_a_server(database: str, tmp_path: Path) -> None:
    with Server(database, tmp_path) as server:
        keys = {"HOLDSHORT_API_KEY": server.keys["agent"]}
        ana = server.person(ANA)
        asked = set()
        for life in range(3):
            elsewhere = tmp_path / f"life-{life}"
            elsewhere.mkdir()
            with Child("agent", server.url, "export", folder=elsewhere, environment=keys) as agent:
                asked.add(agent.hear()["asked"])
                # Where the server has not yet missed those that died, it holds their places.
                until(lambda dead=life: _waiters(server) > dead, "it waits")
        with Child("agent", server.url, "export", folder=tmp_path, environment=keys) as agent:
            asked.add(agent.hear()["asked"])
            (intent_id,) = asked
            with Reviewer(server.url, api_key=ana) as reviewer:
                reviewer.approve(intent_id, comment="at last")
            assert agent.hear() == {"outcome": "approved", "comment": "at last"}
        # And once more, when all is over.
        with Child("agent", server.url, "export", folder=tmp_path, environment=keys) as agent:
            assert agent.hear() == {"asked": intent_id}
            assert agent.hear() == {"outcome": "approved", "comment": "at last"}
        with Client(server.url, api_key=server.keys["agent"]) as client:
            notified = client.get_intent(intent_id)["notified"]
        assert [(one["reason"], one["recipient"]) for one in notified] == [("asked", ANA)]


def test_of_an_embedded_database(database: str, tmp_path: Path) -> None:
    """Engine and agent die together, and what they left is all there is."""
    asked = set()
    with ExitStack() as stack:
        for _ in range(3):
            with Child("agent", database, "export", folder=tmp_path) as one:
                asked.add(one.hear()["asked"])
        agent = stack.enter_context(Child("agent", database, "export", folder=tmp_path))
        asked.add(agent.hear()["asked"])
        (intent_id,) = asked
        with closing(Reviewer(database, person=ANA)) as ana:
            ana.approve(intent_id, comment="at last")
        assert agent.hear() == {"outcome": "approved", "comment": "at last"}
    store = open_store(database)
    found = store.deliveries(DEFAULT_TENANT, intent_id=intent_id)
    store.close()
    assert [(one.reason, one.recipient) for one in found] == [("asked", ANA)]


def _waiters(server: Server) -> float:
    text = httpx.get(f"{server.url}/metrics", timeout=PATIENCE).text
    (line,) = [one for one in text.splitlines() if one.startswith("holdshort_waiters ")]
    return float(line.split()[1])
