"""One write transaction on SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from holdshort.limits import Usage
from holdshort.models import Intent, Run, RunRef
from holdshort.store.base import (
    Changes,
    Delivery,
    Device,
    Entry,
    EntryKind,
    KeyInfo,
    KeyRef,
    Ref,
    Session,
    Stale,
    StoredFile,
    UsageRef,
)
from holdshort.store.queries import sql
from holdshort.store.rows import delivery_of, permitted_until, session_of, with_doc


def _sql(name: str) -> str:
    return sql("sqlite", name)


class SqliteTx:
    """One write transaction; see `holdshort.store.base.Tx` for what each method promises."""

    def __init__(self, connection: sqlite3.Connection, now: int) -> None:
        self._connection = connection
        self._now = now

    def now(self) -> int:
        return self._now

    def load(self, refs: Sequence[Ref]) -> dict[Ref, Intent]:
        rows = self._connection.execute(_sql("load_intents"), {"refs": json.dumps(refs)}).fetchall()
        intents = [Intent.model_validate_json(state) for (state,) in rows]
        return {(intent.tenant, intent.id): intent for intent in intents}

    def load_by_key(self, keys: Sequence[KeyRef]) -> dict[KeyRef, Intent]:
        rows = self._connection.execute(_sql("load_by_key"), {"refs": json.dumps(keys)}).fetchall()
        intents = [Intent.model_validate_json(state) for (state,) in rows]
        return {(intent.tenant, intent.agent, intent.key): intent for intent in intents}

    def body(self, tenant: str, intent_id: str) -> str | None:
        row = self._connection.execute(
            _sql("body"), {"tenant": tenant, "intent_id": intent_id}
        ).fetchone()
        return row[0] if row else None

    def due(self, now: int, limit: int) -> list[Ref]:
        return self._connection.execute(_sql("due"), {"now": now, "limit": limit}).fetchall()

    def leasable(
        self, tenant: str, agent: str, intent_types: Sequence[str], now: int, limit: int
    ) -> list[Ref]:
        return self._connection.execute(
            _sql("leasable"),
            {
                "tenant": tenant,
                "agent": agent,
                "intent_types": json.dumps(list(intent_types)),
                "now": now,
                "limit": limit,
            },
        ).fetchall()

    def load_runs(self, refs: Sequence[RunRef]) -> dict[RunRef, Run]:
        rows = self._connection.execute(_sql("load_runs"), {"refs": json.dumps(refs)}).fetchall()
        runs = [Run.model_validate_json(doc) for (doc,) in rows]
        return {run.ref: run for run in runs}

    def leasable_runs(
        self, tenant: str, agent: str, apps: Sequence[str], now: int, limit: int
    ) -> list[RunRef]:
        return self._connection.execute(
            _sql("leasable_runs"),
            {
                "tenant": tenant,
                "agent": agent,
                "apps": json.dumps(list(apps)),
                "now": now,
                "limit": limit,
            },
        ).fetchall()

    def of_agent(self, tenant: str, agents: Sequence[str], now: int) -> list[Ref]:
        return self._connection.execute(
            _sql("of_agent"), {"tenant": tenant, "agents": json.dumps(list(agents)), "now": now}
        ).fetchall()

    def usage(self, refs: Sequence[UsageRef]) -> dict[UsageRef, Usage]:
        rows = self._connection.execute(_sql("load_usage"), {"refs": json.dumps(refs)}).fetchall()
        found = {(t, agent, day): Usage.model_validate_json(doc) for t, agent, day, doc in rows}
        return {ref: found.get(ref, Usage()) for ref in refs}

    def write(self, changes: Changes) -> None:
        if changes.created:
            self._many("insert_intent", [_new_row(new.intent) for new in changes.created])
            self._many(
                "insert_request",
                [(new.intent.tenant, new.intent.id, new.body) for new in changes.created],
            )
            self._many(
                "insert_continuation",
                [
                    (new.intent.tenant, new.intent.id, new.continuation)
                    for new in changes.created
                    if new.continuation is not None
                ],
            )
        if changes.updated:
            rows = [_changed_row(read, intent) for read, intent in changes.updated.values()]
            if self._many("update_intent", rows) != len(rows):
                raise Stale
        self._many(
            "insert_event",
            [
                (tenant, intent_id, e.seq, e.event_type, e.at, e.line, e.hash)
                for tenant, intent_id, e in changes.events
            ],
        )
        self._many("delete_assignments", changes.unassigned)
        self._many("insert_assignment", changes.assigned)
        self._many("insert_delivery", [_delivery_row(d) for d in changes.deliveries])
        self._write_runs(changes)
        self._many(
            "put_usage", [(*ref, one.model_dump_json()) for ref, one in changes.usage.items()]
        )

    def _write_runs(self, changes: Changes) -> None:
        for read, run in changes.runs.values():
            row = (run.app, run.status, run.version, run.lease_at, run.dump())
            if read is None:
                self._many("insert_run", [(*run.ref, *row)])
            elif self._many("update_run", [(*row, *run.ref, read)]) != 1:
                raise Stale
        self._many("put_run_state", [(*ref, data) for ref, data in changes.run_states.items()])

    def _many(self, name: str, rows: Sequence[Sequence[Any]]) -> int:
        return self._connection.executemany(_sql(name), rows).rowcount if rows else 0

    def claim_deliveries(self, now: int, until: int, limit: int) -> list[Delivery]:
        rows = self._connection.execute(
            _sql("claim_deliveries"), {"now": now, "until": until, "limit": limit}
        ).fetchall()
        return [delivery_of(row) for row in rows]

    def update_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        self._many(
            "update_delivery",
            [
                (
                    d.state,
                    d.attempts,
                    d.next_at,
                    d.sent_at,
                    d.last_error,
                    d.receipt,
                    json.dumps(d.fallbacks),
                    d.tenant,
                    d.id,
                )
                for d in deliveries
            ],
        )

    def lock_entry(self, tenant: str, kind: EntryKind, name: str) -> dict[str, Any]:
        row = self._connection.execute(
            _sql("entry"), {"tenant": tenant, "kind": kind, "name": name}
        ).fetchone()
        found: dict[str, Any] = json.loads(row[0]) if row else {}
        return found

    def put_entry(self, tenant: str, entry: Entry) -> None:
        self._write_entry("put_entry", tenant, entry)

    def add_entry(self, tenant: str, entry: Entry) -> None:
        self._write_entry("add_entry", tenant, entry)

    def _write_entry(self, name: str, tenant: str, entry: Entry) -> None:
        self._connection.execute(
            _sql(name),
            {
                "tenant": tenant,
                "kind": entry.kind,
                "name": entry.name,
                "doc": json.dumps(entry.doc),
            },
        )

    def delete_entry(self, tenant: str, kind: EntryKind, name: str) -> bool:
        done = self._connection.execute(
            _sql("delete_entry"), {"tenant": tenant, "kind": kind, "name": name}
        )
        return done.rowcount > 0

    def add_key(self, key: KeyInfo, secret_hash: str) -> None:
        self._connection.execute(_sql("add_key"), {**key.model_dump(), "hash": secret_hash})

    def add_session(self, session: Session) -> None:
        self._connection.execute(_sql("end_sessions"), {"now": self._now})
        self._connection.execute(_sql("add_session"), with_doc(session))

    def put_session(self, session: Session) -> None:
        self._connection.execute(_sql("put_session"), with_doc(session))

    def put_device(self, device: Device) -> None:
        self._connection.execute(_sql("put_device"), with_doc(device))

    def delete_device(self, tenant: str, kind: str, id: str) -> bool:
        found = {"tenant": tenant, "kind": kind, "id": id}
        return bool(self._connection.execute(_sql("delete_device"), found).fetchall())

    def put_file(self, file: StoredFile, data: bytes) -> None:
        self._connection.execute(_sql("put_file"), file.model_dump() | {"data": data})

    def end_session(self, hash: str) -> Session | None:
        row = self._connection.execute(_sql("end_session"), {"hash": hash}).fetchone()
        return session_of(row) if row else None

    def end_sessions_of(self, tenant: str, person: str) -> int:
        found = {"tenant": tenant, "person": person}
        return len(self._connection.execute(_sql("end_persons_sessions"), found).fetchall())

    def revoke_key(self, tenant: str, key_id: str, now: int) -> bool:
        done = self._connection.execute(
            _sql("revoke_key"), {"tenant": tenant, "id": key_id, "now": now}
        )
        return done.rowcount > 0


def _new_row(intent: Intent) -> tuple[Any, ...]:
    return (
        intent.tenant,
        intent.id,
        intent.version,
        intent.status,
        intent.agent,
        intent.intent_type,
        intent.key,
        intent.wake_at,
        intent.lease_at,
        intent.dump(),
        permitted_until(intent),
        intent.digest,
    )


def _changed_row(read: int, intent: Intent) -> tuple[Any, ...]:
    return (
        intent.version,
        intent.status,
        intent.wake_at,
        intent.lease_at,
        intent.dump(),
        permitted_until(intent),
        intent.digest,
        intent.tenant,
        intent.id,
        read,
    )


def _delivery_row(d: Delivery) -> tuple[Any, ...]:
    return (
        d.tenant,
        d.id,
        d.intent_id,
        d.reason,
        d.channel,
        d.recipient,
        d.body,
        d.state,
        d.attempts,
        d.next_at,
        d.created_at,
        json.dumps(d.fallbacks),
    )
