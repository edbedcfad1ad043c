"""The tenant's log on its way out: as JSON lines that can be verified, and as a table.

First what happened to each intent, then what administrators did.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from itertools import islice

from holdshort import audit
from holdshort.engine import ledger
from holdshort.engine.engine import Engine
from holdshort.models import Intent, StoredEvent, iso
from holdshort.store.base import Store

_PAGE = 200
COLUMNS = ("at", "intent_id", "seq", "event", "status", "actor", "digest", "details", "hash")
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def lines(store: Store, tenant: str, only: str | None = None) -> Iterator[str]:
    """Yield the log as `audit.verify` reads it: each event, then its intent's head, and last the
    root. It reads as it is asked to go on.

    Args:
        only: the id of one intent, for its log alone.
    """
    heads: dict[str, str] = {}
    for intent in _intents(store, tenant, only):
        for event in _events(store, tenant, intent.id, intent.seq):
            yield json.dumps({"hash": event.hash, "event": event.line}) + "\n"
        head = {"intent_id": intent.id, "seq": intent.seq, "head": intent.head}
        yield json.dumps(head) + "\n"
        heads[intent.id] = intent.head
    intents = len(heads)
    if only is None and (known := ledger.head_of(store, tenant)) is not None:
        seq, heads[ledger.LEDGER] = known
        for event in _events(store, tenant, ledger.LEDGER, seq):
            yield json.dumps({"hash": event.hash, "event": event.line}) + "\n"
        administration = {"intent_id": ledger.LEDGER, "seq": seq, "head": heads[ledger.LEDGER]}
        yield json.dumps(administration) + "\n"
    last = {
        "root": audit.root_of(heads),
        "intents": intents,
        "at": iso(store.clock.now()),
    }
    yield json.dumps(last) + "\n"


def table(store: Store, tenant: str, only: str | None = None) -> Iterator[str]:
    """Yield the log as CSV (RFC 4180), for spreadsheets. No cell of it is read as a formula."""
    yield _row(COLUMNS)
    for intent in _intents(store, tenant, only):
        for event in _events(store, tenant, intent.id, intent.seq):
            yield _event_row(intent.id, event)
    if only is None and (known := ledger.head_of(store, tenant)) is not None:
        for event in _events(store, tenant, ledger.LEDGER, known[0]):
            yield _event_row(ledger.LEDGER, event)


async def streamed(engine: Engine, rows: Iterator[str]) -> AsyncIterator[str]:
    """Yield the same in larger pieces, read off the event loop."""

    def piece() -> str:
        return "".join(islice(rows, _PAGE))

    while text := await engine.read(piece, heavy=True):
        yield text


def cell(text: str) -> str:
    """Return a cell that a spreadsheet shows and does not compute: an apostrophe stands before what
    begins like a formula.

    >>> cell("=HYPERLINK(1)")
    "'=HYPERLINK(1)"
    """
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _row(cells: tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(map(cell, cells))
    return text.getvalue()


def _event_row(chain: str, event: StoredEvent) -> str:
    line = json.loads(event.line)
    about = {"about": line["about"]} if "about" in line else {}
    return _row(
        (
            iso(event.at),
            chain,
            str(event.seq),
            event.event_type,
            line.get("status", ""),
            line.get("actor", ""),
            line.get("digest", ""),
            json.dumps(about | (line.get("details") or {}), ensure_ascii=False),
            event.hash,
        )
    )


def _intents(store: Store, tenant: str, only: str | None) -> Iterator[Intent]:
    if only is not None:
        found = store.intent(tenant, only)
        if found is not None:
            yield found
        return
    before = None
    while True:
        page = store.intents(tenant, before=before, limit=_PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        before = page[-1].id


def _events(store: Store, tenant: str, chain: str, until: int) -> Iterator[StoredEvent]:
    """Yield a chain's events up to the head that was read: what is appended meanwhile belongs to
    the next export."""
    since = 0
    while since < until:
        found = store.events(tenant, chain, since=since, limit=min(1000, until - since))
        if not found:
            return
        yield from found
        since = found[-1].seq
