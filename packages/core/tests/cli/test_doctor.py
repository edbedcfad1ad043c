"""What `holdshort doctor` finds, and what it leaves alone."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdshort.app import Holdshort
from holdshort.client import drive, flows
from holdshort.client.transports.embedded import EmbeddedTransport, local_principal
from holdshort.clock import Clock
from holdshort.settings import Settings

from .conftest import ADMIN, Run, Server

Send = Callable[..., str]


def states(done: Any) -> dict[str, str]:
    return {one["check"]: one["state"] for one in done.json["checks"]}


def test_all_is_well_with_a_database(ok: Run, send: Send, on_database: str) -> None:
    send()
    found = states(ok("doctor", "--json"))
    assert {*found.values()} == {"ok"}
    assert {"python", "sqlite", "database", "clock", "deliveries", "timers"} < {*found}


def test_all_is_well_with_a_server(ok: Run, on_server: Server) -> None:
    done = ok("doctor", "--json")
    assert {*states(done).values()} <= {"ok", "warn"}
    texts = [one["found"] for one in done.json["checks"] if one["check"] == "key"]
    assert len(texts) == 3
    assert all(on_server.ready["keys"][role] not in done.out for role in ("agent", "person"))


def test_a_missing_database_is_not_made(run: Run) -> None:
    done = run("doctor")
    assert done.code == 1
    assert "fail  database      there is no database at" in done.out
    assert not Path(".holdshort").exists()


def test_a_file_that_is_no_database(run: Run) -> None:
    Path("x.db").write_bytes(b"this is no database at all" * 100)
    done = run("doctor", "--database", "sqlite:///x.db", "--json")
    assert done.code == 1
    assert states(done)["database"] == "fail"


def test_a_damaged_page_is_found(run: Run, send: Send, on_database: str) -> None:
    for _ in range(30):
        send("--payload", "filler=" + "x" * 2000)
    path = Path(on_database.removeprefix("sqlite:///"))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(root,)] = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = 'intents'"
        )
    connection.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)
    done = run("doctor", "--json")
    assert done.code == 1
    assert states(done)["database"] == "fail"
    refused = run("tasks", "list")
    assert refused.code == 1
    assert "malformed" in refused.err
    assert "Traceback" not in refused.err


def test_an_older_schema_is_not_migrated(run: Run, send: Send, on_database: str) -> None:
    send()
    path = on_database.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        [(last,)] = connection.execute("SELECT max(name) FROM migrations")
        connection.execute("DELETE FROM migrations WHERE name = ?", (last,))
    done = run("doctor")
    assert done.code == 1
    assert f"migration {last} is not applied" in done.out
    with sqlite3.connect(path) as connection:
        assert last not in {name for (name,) in connection.execute("SELECT name FROM migrations")}
    connection.close()


def test_dead_letters_and_what_is_overdue_are_warned_of(
    ok: Run, send: Send, on_database: str
) -> None:
    send()
    hour_ago = round((time.time() - 3600) * 1000)
    with sqlite3.connect(on_database.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE deliveries SET state = 'dead'")
        connection.execute("UPDATE intents SET wake_at = ?", (hour_ago,))
    connection.close()
    found = states(ok("doctor", "--json"))
    assert (found["deliveries"], found["timers"]) == ("warn", "warn")
    assert "holdshort deliveries retry" in ok("doctor").out


def test_a_clock_behind_the_log_is_warned_of(ok: Run, on_database: str) -> None:
    ahead = Clock()
    ahead.not_before(ahead.now() + 3_600_000)
    settings = Settings(database=on_database)
    transport = EmbeddedTransport(
        on_database, local_principal("agent", None), lambda: Holdshort(settings, clock=ahead)
    )
    drive.run(flows.send_intent("intent.test.v1", to=ADMIN), transport)
    transport.close()
    done = ok("doctor", "--json")
    assert states(done)["clock"] == "warn"


def test_a_server_that_is_not_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDSHORT_URL", "http://127.0.0.1:9")
    done = run("doctor", "--json")
    assert done.code == 1
    assert states(done)["server"] == "fail"


def test_a_key_that_does_not_work(
    run: Run, on_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDSHORT_API_KEY", "hs_agent_wrong")
    done = run("doctor")
    assert done.code == 1
    assert "HOLDSHORT_API_KEY: this API key is unknown" in done.out
    assert "hs_agent_wrong" not in done.out
