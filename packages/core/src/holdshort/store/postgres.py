"""PostgreSQL: many replicas on one database, its clock for all of them, rows locked in id order."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    Session,
    StoredFile,
)
from holdshort.store.queries import migrations, sql
from holdshort.store.rows import delivery_of, device_of, directory_of, file_of, session_of

try:
    import psycopg
    from psycopg_pool import ConnectionPool
except ImportError as error:
    raise ConfigurationError(
        f'PostgreSQL needs psycopg ({error}): pip install "holdshort[postgres]"'
    ) from error

from holdshort.store.postgres_link import (
    Connection,
    DatabaseClock,
    connect,
    conninfo,
    prepare,
    translated,
)
from holdshort.store.postgres_tx import PostgresTx
from holdshort.store.postgres_watch import Listener

#: How long a read waits for a connection (seconds): long enough for a restart of the database.
POOL_SECONDS = 5.0
#: For how long the pool itself tries to get a connection back (seconds). Its pauses double, so with
#: more it comes back as long after the database as that was gone; each read makes it try anew.
RECONNECT_SECONDS = 1.0
#: How long the one read that finds out whether the database is back waits for it (seconds).
LOOK_SECONDS = 1.5
_LAST_ID = "\x7f"
_FIRST_ID = ""
_TABLES = [
    "api_keys",
    "assignments",
    "continuations",
    "deliveries",
    "devices",
    "entries",
    "events",
    "files",
    "intents",
    "requests",
    "run_states",
    "runs",
    "sessions",
]


class PostgresStore:
    """A store in a PostgreSQL database, in a schema `holdshort` of its own.

    Args:
        url: `postgresql://user:password@host:5432/database`, or any other libpq connection string.
        pool_size: the most reads at once. Writing and listening have one connection each besides.
        clock: where time comes from; without one, from the database's clock.
    """

    reads_block = True

    def __init__(self, url: str, *, pool_size: int = 8, clock: Clock | None = None) -> None:
        self._info = conninfo(url)
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            self._info,
            min_size=1,
            max_size=pool_size,
            kwargs={"autocommit": True},
            configure=prepare,
            timeout=POOL_SECONDS,
            reconnect_timeout=RECONNECT_SECONDS,
            name="holdshort",
            open=True,
        )
        self._gone = False
        self._looking = threading.Lock()
        self._writer: Connection | None = None
        self._given = clock
        heard = DatabaseClock()
        self._heard = heard.heard
        self.clock: Clock = clock or heard
        """The time that transactions happen at, as well as this process knows it in between."""

    def _writing(self) -> Connection:
        if self._writer is None or self._writer.closed:
            self._writer = connect(self._info)
        return self._writer

    def _own_backend(self) -> int | None:
        writer = self._writer
        return None if writer is None or writer.closed else writer.info.backend_pid

    def migrate(self) -> list[str]:
        done = []
        with translated():
            writer = self._writing()
            with writer.transaction():
                writer.execute(sql("postgres", "lock_migrations"))
                ((exists,),) = writer.execute(sql("postgres", "schema_exists"))
                if not exists:
                    writer.execute("CREATE SCHEMA holdshort")
                writer.execute(
                    'CREATE TABLE IF NOT EXISTS migrations (name TEXT COLLATE "C" PRIMARY KEY)'
                )
                applied = {name for (name,) in writer.execute(sql("postgres", "applied"))}
                for name, text in migrations("postgres"):
                    if name not in applied:
                        writer.execute(text)
                        writer.execute(sql("postgres", "add_migration"), {"name": name})
                        done.append(name)
            ((now,),) = writer.execute(sql("postgres", "now"))
            self._heard(now)
        if self._given is not None:
            self._given.not_before(self.last_event_at())
        return done

    @contextmanager
    def transaction(self) -> Iterator[PostgresTx]:
        with translated():
            writer = self._writing()
            given = self._given.now() if self._given is not None else None
            tx = PostgresTx(writer, given, self._heard)
            try:
                yield tx
                tx.commit()
            except BaseException:
                _undo(writer)
                raise

    def _rows(self, name: str, /, **parameters: Any) -> list[Any]:
        if not self._gone:
            return self._noting_whether_gone(name, parameters, POOL_SECONDS)
        # One read at a time finds out whether the database is back. Were all of them to wait for
        # it, they would take every thread there is, and nobody would be told for minutes.
        if not self._looking.acquire(blocking=False):
            raise Down("the database cannot be reached")
        try:
            return self._noting_whether_gone(name, parameters, LOOK_SECONDS)
        finally:
            self._looking.release()

    def _noting_whether_gone(
        self, name: str, parameters: dict[str, Any], patience: float
    ) -> list[Any]:
        try:
            rows = self._read(name, parameters, patience)
        except Down:
            self._gone = True
            raise
        self._gone = False
        return rows

    def _read(self, name: str, parameters: dict[str, Any], patience: float) -> list[Any]:
        retry = True
        while True:
            with translated(), self._pool.connection(patience) as connection:
                try:
                    return connection.execute(sql("postgres", name), parameters).fetchall()
                except psycopg.DataError:
                    return []  # what the database cannot hold (say, a NUL) is not there
                except psycopg.OperationalError:
                    if not (retry and connection.closed):
                        raise
            # The server was restarted, which breaks every connection in the pool; a read may simply
            # be made again on a new one.
            retry = False
            self._pool.check()

    def _one(self, name: str, /, **parameters: Any) -> Any:
        rows = self._rows(name, **parameters)
        return rows[0][0] if rows else None

    def _intent(self, state: str | None) -> Intent | None:
        return Intent.model_validate_json(state) if state else None

    def _intents(self, name: str, /, **parameters: Any) -> list[Intent]:
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
            "answered", tenant=tenant, agent=agent, digests=list(digests), limit=limit
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
        return self._intents("tasks", addresses=list(addresses), **parameters)

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
        missing = [name for (name,) in self._rows("missing_tables", names=[*_TABLES, "migrations"])]
        if "migrations" in missing:
            return ["this database has no Holdshort schema: it was never migrated"]
        applied = {name for (name,) in self._rows("applied")}
        known = {name for name, _ in migrations("postgres")}
        found = [f"the table {name} is missing" for name in missing]
        found += [f"migration {name} is not applied" for name in sorted(known - applied)]
        found += [f"migration {name} is from a newer Holdshort" for name in sorted(applied - known)]
        return found

    def watch(self, changed: Callable[[Sequence[Ref] | None], None]) -> Callable[[], None]:
        listener = Listener(self._info, self._own_backend, changed)
        listener.start()
        return listener.stop

    def close(self) -> None:
        self._pool.close()
        if self._writer is not None:
            self._writer.close()


def _undo(writer: Connection) -> None:
    """Roll back; a connection that cannot is given up, and with it whatever it had done."""
    try:
        writer.rollback()
    except psycopg.Error:
        writer.close()
