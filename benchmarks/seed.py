"""A SQLite database with very many pending intents, row by row as the engine writes them.

The engine's own code files one intent in every thousand into a recorder instead of a database; the
rows that it writes are copied with other ids, and the hash chain of each log is worked out anew. So
what is stored is what would have been, a hundred times sooner.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdshort import audit, ids
from holdshort.client.transports.embedded import LOCAL_AGENT
from holdshort.engine.batch import Batch
from holdshort.engine.work import File, Item
from holdshort.lifecycle import Create
from holdshort.models import DEFAULT_TENANT, Principal
from holdshort.requests import IntentRequest
from holdshort.store.queries import sql
from holdshort.store.sqlite import SqliteStore
from holdshort.store.sqlite_tx import SqliteTx

#: What is asked. Nothing falls due on it while the benchmark runs.
REQUEST: dict[str, Any] = {
    "intent_type": "intent.data.export_approval.v1",
    "to_agent": "agent://myorg/production/data-analyst",
    "payload": {"dataset": "customers_q1_2026", "pii_detected": True, "rows": 18_231},
    "to": "admin@localhost",
    "remind_after": "10d",
    "escalate_after": "20d",
    "deadline": "30d",
}
AGENT = Principal(kind="agent", id=LOCAL_AGENT, tenant=DEFAULT_TENANT)
#: Intents that are copied from one, filed at the same millisecond.
ALIKE = 1000
#: The oldest was filed so long ago (milliseconds); each thousand is a second younger.
_AGE = 3_600_000
_INSERTS = ("insert_intent", "insert_request", "insert_event", "insert_assignment")
_SENT = (
    sql("sqlite", "insert_delivery")
    .replace("created_at)", "created_at, sent_at)")
    .replace("VALUES (?, ", "VALUES (?, ?, ")
)


def filing(request: dict[str, Any], intent_id: str) -> File:
    """Return the work of filing an intent, as the server hands it to the engine."""
    asked = IntentRequest.model_validate(request)
    body = asked.model_dump_json(exclude_unset=True)
    return File(
        Create(
            principal=AGENT,
            request=asked,
            intent_id=intent_id,
            key=intent_id,
            body_hash=audit.hash_of(body),
            correlation_id=intent_id,
        ),
        body=body,
    )


class Seed:
    """Fills one database further and further. The server must not be running on it.

    `written` holds the ids, oldest first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._base = round(time.time() * 1000) - _AGE
        self.written: list[str] = []

    def fill(self, count: int) -> None:
        """Bring the database to so many pending intents in all."""
        store = SqliteStore(self._path)
        directory = store.directory(DEFAULT_TENANT)
        store.close()
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            # Whoever opens it next brings WAL and FULL back; a crash in here costs only the run.
            connection.execute("PRAGMA journal_mode=OFF")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA cache_size=-200000")
            while (more := min(ALIKE, count - len(self.written))) > 0:
                now = self._base + len(self.written)
                recorder = _Recorder()
                batch = Batch(SqliteTx(recorder, now), lambda _: directory, lambda _: None)  # type: ignore[arg-type]
                item = Item(filing(REQUEST, ids.new_id(now)), lambda _: None)
                batch.run([item])
                if item.result.error is not None:
                    raise item.result.error
                template = _Template(item.result.value.transition.intent.id, now, recorder.rows)
                connection.execute("BEGIN")
                self.written += template.copy(connection, more)
                connection.execute("COMMIT")


@dataclass
class _Recorder:
    """In a connection's place: keeps the rows, and knows of nothing stored."""

    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    rowcount = 0

    def execute(self, statement: str, parameters: object = ()) -> _Recorder:
        return self

    def executemany(self, statement: str, rows: list[tuple[Any, ...]]) -> _Recorder:
        self.rows[statement] = [tuple(row) for row in rows]
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        return []


class _Template:
    """The rows of one intent, with holes where its id, its delivery's id and its hashes stood."""

    def __init__(self, intent_id: str, now: int, rows: dict[str, list[tuple[Any, ...]]]) -> None:
        self._now = now
        events = rows[sql("sqlite", "insert_event")]
        (delivery,) = rows[sql("sqlite", "insert_delivery")]
        self._known = {intent_id: "%(id)s", delivery[1]: "%(delivery)s", events[-1][-1]: "%(head)s"}
        self._rows = {
            name: self._holes(rows[sql("sqlite", name)][0])
            for name in _INSERTS
            if "event" not in name
        }
        # state, attempts and sent_at as they are once the notification has left
        sent = (*delivery[:7], "sent", 1, *delivery[9:], now + 3)
        self._delivery = self._holes(sent)
        self._events = []
        previous = audit.genesis(DEFAULT_TENANT, intent_id)
        for tenant, _, seq, event_type, at, line, head in events:
            text = _escaped(line).replace(intent_id, "%(id)s").replace(previous, "%(prev)s")
            self._events.append(((tenant, seq, event_type, at), text))
            previous = head

    def copy(self, connection: sqlite3.Connection, count: int) -> list[str]:
        """Write so many intents; return their ids."""
        rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _INSERTS}
        deliveries = []
        made = []
        for number in range(count):
            intent_id, delivery_id = _id(self._now, number), _id(self._now + 1, number)
            head = audit.genesis(DEFAULT_TENANT, intent_id)
            for (tenant, seq, event_type, at), text in self._events:
                line = text % {"id": intent_id, "prev": head}
                head = audit.hash_of(line)
                rows["insert_event"].append((tenant, intent_id, seq, event_type, at, line, head))
            values = {"id": intent_id, "delivery": delivery_id, "head": head}
            for name, holes in self._rows.items():
                rows[name].append(_filled(holes, values))
            deliveries.append(_filled(self._delivery, values))
            made.append(intent_id)
        for name, many in rows.items():
            connection.executemany(sql("sqlite", name), many)
        connection.executemany(_SENT, deliveries)
        return made

    def _holes(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(self._with_holes(cell) if isinstance(cell, str) else cell for cell in row)

    def _with_holes(self, text: str) -> str:
        text = _escaped(text)
        for known, hole in self._known.items():
            text = text.replace(known, hole)
        return text


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _filled(holes: tuple[Any, ...], values: dict[str, str]) -> tuple[Any, ...]:
    return tuple(cell % values if isinstance(cell, str) else cell for cell in holes)


def _id(now: int, number: int) -> str:
    """Return a UUID version 7 of this moment; those of one moment in order, as a counter makes
    them (RFC 9562, section 6.2)."""
    return f"{now >> 16:08x}-{now & 0xFFFF:04x}-7{number:03x}-8{number:03x}-{number:012x}"
