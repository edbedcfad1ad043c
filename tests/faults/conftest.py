"""Databases for the fault tests: each test runs on a SQLite file and on a real PostgreSQL."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests of this folder."""
    # Not under pytest's own folder, which is closed to the user that the server runs as.
    with tempfile.TemporaryDirectory(prefix="holdshort-faults-") as folder:
        server = Postgres(Path(folder))
        yield server
        server.close()


@contextmanager
def empty_database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Return the URL of an empty database of the kind that the fixture's parameter names."""
    if request.param == "sqlite":
        yield f"sqlite:///{folder}/holdshort.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.make()
    yield url
    server.empty(url)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, of each kind in turn."""
    with empty_database(request, tmp_path) as url:
        yield url
