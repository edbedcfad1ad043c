"""Interrupts as intents on the server: file them, find them, withdraw them. Flows, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from holdshort.client import flows
from holdshort.client.calls import Call, Flow
from holdshort.client.decision import Decision
from holdshort.errors import KeyConflict, NotFound, NotPending

ANSWERED_ELSEWHERE = "The graph went on without this answer: it was resumed in another way."
REPLACED = {
    "input": "A new message came for this conversation, so this question is no longer open.",
    "update": "The state of this thread was changed by hand, so this question is no longer open.",
    "fork": "This thread was taken back to an earlier point, so this question is no longer open.",
    "delete": "The thread that asked this was deleted.",
}


@dataclass(frozen=True)
class Known:
    """What the server knows of an intent under its key: nothing, that it is open, or how it
    ended."""

    body: Mapping[str, Any]
    intent_id: str | None = None
    decision: Decision | None = None


def file(intents: Iterable[Mapping[str, Any]]) -> Flow[list[str]]:
    """File intents, each once; return their ids. One that is there already stays as it is, also
    where the graph would word it otherwise by now."""
    ids = []
    for body in intents:
        fields = dict(body)
        key = fields.pop("key")
        try:
            ids.append((yield from flows.send_intent(fields, key=key)))
        except KeyConflict as known:
            ids.append(str(known.details["intent_id"]))
    return ids


def look_up(intents: Iterable[Mapping[str, Any]]) -> Flow[list[Known]]:
    """Return what is known of each."""
    found = []
    for body in intents:
        view = yield from flows.find(body["key"])
        if view is None:
            found.append(Known(body))
            continue
        decision = yield from ended(view["intent_id"])
        found.append(Known(body, view["intent_id"], decision))
    return found


def ended(intent_id: str) -> Flow[Decision | None]:
    """Return how an intent ended; None while it is open."""
    reply = yield from flows.call(Call("GET", f"/v1/intents/{intent_id}/decision"))
    return None if reply["decision"] is None else Decision.of(reply["decision"])


def is_unknown(key: str) -> Flow[bool]:
    """Whether nobody has said yet how the call under this key ended."""
    view = yield from flows.find(key)
    return view is not None and (view["grant"] or {}).get("state") == "unknown"


def withdraw(keys: Iterable[str], reason: str) -> Flow[None]:
    """Cancel those that are open still, so that whoever was asked is told why."""
    for key in keys:
        view = yield from flows.find(key)
        if view is not None:
            yield from cancel(view["intent_id"], reason)


def cancel(intent_id: str, reason: str) -> Flow[None]:
    """Cancel an intent, unless it has ended, or is Holdshort's own question."""
    try:
        if (yield from ended(intent_id)) is None:
            yield from flows.post(intent_id, "cancel", {"reason": reason})
    except (NotPending, NotFound):
        return
