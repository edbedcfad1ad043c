"""From what happened to who is told, by which channel: pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from holdshort.models import Directory, Intent, Notice, iso
from holdshort.store.base import Delivery

WEBHOOK = "webhook"
"""The channel whose recipients are subscriptions, not people."""


def route(
    notice: Notice,
    intent: Intent,
    directory: Directory,
    *,
    now: int,
    claim_until: int,
    new_id: Callable[[], str],
    link: str | None,
) -> list[Delivery]:
    """Return the deliveries that tell people and webhooks about this, with their bodies.

    Args:
        intent: the intent as the command left it.
        now: milliseconds UTC; the time that the message carries.
        claim_until: until when the caller keeps the deliveries for itself (milliseconds UTC).
        new_id: gives each delivery its id.
        link: where a person looks at the intent, if there is such a page.
    """
    event_type = f"intent.{notice.reason}"
    told: list[tuple[str, str, str | None]] = [
        (channel, person, person)
        for person in _people(notice.to, directory)
        for channel in directory.channels
    ]
    told += [
        (WEBHOOK, subscription, None)
        for subscription, types in directory.webhooks
        if event_type in types or "*" in types
    ]
    if not told:
        return []
    data = _data(notice, intent, link)
    timestamp = iso(now)
    deliveries = []
    for channel, recipient, person in told:
        delivery_id = new_id()
        data["recipient"] = person
        body = {"id": delivery_id, "type": event_type, "timestamp": timestamp, "data": data}
        deliveries.append(
            Delivery(
                tenant=intent.tenant,
                id=delivery_id,
                intent_id=intent.id,
                reason=notice.reason,
                channel=channel,
                recipient=recipient,
                body=json.dumps(body),
                next_at=claim_until,
                created_at=now,
            )
        )
    return deliveries


def _people(addresses: tuple[str, ...], directory: Directory) -> list[str]:
    people = directory.people_at(addresses)
    if people or not addresses:
        return people
    # Nobody is behind these addresses: an empty team, a role without a holder, somebody who left.
    # The record then shows the address that was told, and the default reviewers hear of it. Who
    # left is not written to any more, unless there is nobody else at all.
    present = [address for address in addresses if address not in directory.inactive]
    default = directory.people_at(directory.default_reviewers) or directory.default_reviewers
    return list(dict.fromkeys([*present, *default])) or list(addresses)


def _data(notice: Notice, intent: Intent, link: str | None) -> dict[str, Any]:
    step = intent.steps[notice.step]
    data: dict[str, Any] = {
        "intent_id": intent.id,
        "intent_type": intent.intent_type,
        "title": step.task.title or intent.title,
        "agent": intent.agent,
        "task_type": step.task.task_type,
        "status": intent.status,
        "step": notice.step,
        "recipient": None,
        "deadline_at": None if step.deadline_at is None else iso(step.deadline_at),
    }
    if step.decision is not None:
        data["outcome"] = step.decision.outcome
        data["decided_by"] = step.decision.decided_by
        data["timed_out"] = step.decision.timed_out
    if link is not None:
        data["url"] = link
    return data
