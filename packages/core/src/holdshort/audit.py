"""The hash chain of an intent's log, and the offline check of an exported one.

Every event is written once, as one line of JSON that holds the hash of the line before (`prev`);
its own hash is SHA-256 over exactly those bytes. The intent keeps the newest hash (`head`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

ADMINISTRATION = "administration"
"""What stands in the place of an intent's id in the log of what administrators do."""


def genesis(tenant: str, intent_id: str) -> str:
    """Return what stands as `prev` in an intent's first event: it ties the chain to its intent."""
    return hashlib.sha256(f"holdshort:{tenant}:{intent_id}".encode()).hexdigest()


def encode(event: dict[str, Any]) -> str:
    """Return the one line that is stored, hashed and exported."""
    return to_json(event).decode()


def hash_of(line: str) -> str:
    """Return the hash of one event's line."""
    return hashlib.sha256(line.encode()).hexdigest()


@dataclass(frozen=True)
class Broken:
    """The first entry at which an export does not hold together."""

    line: int
    intent_id: str
    seq: int
    why: str


@dataclass(frozen=True)
class Verified:
    """What a check of an export found."""

    intents: int
    events: int
    root: str
    """SHA-256 over every intent's head, in order of intent id: note it down, and a later export of
    the same log that was cut or rewritten as a whole cannot have it."""
    broken: Broken | None


def root_of(heads: dict[str, str]) -> str:
    """Return the one hash that stands for all chains."""
    lines = "".join(f"{intent_id} {heads[intent_id]}\n" for intent_id in sorted(heads))
    return hashlib.sha256(lines.encode()).hexdigest()


def _intents(heads: dict[str, str]) -> int:
    return len(heads.keys() - {ADMINISTRATION})


@dataclass(frozen=True, slots=True)
class _Event:
    intent_id: str
    seq: int
    prev: str
    genesis: str
    hash: str
    claimed: str


@dataclass(frozen=True, slots=True)
class _Head:
    intent_id: str
    seq: int
    head: str


def _read(text: str) -> _Event | _Head | str:
    """Return what one line says: an event, an intent's head, or the root.

    Raises ValueError (or RecursionError) for what is none of them.
    """
    match json.loads(text):
        case {"event": str(line), "hash": str(claimed)}:
            match json.loads(line):
                case {
                    "tenant": str(tenant),
                    "intent_id": str(intent_id),
                    "seq": int(seq),
                    "prev": str(prev),
                }:
                    first = genesis(tenant, intent_id)
                    return _Event(intent_id, seq, prev, first, hash_of(line), claimed)
        case {"intent_id": str(intent_id), "seq": int(seq), "head": str(head)} if seq > 0:
            return _Head(intent_id, seq, head)
        case {"root": str(root)}:
            return root
    raise ValueError("no entry")


def verify(lines: Iterable[str]) -> Verified:
    """Check an export: JSON lines, each `{"hash": …, "event": "<the stored line>"}`, then for each
    intent `{"intent_id": …, "seq": …, "head": …}`, then `{"root": …}`.

    Names the first entry that is missing, changed, moved or added. Never raises, whatever the lines
    hold.
    """
    heads: dict[str, str] = {}
    seqs: dict[str, int] = {}
    claimed: dict[str, tuple[int, str]] = {}
    root: str | None = None
    events = 0
    number = 0

    def broken(intent_id: str, seq: int, why: str) -> Verified:
        at = Broken(line=number, intent_id=intent_id, seq=seq, why=why)
        return Verified(_intents(heads), events, root_of(heads), at)

    for text in lines:
        number += 1
        if not text.strip():
            continue
        try:
            entry = _read(text)
        except (ValueError, RecursionError):
            return broken("", 0, "this line is no entry of an export")
        if root is not None:
            return broken("", 0, "it stands after the last line")
        if isinstance(entry, str):
            root = entry
            continue
        intent_id, seq = entry.intent_id, entry.seq
        if isinstance(entry, _Head):
            if intent_id in claimed:
                return broken(intent_id, seq, "the record of this intent is there twice")
            claimed[intent_id] = (seq, entry.head)
            continue
        expected_seq = seqs.get(intent_id, 0) + 1
        if seq != expected_seq:
            return broken(intent_id, seq, f"event {expected_seq} is missing or out of order")
        if entry.prev != heads.get(intent_id, entry.genesis):
            return broken(intent_id, seq, "it does not follow from the event before")
        if entry.hash != entry.claimed:
            return broken(intent_id, seq, "its content was changed")
        heads[intent_id], seqs[intent_id] = entry.hash, seq
        events += 1

    for intent_id in sorted(heads.keys() | claimed.keys()):
        if claimed.get(intent_id) != (seqs.get(intent_id, 0), heads.get(intent_id, "")):
            have = seqs.get(intent_id, 0)
            wanted = claimed.get(intent_id, (0, ""))[0]
            return broken(
                intent_id, have + 1, f"the log has {have} events, its record says {wanted}"
            )
    if root is None:
        return broken("", 0, "the export has no last line: it was cut off")
    if root != root_of(heads):
        return broken("", 0, "the root does not match the chains")
    return Verified(_intents(heads), events, root, None)
