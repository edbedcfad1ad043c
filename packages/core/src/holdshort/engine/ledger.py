"""The log of what administrators do: people, teams, keys, policies, settings, limits, kills.

It is a chain like an intent's, beside those of the intents, and written in the transaction of what
it tells of. An export holds it and `audit.verify` checks it.
"""

from __future__ import annotations

from typing import Any

from holdshort import audit
from holdshort.models import Principal, StoredEvent, iso
from holdshort.store.base import Changes, Entry, Store, Tx

#: Where the chain stands among the events: in the place of an intent's id.
LEDGER = audit.ADMINISTRATION


def record(tx: Tx, by: Principal, what: str, about: str, **details: Any) -> None:
    """Append what somebody did to their tenant's log.

    Args:
        what: the thing and what was done to it, for example `key.made`.
        about: which one.
        details: more of it; never a secret. What is None is left out.
    """
    head = tx.lock_entry(by.tenant, "ledger", LEDGER)
    seq = head.get("seq", 0) + 1
    now = max(tx.now(), head.get("at", 0))  # a clock that went back never makes the log run back
    event: dict[str, Any] = {
        "tenant": by.tenant,
        "intent_id": LEDGER,
        "seq": seq,
        "event_type": f"admin.{what}",
        "at": iso(now),
        "actor": by.actor,
        "via": by.via,
        "about": about,
        "prev": head.get("head") or audit.genesis(by.tenant, LEDGER),
    }
    said = {name: value for name, value in details.items() if value is not None}
    if said:
        event["details"] = said
    line = audit.encode(event)
    digest = audit.hash_of(line)
    stored = StoredEvent(seq, event["event_type"], now, line, digest)
    tx.write(Changes(events=[(by.tenant, LEDGER, stored)]))
    doc = {"seq": seq, "head": digest, "at": now}
    tx.put_entry(by.tenant, Entry(kind="ledger", name=LEDGER, doc=doc))


def head_of(store: Store, tenant: str) -> tuple[int, str] | None:
    """Return how long a tenant's log is and the hash of its newest entry; None where it is
    empty."""
    entries = store.entries(tenant, "ledger")
    return (entries[0].doc["seq"], entries[0].doc["head"]) if entries else None
