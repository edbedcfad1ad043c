"""One write transaction on PostgreSQL: what needs no answer is sent together with COMMIT."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import psycopg

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
    NewIntent,
    Ref,
    Refused,
    Session,
    StoredFile,
    UsageRef,
)
from holdshort.store.postgres_link import Connection, translated
from holdshort.store.postgres_watch import payloads
from holdshort.store.queries import sql
from holdshort.store.rows import delivery_of, permitted_until, session_of, with_doc

Statement = tuple[str, dict[str, Any]]
Cursor = psycopg.Cursor[tuple[Any, ...]]

_BEGIN: Statement = ("begin", {})
_COMMIT: Statement = ("commit", {})
_NOW: Statement = ("now", {})


class PostgresTx:
    """See `holdshort.store.base.Tx` for what each method promises.

    Writes wait in a queue and leave in one pipeline with the next read or with COMMIT, so what they
    raise (Stale, Refused) may come only then.

    Args:
        connection: an idle connection in autocommit mode.
        now: the time, where it is not the database's that counts.
        heard: told what the database's clock says.
    """

    def __init__(
        self, connection: Connection, now: int | None, heard: Callable[[int], None]
    ) -> None:
        self._connection = connection
        self._now = now
        self._heard = heard
        self._queue: list[Statement] = [_BEGIN]
        self._changed: dict[Ref, None] = {}

    def _send(self, *last: Statement) -> list[Cursor]:
        """Send the queue and then these, in one round trip; return the answers to these."""
        queue, self._queue = self._queue, []
        with translated(), self._connection.pipeline():
            answers = [
                self._connection.execute(sql("postgres", name), values)
                for name, values in (*queue, *last)
            ]
        return answers[len(queue) :]

    def _later(self, name: str, /, **values: Any) -> None:
        self._queue.append((name, values))

    def _rows(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        if self._now is not None:
            (answer,) = self._send((name, values))
        else:
            # The clock comes last: rows may have to be waited for, and what is done to them happens
            # once they are held.
            answer, clock = self._send((name, values), _NOW)
            self._hear(clock)
        return answer.fetchall()

    def _hear(self, clock: Cursor) -> None:
        ((self._now,),) = clock.fetchall()
        assert self._now is not None
        self._heard(self._now)

    def commit(self) -> None:
        """Send what is queued, and COMMIT, in one round trip."""
        if self._queue == [_BEGIN]:
            return
        if self._changed:
            self._later("notify", payloads=payloads(list(self._changed)))
        (done,) = self._send(_COMMIT)
        if done.statusmessage != "COMMIT":
            raise Refused("a statement of this transaction had failed")

    def now(self) -> int:
        if self._now is None:
            (clock,) = self._send(_NOW)
            self._hear(clock)
        assert self._now is not None
        return self._now

    def load(self, refs: Sequence[Ref]) -> dict[Ref, Intent]:
        found = self._intents("load_intents", ("tenants", "ids"), refs)
        return {(intent.tenant, intent.id): intent for intent in found}

    def load_by_key(self, keys: Sequence[KeyRef]) -> dict[KeyRef, Intent]:
        found = self._intents("load_by_key", ("tenants", "agents", "keys"), keys)
        return {(intent.tenant, intent.agent, intent.key): intent for intent in found}

    def _intents(
        self, name: str, columns: tuple[str, ...], refs: Iterable[tuple[str, ...]]
    ) -> list[Intent]:
        # PostgreSQL has no NUL in a text, so what is named with one is not there.
        known = [ref for ref in refs if not any("\0" in part for part in ref)]
        if not known:
            return []
        rows = self._rows(name, **_columns(columns, known))
        return [Intent.model_validate_json(state) for (state,) in rows]

    def body(self, tenant: str, intent_id: str) -> str | None:
        rows = self._rows("body", tenant=tenant, intent_id=intent_id)
        return rows[0][0] if rows else None

    def due(self, now: int, limit: int) -> list[Ref]:
        return [(tenant, id) for tenant, id in self._rows("due", now=now, limit=limit)]

    def leasable(
        self, tenant: str, agent: str, intent_types: Sequence[str], now: int, limit: int
    ) -> list[Ref]:
        rows = self._rows(
            "leasable",
            tenant=tenant,
            agent=agent,
            intent_types=list(intent_types),
            now=now,
            limit=limit,
        )
        return [(tenant, id) for tenant, id in rows]

    def load_runs(self, refs: Sequence[RunRef]) -> dict[RunRef, Run]:
        known = [ref for ref in refs if not any("\0" in part for part in ref)]
        if not known:
            return {}
        rows = self._rows("load_runs", **_columns(("tenants", "agents", "ids"), known))
        runs = [Run.model_validate_json(doc) for (doc,) in rows]
        return {run.ref: run for run in runs}

    def leasable_runs(
        self, tenant: str, agent: str, apps: Sequence[str], now: int, limit: int
    ) -> list[RunRef]:
        rows = self._rows(
            "leasable_runs", tenant=tenant, agent=agent, apps=list(apps), now=now, limit=limit
        )
        return [(tenant, agent, id) for tenant, agent, id in rows]

    def of_agent(self, tenant: str, agents: Sequence[str], now: int) -> list[Ref]:
        rows = self._rows("of_agent", tenant=tenant, agents=list(agents), now=now)
        return [(tenant, id) for tenant, id in rows]

    def usage(self, refs: Sequence[UsageRef]) -> dict[UsageRef, Usage]:
        if not refs:
            return {}
        # There has to be a row before it can be locked.
        columns = _columns(("tenants", "agents", "days"), list(refs))
        self._later("add_usage", **columns)
        rows = self._rows("load_usage", **columns)
        return {(t, agent, day): Usage.model_validate_json(doc) for t, agent, day, doc in rows}

    def write(self, changes: Changes) -> None:
        if changes.created:
            self._create(changes.created)
        if changes.updated:
            rows = [
                (
                    i.tenant, i.id, read, i.version, i.status, i.wake_at, i.lease_at, i.dump(),
                    permitted_until(i), i.digest,
                )
                for read, i in changes.updated.values()
            ]  # fmt: skip
            self._many("update_intents", _UPDATED, rows)
        events = [
            (tenant, intent_id, e.seq, e.event_type, e.at, e.line, e.hash)
            for tenant, intent_id, e in changes.events
        ]
        self._many("insert_events", _EVENT, events)
        self._many("delete_assignments", ("tenants", "ids"), changes.unassigned)
        self._many("insert_assignments", ("tenants", "addresses", "ids"), changes.assigned)
        deliveries = [
            (
                d.tenant, d.id, d.intent_id, d.reason, d.channel, d.recipient, d.body, d.state,
                d.attempts, d.next_at, d.created_at, json.dumps(d.fallbacks),
            )
            for d in changes.deliveries
        ]  # fmt: skip
        self._many("insert_deliveries", _DELIVERY, deliveries)
        self._write_runs(changes)
        usage = [(*ref, one.model_dump_json()) for ref, one in changes.usage.items()]
        self._many("put_usage", ("tenants", "agents", "days", "docs"), usage)
        self._changed |= dict.fromkeys(changes.updated)
        self._changed |= dict.fromkeys(
            (new.intent.tenant, new.intent.id) for new in changes.created
        )

    def _write_runs(self, changes: Changes) -> None:
        # In id order, as they are locked.
        for ref, (read, run) in sorted(changes.runs.items()):
            row: dict[str, Any] = dict(zip(("tenant", "agent", "id"), ref, strict=True))
            row |= {"app": run.app, "status": run.status, "version": run.version}
            row |= {"lease_at": run.lease_at, "doc": run.dump()}
            if read is None:
                self._later("insert_run", **row)
            else:
                self._later("update_run", **row, read=read)
        for (tenant, agent, run_id), data in changes.run_states.items():
            self._later("put_run_state", tenant=tenant, agent=agent, id=run_id, data=data)

    def _create(self, created: Sequence[NewIntent]) -> None:
        rows = [
            (
                i.tenant, i.id, i.version, i.status, i.agent, i.intent_type, i.key, i.wake_at,
                i.lease_at, i.dump(), permitted_until(i), i.digest,
            )
            for i in (new.intent for new in created)
        ]  # fmt: skip
        self._many("insert_intents", _CREATED, rows)
        bodies = [(new.intent.tenant, new.intent.id, new.body) for new in created]
        self._many("insert_requests", ("tenants", "ids", "bodies"), bodies)
        for new in created:
            if new.continuation is not None:
                # One by one: these are large, and an array of them would be copied once more.
                self._later(
                    "insert_continuation",
                    tenant=new.intent.tenant,
                    intent_id=new.intent.id,
                    data=new.continuation,
                )

    def _many(self, name: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._queue.append((name, _columns(columns, rows)))

    def claim_deliveries(self, now: int, until: int, limit: int) -> list[Delivery]:
        rows = self._rows("claim_deliveries", now=now, until=until, limit=limit)
        return [delivery_of(row) for row in rows]

    def update_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        rows = [
            (
                d.tenant, d.id, d.state, d.attempts, d.next_at, d.sent_at,
                _printable(d.last_error), _printable(d.receipt), json.dumps(d.fallbacks),
            )
            for d in deliveries
        ]  # fmt: skip
        self._many("update_deliveries", _TRIED, rows)

    def lock_entry(self, tenant: str, kind: EntryKind, name: str) -> dict[str, Any]:
        named = {"tenant": tenant, "kind": kind, "name": name}
        self._later("touch_entry", **named)
        rows = self._rows("lock_entry", **named)
        found: dict[str, Any] = json.loads(rows[0][0])
        return found

    def put_entry(self, tenant: str, entry: Entry) -> None:
        self._write_entry("put_entry", tenant, entry)

    def add_entry(self, tenant: str, entry: Entry) -> None:
        self._write_entry("add_entry", tenant, entry)

    def _write_entry(self, name: str, tenant: str, entry: Entry) -> None:
        doc = json.dumps(entry.doc)
        self._later(name, tenant=tenant, kind=entry.kind, name=entry.name, doc=doc)

    def delete_entry(self, tenant: str, kind: EntryKind, name: str) -> bool:
        return bool(self._rows("delete_entry", tenant=tenant, kind=kind, name=name))

    def add_key(self, key: KeyInfo, secret_hash: str) -> None:
        self._later("add_key", **key.model_dump(), hash=secret_hash)

    def add_session(self, session: Session) -> None:
        self._later("end_sessions", now=self.now())
        self._later("add_session", **with_doc(session))

    def put_session(self, session: Session) -> None:
        self._later("put_session", **with_doc(session))

    def put_device(self, device: Device) -> None:
        self._later("put_device", **with_doc(device))

    def delete_device(self, tenant: str, kind: str, id: str) -> bool:
        return bool(self._rows("delete_device", tenant=tenant, kind=kind, id=id))

    def put_file(self, file: StoredFile, data: bytes) -> None:
        self._later("put_file", **file.model_dump(), data=data)

    def end_session(self, hash: str) -> Session | None:
        rows = self._rows("end_session", hash=hash)
        return session_of(rows[0]) if rows else None

    def end_sessions_of(self, tenant: str, person: str) -> int:
        return len(self._rows("end_persons_sessions", tenant=tenant, person=person))

    def revoke_key(self, tenant: str, key_id: str, now: int) -> bool:
        return bool(self._rows("revoke_key", tenant=tenant, id=key_id, now=now))


_CREATED = (
    "tenants", "ids", "versions", "statuses", "agents", "types", "keys", "wakes", "leases",
    "states", "permits", "digests",
)  # fmt: skip
_UPDATED = (
    "tenants", "ids", "reads", "versions", "statuses", "wakes", "leases", "states", "permits",
    "digests",
)  # fmt: skip
_EVENT = ("tenants", "ids", "seqs", "types", "times", "lines", "hashes")
_DELIVERY = (
    "tenants", "ids", "intent_ids", "reasons", "channels", "recipients", "bodies", "states",
    "attempts", "nexts", "times", "fallbacks",
)  # fmt: skip
_TRIED = (
    "tenants",
    "ids",
    "states",
    "attempts",
    "nexts",
    "sents",
    "errors",
    "receipts",
    "fallbacks",
)


def _columns(names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Turn rows into one array a column, for `unnest`."""
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _printable(text: str | None) -> str | None:
    """An endpoint's answer may hold a NUL, and must not keep its failure from being recorded."""
    return None if text is None else text.replace("\0", "\N{REPLACEMENT CHARACTER}")
