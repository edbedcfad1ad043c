"""The one suite that both stores pass, and what each dialect adds to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from holdshort.clock import FakeClock
from holdshort.store.base import Store
from holdshort.store.postgres import PostgresStore
from holdshort.store.sqlite import SqliteStore
from holdshort.testing._store_samples import filed, write
from holdshort.testing.store import StoreContract


class TestSqlite(StoreContract):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "holdshort.db"

    @pytest.fixture
    def open_store(self, clock: FakeClock, path: Path) -> Callable[[], Store]:
        return lambda: SqliteStore(path, clock=clock, poll=0.01)

    @pytest.mark.parametrize(
        "statement",
        ["UPDATE events SET line = '{}'", "DELETE FROM events", "DELETE FROM events WHERE seq = 1"],
    )
    def test_the_log_only_grows(
        self, store: Store, clock: FakeClock, path: Path, statement: str
    ) -> None:
        write(store, filed(clock.now()))
        connection = sqlite3.connect(path)
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            connection.execute(statement)
        connection.close()


class TestPostgres(StoreContract):
    @pytest.fixture
    def open_store(self, clock: FakeClock, pg_url: str) -> Callable[[], Store]:
        return lambda: PostgresStore(pg_url, clock=clock, pool_size=2)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE holdshort.events SET line = '{}'",
            "DELETE FROM holdshort.events WHERE seq = 1",
            "TRUNCATE holdshort.events",
        ],
    )
    def test_the_log_only_grows(
        self, store: Store, clock: FakeClock, pg_url: str, statement: str
    ) -> None:
        write(store, filed(clock.now()))
        with (
            psycopg.connect(pg_url) as connection,
            pytest.raises(psycopg.errors.RaiseException, match="only grows"),
        ):
            connection.execute(statement)
