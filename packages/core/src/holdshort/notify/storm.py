"""One storm is one message: how many messages an agent can make a person get: pure.

The first three within a minute go at once. What comes after them waits until the minute is over;
then, where more than three wait, they go together as one message (`intent.digest`). So an agent
makes a person get three messages a minute on a channel at most, however much it asks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from holdshort.models import iso
from holdshort.notify.masking import masked_text
from holdshort.notify.routing import ASKS, CONSOLE
from holdshort.store.base import Delivery

#: Messages from one agent to one person on one channel in a window.
FREE = 3
#: How long a window is (milliseconds).
WINDOW = 60_000
#: What is older than this when its turn comes has waited, and goes with the others that have.
WAITED = 10_000
#: Tasks that one digest lists; it says how many there are.
MOST_LISTED = 100

_RISK = {"high": 0, "medium": 1, "low": 2}


@dataclass(frozen=True, slots=True)
class Stream:
    """What one agent sends to one person by one channel."""

    tenant: str
    channel: str
    recipient: str
    agent: str


def stream_of(delivery: Delivery) -> Stream | None:
    """Return the stream that a delivery is of; None for what is not limited: what goes to programs
    and to the console, what asks for nothing, digests themselves, and what is being tried again."""
    if delivery.reason not in ASKS or delivery.channel == CONSOLE or delivery.attempts:
        return None
    data = json.loads(delivery.body).get("data", {})
    if data.get("recipient") != delivery.recipient or "after_failure_of" in data:
        return None
    return Stream(delivery.tenant, delivery.channel, delivery.recipient, str(data.get("agent")))


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of the deliveries of one stream that are due."""

    send: tuple[Delivery, ...] = ()
    together: tuple[Delivery, ...] = ()
    """To be sent as one message."""
    hold: tuple[Delivery, ...] = ()
    until: int = 0
    """Until when (milliseconds UTC) the held ones wait."""


def plan(due: Sequence[Delivery], sent: Sequence[int], now: int) -> Plan:
    """Return what becomes of the deliveries of one stream that are due now.

    Args:
        sent: when messages of this stream were sent lately (milliseconds UTC), oldest first.
        now: milliseconds UTC.
    """
    recent = [at for at in sent if at > now - WINDOW]
    free = max(0, FREE - len(recent))
    waited = [one for one in due if now - one.created_at >= WAITED]
    fresh = [one for one in due if now - one.created_at < WAITED]
    together: list[Delivery] = []
    if len(waited) > free and free:
        together, waited, free = waited, [], free - 1
    ready = [*waited, *fresh]
    # The window begins with its first message, so that its end is the same for all that wait.
    begins = recent[0] if recent else now
    return Plan(tuple(ready[:free]), tuple(together), tuple(ready[free:]), begins + WINDOW)


def digest(
    deliveries: Sequence[Delivery], delivery_id: str, now: int, claim_until: int
) -> Delivery:
    """Return the one message that stands for several of one stream.

    Its body has the type `intent.digest`; `data` has `agent`, `recipient`, `count`, `tasks` (what
    is riskiest and ends first comes first; each with `intent_id`, `title`, `risk`, `deadline_at`
    and `url`) and, where people can reach the server, `url`: the page with all of them.
    """
    first = deliveries[0]
    found: dict[str, dict[str, Any]] = {}
    for delivery in deliveries:
        data = json.loads(delivery.body)["data"]
        found[delivery.intent_id] = {
            "intent_id": delivery.intent_id,
            "title": masked_text(str(data["title"]))[0],
            "risk": data.get("risk", "medium"),
            "deadline_at": data["deadline_at"],
            "url": data.get("url"),
        }
    tasks = sorted(found.values(), key=_urgency)
    data = {
        "agent": json.loads(first.body)["data"]["agent"],
        "recipient": first.recipient,
        "count": len(tasks),
        "tasks": tasks[:MOST_LISTED],
    }
    if tasks[0]["url"]:
        data["url"] = tasks[0]["url"].rpartition("/")[0]
    body = {"id": delivery_id, "type": "intent.digest", "timestamp": iso(now), "data": data}
    return Delivery(
        tenant=first.tenant,
        id=delivery_id,
        intent_id=first.intent_id,
        reason="digest",
        channel=first.channel,
        recipient=first.recipient,
        body=json.dumps(body),
        next_at=claim_until,
        created_at=now,
        fallbacks=first.fallbacks,
    )


def _urgency(task: dict[str, Any]) -> tuple[int, str]:
    return _RISK.get(task["risk"], 0), task["deadline_at"] or "9"
