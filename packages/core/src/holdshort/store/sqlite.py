"""SQLite: one file, one writer, readers that never wait (WAL, `synchronous=FULL`)."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from holdshort.clock import Clock
from holdshort.errors import ConfigurationError
from holdshort.limits import Usage
from holdshort.models import Directory, Intent, Principal, Run, StoredEvent
from holdshort.store.base import (
    Asked,
    Delivery,
    DeliveryCount,
    Device,
    Down,
    Entry,
    EntryKind,
    KeyInfo,
    Ref,
    Refused,
    Session,
    StoredFile,
)
from holdshort.store.queries import migrations, sql
from holdshort.store.rows import delivery_of, device_of, directory_of, file_of, session_of
from holdshort.store.sqlite_tx import SqliteTx

#: How long a write waits for another process's transaction on the same file.
LOCK_SECONDS = 10.0
_LAST_ID = "\x7f"
_FIRST_ID = ""


def _sql(name: str) -> str:
    return sql("sqlite", name)


class SqliteStore:
    """A store in one SQLite file.

    Args:
        path: the file; its folder is made if it is not there.
        clock: where time comes from.
        poll: seconds between looks at whether another process has written.
    """

    reads_block = False

    def __init__(self, path: str | Path, *, clock: Clock | None = None, poll: float = 0.05) -> None:
        if sqlite3.sqlite_version_info < (3, 38):
            raise ConfigurationError(
                f"Holdshort needs SQLite 3.38 or later; this Python has {sqlite3.sqlite_version}"
            )
        self.path = Path(path)
        self._make_private()
        self._poll = poll
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._opening = threading.Lock()
        self._writer = self._open()
        self.clock = clock or Clock()

    def _make_private(self) -> None:
        """Make the file readable by its owner alone: it holds what agents want to do, in full.
        SQLite gives its side files the same permissions."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise ConfigurationError(
                f"cannot open the database {self.path}: {error.strerror}"
            ) from error

    def _open(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = None
            _use_wal(connection)
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA cache_size=-16000")
            connection.execute("PRAGMA temp_store=MEMORY")
        except sqlite3.OperationalError as error:
            raise ConfigurationError(f"cannot open the database {self.path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(f"{self.path} is not a SQLite database: {error}") from error
        with self._opening:
            self._opened.append(connection)
        return connection

    @property
    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._open()
        return connection

    def migrate(self) -> list[str]:
        done = []
        with _busy_is_down():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                self._writer.execute(
                    "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY) WITHOUT ROWID"
                )
                applied = {name for (name,) in self._writer.execute("SELECT name FROM migrations")}
                for name, text in migrations("sqlite"):
                    if name not in applied:
                        for statement in _statements(text):
                            self._writer.execute(statement)
                        self._writer.execute("INSERT INTO migrations VALUES (?)", (name,))
                        done.append(name)
                self._writer.execute("COMMIT")
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
        # Time never runs backwards in the record, whatever the machine's clock did meanwhile.
        self.clock.not_before(self.last_event_at())
        return done

    @contextmanager
    def transaction(self) -> Iterator[SqliteTx]:
        with _busy_is_down():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield SqliteTx(self._writer, self.clock.now())
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def _rows(self, name: str, **parameters: Any) -> list[Any]:
        with _busy_is_down():
            return self._reader.execute(_sql(name), parameters).fetchall()

    def _one(self, name: str, **parameters: Any) -> Any:
        with _busy_is_down():
            row = self._reader.execute(_sql(name), parameters).fetchone()
        return row[0] if row else None

    def _intent(self, state: str | None) -> Intent | None:
        return Intent.model_validate_json(state) if state else None

    def _intents(self, name: str, **parameters: Any) -> list[Intent]:
        return [Intent.model_validate_json(state) for (state,) in self._rows(name, **parameters)]

    def intent(self, tenant: str, intent_id: str) -> Intent | None:
        return self._intent(self._one("intent", tenant=tenant, id=intent_id))

    def body(self, tenant: str, intent_id: str) -> str | None:
        found: str | None = self._one("body", tenant=tenant, intent_id=intent_id)
        return found

    def by_key(self, tenant: str, agent: str, key: str) -> Intent | None:
        return self._intent(self._one("by_key", tenant=tenant, agent=agent, key=key))

    def continuation(self, tenant: str, intent_id: str) -> bytes | None:
        found: bytes | None = self._one("continuation", tenant=tenant, intent_id=intent_id)
        return found

    def run(self, tenant: str, agent: str, run_id: str) -> Run | None:
        doc = self._one("run", tenant=tenant, agent=agent, id=run_id)
        return Run.model_validate_json(doc) if doc else None

    def run_state(self, tenant: str, agent: str, run_id: str) -> bytes | None:
        found: bytes | None = self._one("run_state", tenant=tenant, agent=agent, id=run_id)
        return found

    def runs(
        self,
        tenant: str,
        *,
        agent: str | None = None,
        app: str | None = None,
        status: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> list[Run]:
        rows = self._rows(
            "runs",
            tenant=tenant,
            agent=agent,
            app=app,
            status=status,
            after=after or "",
            limit=limit,
        )
        return [Run.model_validate_json(doc) for (doc,) in rows]

    def events(
        self, tenant: str, intent_id: str, since: int = 0, limit: int = 1000
    ) -> list[StoredEvent]:
        rows = self._rows("events", tenant=tenant, intent_id=intent_id, since=since, limit=limit)
        return [StoredEvent(*row) for row in rows]

    def intents(
        self,
        tenant: str,
        *,
        agent: str | None = None,
        status: str | None = None,
        intent_type: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[Intent]:
        parameters = {
            "tenant": tenant,
            "agent": agent,
            "intent_type": intent_type,
            "before": before or _LAST_ID,
            "limit": limit,
        }
        if status is None:
            return self._intents("intents", **parameters)
        return self._intents("intents_by_status", status=status, **parameters)

    def answered(
        self, tenant: str, agent: str, digests: Sequence[str], limit: int = 50
    ) -> list[Intent]:
        return self._intents(
            "answered", tenant=tenant, agent=agent, digests=json.dumps(list(digests)), limit=limit
        )

    def tasks(
        self,
        tenant: str,
        *,
        addresses: Sequence[str] | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> list[Intent]:
        parameters = {"tenant": tenant, "after": after or _FIRST_ID, "limit": limit}
        if addresses is None:
            return self._intents("all_tasks", **parameters)
        return self._intents("tasks", addresses=json.dumps(list(addresses)), **parameters)

    def deliveries(
        self,
        tenant: str,
        *,
        intent_id: str | None = None,
        state: str | None = None,
        channel: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        rows = self._rows(
            "deliveries",
            tenant=tenant,
            intent_id=intent_id,
            state=state,
            channel=channel,
            before=before or _LAST_ID,
            limit=limit,
        )
        return [delivery_of(row) for row in rows]

    def delivery_counts(self, tenant: str, since: int) -> list[DeliveryCount]:
        fields = list(DeliveryCount.model_fields)
        return [
            DeliveryCount(**dict(zip(fields, row, strict=True)))
            for row in self._rows("delivery_counts", tenant=tenant, since=since)
        ]

    def asked(self, tenant: str, *, before: str | None = None, limit: int = 1000) -> list[Asked]:
        rows = self._rows("asked", tenant=tenant, before=before or _LAST_ID, limit=limit)
        return [Asked.model_validate_json(state).but(size=size) for state, size in rows]

    def events_of_type(
        self, tenant: str, event_type: str, first: str, limit: int
    ) -> list[tuple[str, StoredEvent]]:
        rows = self._rows(
            "events_of_type", tenant=tenant, event_type=event_type, first=first, limit=limit
        )
        return [(intent_id, StoredEvent(*event)) for intent_id, *event in rows]

    def delivery(self, tenant: str, delivery_id: str) -> Delivery | None:
        rows = self._rows("delivery", tenant=tenant, id=delivery_id)
        return delivery_of(rows[0]) if rows else None

    def tenants(self) -> list[str]:
        return [tenant for (tenant,) in self._rows("tenants")]

    def entries(self, tenant: str, kind: EntryKind | None = None) -> list[Entry]:
        rows = self._rows("entries", tenant=tenant, kind=kind)
        return [Entry(kind=k, name=name, doc=json.loads(doc)) for k, name, doc in rows]

    def directory(self, tenant: str) -> Directory:
        return directory_of(tenant, self.entries(tenant))

    def usages(self, tenant: str, day: int) -> dict[str, Usage]:
        rows = self._rows("usages", tenant=tenant, day=day)
        return {agent: Usage.model_validate_json(doc) for agent, doc in rows}

    def principal(self, secret_hash: str) -> Principal | None:
        rows = self._rows("principal", hash=secret_hash)
        if not rows:
            return None
        tenant, key_id, role, subject, owner = rows[0]
        return Principal(kind=role, id=subject, tenant=tenant, owner=owner, key_id=key_id)

    def session(self, hash: str) -> Session | None:
        rows = self._rows("session", hash=hash)
        return session_of(rows[0]) if rows else None

    def sessions_of(self, tenant: str, person: str) -> list[Session]:
        return [session_of(r) for r in self._rows("sessions_of", tenant=tenant, person=person)]

    def device(self, kind: str, id: str) -> Device | None:
        rows = self._rows("device", kind=kind, id=id)
        return device_of(rows[0]) if rows else None

    def devices(self, tenant: str, kind: str, person: str | None = None) -> list[Device]:
        rows = self._rows("devices", tenant=tenant, kind=kind, person=person)
        return [device_of(row) for row in rows]

    def file(self, tenant: str, sha256: str) -> tuple[StoredFile, bytes] | None:
        rows = self._rows("file", tenant=tenant, sha256=sha256)
        return file_of(rows[0]) if rows else None

    def keys(self, tenant: str) -> list[KeyInfo]:
        fields = list(KeyInfo.model_fields)
        return [
            KeyInfo(**dict(zip(fields, row, strict=True)))
            for row in self._rows("keys", tenant=tenant)
        ]

    def next_timer(self) -> int | None:
        found: int | None = self._one("next_timer")
        return found

    def next_delivery(self) -> int | None:
        found: int | None = self._one("next_delivery")
        return found

    def last_event_at(self) -> int:
        return self._one("last_event_at") or 0

    def counts(self) -> dict[str, int]:
        found = {f"intents.{status}": n for status, n in self._rows("count_intents")}
        return found | {f"deliveries.{state}": n for state, n in self._rows("count_deliveries")}

    def integrity(self) -> list[str]:
        found = [text for (text,) in self._reader.execute("PRAGMA quick_check") if text != "ok"]
        applied = {name for (name,) in self._reader.execute("SELECT name FROM migrations")}
        known = {name for name, _ in migrations("sqlite")}
        found += [f"migration {name} is not applied" for name in sorted(known - applied)]
        found += [f"migration {name} is from a newer Holdshort" for name in sorted(applied - known)]
        return found

    def watch(self, changed: Callable[[Sequence[Ref] | None], None]) -> Callable[[], None]:
        stop = threading.Event()
        # Read here, not in the thread: what is committed once this has returned is heard of.
        position = self._one("last_position") or 0
        thread = threading.Thread(
            target=self._watch, args=(changed, stop, position), name="holdshort-watch", daemon=True
        )
        thread.start()

        def end() -> None:
            stop.set()
            thread.join()

        return end

    def _watch(
        self,
        changed: Callable[[Sequence[Ref] | None], None],
        stop: threading.Event,
        position: int,
    ) -> None:
        """`PRAGMA data_version` moves when another connection commits; the log then says what."""
        version = None
        while not stop.wait(self._poll):
            try:
                seen = self._data_version()
                if seen == version:
                    continue
                rows = self._rows("changes", position=position)
                version = seen
            except (Down, sqlite3.Error):
                continue  # the next look will see it
            if rows:
                position = rows[0][2]
            changed([(tenant, intent_id) for tenant, intent_id, _ in rows])

    def _data_version(self) -> int:
        (version,) = self._reader.execute("PRAGMA data_version").fetchone()
        return int(version)

    def close(self) -> None:
        with self._opening:
            for connection in self._opened:
                connection.close()
            self._opened.clear()


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. Unlike all else this fails at once while another process opens the file."""
    give_up = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)


@contextmanager
def _busy_is_down() -> Iterator[None]:
    """Locked, full, gone, unreadable: the database cannot be used now, and nothing was written."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.DataError) as error:
        raise Refused(str(error)) from error
    except (sqlite3.ProgrammingError, sqlite3.NotSupportedError):
        raise  # a defect of ours, not the database's
    except sqlite3.DatabaseError as error:
        raise Down(str(error)) from error


def _statements(script: str) -> Iterator[str]:
    """Split a script: `executescript` would commit, and a migration is one transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
