from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdshort import Client, Reviewer

from .live import AGENT, ANA, Keys, Server, seed


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An embedded database that nobody else uses; nothing is read from the environment."""
    for name in ("URL", "DATABASE", "API_KEY", "PERSON_KEY", "PERSON"):
        monkeypatch.delenv(f"HOLDSHORT_{name}", raising=False)
    monkeypatch.setenv("HOLDSHORT_CONSOLE", "false")
    return f"sqlite:///{tmp_path / 'holdshort.db'}"


@pytest.fixture
def client(database: str) -> Iterator[Client]:
    client = Client(database, agent=AGENT)
    yield client
    client.close()


@pytest.fixture
def ana(database: str) -> Iterator[Reviewer]:
    reviewer = Reviewer(database, person=ANA)
    yield reviewer
    reviewer.close()


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return seed(tmp_path / "served.db")


@pytest.fixture
def server(tmp_path: Path, keys: Keys) -> Iterator[Server]:
    with Server(tmp_path / "served.db") as server:
        yield server
