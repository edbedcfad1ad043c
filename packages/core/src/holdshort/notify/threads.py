"""From a change of an intent to the subscriptions of agents in whose inbox it is: pure.

A subscription is an agent's own: it hears of the threads in that agent's inbox, and of what
becomes of the intents that this agent asked for. It never hears of anything else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from holdshort.models import Directory, Intent, StoredEvent, agent_address, iso
from holdshort.store.base import Delivery

CHANNEL = "subscription"
"""The channel whose recipients are agents' subscriptions."""
SOURCE = "holdshort"
"""Where an event is from that says what happened here; nobody who publishes can say this."""

CREATED = "inbox.thread_created"
UPDATED = "inbox.thread_updated"
REPLIED = "inbox.reply_received"
EVERY_INTENT_EVENT = "intent.*"

_REMARKS = frozenset({"intent.commented", "intent.asked_agent"})


def subscribed(
    before: Intent | None,
    after: Intent,
    events: Iterable[StoredEvent],
    directory: Directory,
    *,
    now: int,
    claim_until: int,
    new_id: Callable[[], str],
) -> list[Delivery]:
    """Return the deliveries to agents' subscriptions that this change comes to.

    Args:
        before: the intent as it was; None for one that is new.
        events: what the change wrote into the intent's log.
        now: milliseconds UTC; the time that the message carries.
        claim_until: until when the caller keeps the deliveries for itself (milliseconds UTC).
        new_id: gives each delivery its id, which is its event's as well.
    """
    found: list[Delivery] = []
    if not directory.subscriptions:
        return found
    lines = [(one.event_type, json.loads(one.line)) for one in events]
    if not lines:
        return found
    for subscription, owner, types in directory.subscriptions:
        if owner in directory.killed:
            continue
        for event_type, line in _told(before, after, lines, owner, types):
            event_id = new_id()
            found.append(
                Delivery(
                    tenant=after.tenant,
                    id=event_id,
                    # Its own, not the intent's: an agent chooses how many of these there are, and
                    # they must not crowd out the record of which people were told.
                    intent_id=event_id,
                    reason=event_type,
                    channel=CHANNEL,
                    recipient=subscription,
                    body=body_of(event_id, event_type, SOURCE, owner, now, _said(after, line)),
                    next_at=claim_until,
                    created_at=now,
                )
            )
    return found


def body_of(
    event_id: str,
    event_type: str,
    source: str,
    owner: str,
    now: int,
    payload: dict[str, Any],
    **more: Any,
) -> str:
    """Return what is posted to a subscription: the same bytes on every try."""
    body = {
        "event_id": event_id,
        "event_type": event_type,
        "source": source,
        "owner_agent": owner,
        "occurred_at": iso(now),
        "payload": payload,
    }
    return json.dumps(body | more)


def in_inbox(intent: Intent, owner: str) -> bool:
    """Whether an intent is or was in an agent's inbox: its work, or the end of what it asked for a
    reply to."""
    if any(owner in step.assigned for step in intent.steps if step.agent is not None):
        return True
    if intent.to_agent is not None and agent_address(intent.to_agent) == owner:
        return True
    return (
        intent.terminal and intent.reply_to is not None and agent_address(intent.reply_to) == owner
    )


def _told(
    before: Intent | None,
    after: Intent,
    lines: list[tuple[str, dict[str, Any]]],
    owner: str,
    types: tuple[str, ...],
) -> list[tuple[str, dict[str, Any]]]:
    """Return the types of event that this subscription hears of, each with its line of the log."""
    inside = in_inbox(after, owner)
    told: list[tuple[str, dict[str, Any]]] = []
    if inside:
        kind, line = _of_thread(before, lines, owner)
        # A reply changes the thread as well: who asked for changes alone hears of it so.
        kinds = (REPLIED, UPDATED) if kind == REPLIED else (kind,)
        told += [(one, line) for one in kinds if one in types][:1]
    if inside or agent_address(after.agent) == owner:
        told += [
            (name, line) for name, line in lines if name in types or EVERY_INTENT_EVENT in types
        ]
    return told


def _of_thread(
    before: Intent | None, lines: list[tuple[str, dict[str, Any]]], owner: str
) -> tuple[str, dict[str, Any]]:
    """Return what this change is to the thread in an agent's inbox."""
    last = lines[-1][1]
    if before is None or not in_inbox(before, owner):
        return CREATED, last
    for name, line in lines:
        if name in _REMARKS and _by(line) != owner:
            return REPLIED, line
    return UPDATED, last


def _by(line: dict[str, Any]) -> str:
    kind, _, who = str(line["actor"]).partition(":")
    return agent_address(who) if kind == "agent" else ""


def _said(intent: Intent, line: dict[str, Any]) -> dict[str, Any]:
    """Return what a message says of an intent. What was asked for and what was written is not in
    it: the receiver looks it up, with a key."""
    said: dict[str, Any] = {
        "thread_id": intent.id,
        "intent_id": intent.id,
        "intent_type": intent.intent_type,
        "status": line["status"],
        "from_agent": intent.agent,
        "to_agent": intent.to_agent,
        "seq": line["seq"],
        "at": line["at"],
        "log_event": line["event_type"],
        "actor": line["actor"],
    }
    decision = intent.decision
    if decision is not None:
        said["outcome"] = decision.outcome
        said["approved"] = decision.positive is True
        said["decided_by"] = decision.decided_by
        said["timed_out"] = decision.timed_out
    return said
