"""The schema is the sum of the migrations, and migrating is safe to repeat and to do at once."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

import holdshort.store
from holdshort.store.postgres import PostgresStore
from holdshort.store.queries import migrations
from holdshort.store.sqlite import SqliteStore

NAMES = ["0001_initial", "0002_runs", "0003_sessions", "0004_people", "0005_limits"]
SQL = Path(holdshort.store.__path__[0]) / "sql"

#: Everything in the schema that a migration could forget, as the server itself writes it down.
CATALOGUE = {
    "columns": """
        SELECT table_name, column_name, ordinal_position, data_type, collation_name, is_nullable,
            column_default, is_identity, identity_generation
        FROM information_schema.columns WHERE table_schema = 'holdshort'""",
    "indexes": "SELECT indexdef, '' FROM pg_indexes WHERE schemaname = 'holdshort'",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'holdshort'::regnamespace""",
    "triggers": """
        SELECT tgname, tgenabled, pg_get_triggerdef(pg_trigger.oid)
        FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE relnamespace = 'holdshort'::regnamespace AND NOT tgisinternal""",
    "functions": """
        SELECT proname, pg_get_functiondef(oid)
        FROM pg_proc WHERE pronamespace = 'holdshort'::regnamespace""",
}


def sqlite_catalogue(path: Path) -> list[Any]:
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE tbl_name <> 'migrations'"
    ).fetchall()
    connection.close()
    return sorted(rows, key=repr)


def postgres_catalogue(url: str) -> dict[str, list[Any]]:
    found = {}
    with psycopg.connect(url) as connection:
        for name, query in CATALOGUE.items():
            rows = connection.execute(query).fetchall()
            found[name] = sorted((row for row in rows if "migrations" not in repr(row)), key=repr)
    return found


def test_sqlite_schema_is_the_sum_of_its_migrations(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "migrated.db")
    store.migrate()
    store.close()
    connection = sqlite3.connect(tmp_path / "schema.db")
    connection.executescript((SQL / "sqlite" / "schema.sql").read_text())
    connection.close()
    migrated = sqlite_catalogue(tmp_path / "migrated.db")
    assert len([row for row in migrated if row[0] == "table"]) == 14
    assert migrated == sqlite_catalogue(tmp_path / "schema.db")


def test_postgres_schema_is_the_sum_of_its_migrations(pg_url: str) -> None:
    store = PostgresStore(pg_url)
    store.migrate()
    store.close()
    migrated = postgres_catalogue(pg_url)
    with psycopg.connect(pg_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA holdshort CASCADE")
        connection.execute("CREATE SCHEMA holdshort")
        connection.execute("SET search_path TO holdshort")
        connection.execute((SQL / "postgres" / "schema.sql").read_text())
    assert all(migrated.values())
    assert len({row[0] for row in migrated["columns"]}) == 14
    assert migrated == postgres_catalogue(pg_url)


def test_both_dialects_have_the_same_tables(tmp_path: Path, pg_url: str) -> None:
    sqlite = SqliteStore(tmp_path / "x.db")
    sqlite.migrate()
    sqlite.close()
    postgres = PostgresStore(pg_url)
    postgres.migrate()
    postgres.close()
    connection = sqlite3.connect(tmp_path / "x.db")
    in_sqlite = {
        (table, column, place + 1, not_null or key > 0)
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for place, column, _, not_null, _, key in connection.execute(f"PRAGMA table_info({table})")
        if table != "migrations"
    }
    connection.close()
    in_postgres = {
        (table, column, place, nullable == "NO")
        for table, column, place, _, _, nullable, *_ in postgres_catalogue(pg_url)["columns"]
    }
    assert in_sqlite == in_postgres


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_migrations_are_numbered_and_named(dialect: str) -> None:
    names = [name for name, _ in migrations(dialect)]
    assert names
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+", name) for name in names)
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


def test_both_dialects_have_the_same_migrations() -> None:
    assert [n for n, _ in migrations("sqlite")] == [n for n, _ in migrations("postgres")]


def test_migrating_again_does_nothing(tmp_path: Path, pg_url: str) -> None:
    for store in (SqliteStore(tmp_path / "x.db"), PostgresStore(pg_url)):
        assert store.migrate() == NAMES
        assert store.migrate() == []
        store.close()


MIGRATE = """
import sys
from holdshort.store.postgres import PostgresStore
from holdshort.store.sqlite import SqliteStore
kind, where = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
store = {"sqlite": SqliteStore, "postgres": PostgresStore}[kind](where)
print(store.migrate(), store.integrity())
store.close()
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_processes_migrate_at_once(kind: str, tmp_path: Path, pg_url: str) -> None:
    where = str(tmp_path / "x.db") if kind == "sqlite" else pg_url
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, kind, where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = sorted(process.communicate(timeout=60)[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert answers == [
        f"{NAMES} []\n",
        "[] []\n",
        "[] []\n",
    ]


STATE = {"id": "i", "digest": "abc", "grant": {"digest": "d", "issued_at": 1, "expires_at": 99}}


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_permits_of_before_0005_are_known_afterwards(
    kind: str, tmp_path: Path, pg_url: str
) -> None:
    """Only one that can still be used says until when."""
    states = {
        "usable": STATE,
        "used": STATE | {"grant": STATE["grant"] | {"state": "done"}},  # type: ignore[operator]
        "none": {"id": "i"},
    }
    rows = [(name, json.dumps(state)) for name, state in states.items()]
    insert = (
        "INSERT INTO intents (tenant, id, version, status, agent, intent_type, idempotency_key, "
        "state) VALUES ('t', {0}, 1, 'COMPLETED', 'a', 'x', {0}, {1})"
    )
    scripts = [text for name, text in migrations(kind) if name != NAMES[-1]]
    (last,) = [text for name, text in migrations(kind) if name == NAMES[-1]]
    select = "SELECT id, grant_until, digest FROM intents ORDER BY id"
    if kind == "sqlite":
        with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
            for text in scripts:
                connection.executescript(text)
            for name, state in rows:
                connection.execute(insert.format("?1", "?2"), (name, state))
            connection.executescript(last)
            found = connection.execute(select).fetchall()
    else:
        with psycopg.connect(pg_url) as connection:
            for text in scripts:
                connection.execute(text)
            for name, state in rows:
                values = {"name": name, "state": state}
                connection.execute(insert.format("%(name)s", "%(state)s"), values)
            connection.execute(last)
            found = connection.execute(select).fetchall()
    assert sorted(found) == [("none", None, ""), ("usable", 99, "abc"), ("used", None, "abc")]
