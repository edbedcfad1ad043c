"""From what happened to who is told, by which channel and when: pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from holdshort.models import Directory, Intent, Notice, Step, iso
from holdshort.people import Contact
from holdshort.policy.eligible import Seat, claimed_by, seat_of
from holdshort.store.base import Delivery

WEBHOOK = "webhook"
"""The channel whose recipients are subscriptions, not people."""
CONSOLE = "console"
"""The channel that shows what happens to whoever looks at the server; it reaches nobody."""
APPRISE = "apprise"
"""The channel that calls a person's own addresses of further services."""
#: Channels that cannot reach a person without an address that somebody gave for them.
_NEED_AN_ADDRESS = frozenset({APPRISE, "push", "slack"})

#: What asks a person for something.
ASKS = frozenset({"asked", "reminded", "escalated"})
#: What changes messages that were sent before.
UPDATES = frozenset(
    {
        "decided", "timed_out", "canceled", "claimed", "released", "deadline_changed",
        "paused", "unpaused",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reach:
    """By which channels this server reaches people.

    Args:
        channels: for people and tenants who do not say which, in order.
        updating: channels that change their messages when an intent is taken or has ended.
    """

    channels: tuple[str, ...] = (CONSOLE,)
    updating: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Told:
    channel: str
    recipient: str
    person: str | None = None
    seat: Seat | None = None
    not_before: int = 0
    fallbacks: tuple[str, ...] = ()


def route(
    notice: Notice,
    intent: Intent,
    directory: Directory,
    *,
    now: int,
    claim_until: int,
    new_id: Callable[[], str],
    link: str | None,
    reach: Reach | None = None,
) -> list[Delivery]:
    """Return the deliveries that tell people and webhooks about this, with their bodies.

    A person is told by all their channels, or by the first of them with the others to fall back
    on. In their quiet hours they are told when these are over (`next_at`), unless it cannot wait:
    the risk is high, it would escalate or end before, it is an escalation, or they are on call.

    Args:
        intent: the intent as the command left it.
        now: milliseconds UTC; the time that the message carries.
        claim_until: until when the caller keeps the deliveries for itself (milliseconds UTC).
        new_id: gives each delivery its id.
        link: where a person looks at the intent, if there is such a page.
        reach: what this server has.
    """
    directory = directory.at(now)
    event_type = f"intent.{notice.reason}"
    told = list(_people_told(notice, intent, directory, reach or Reach(), now))
    told += [
        _Told(WEBHOOK, subscription)
        for subscription, types in directory.webhooks
        if event_type in types or "*" in types
    ]
    if not told:
        return []
    data = _data(notice, intent, directory, link)
    timestamp = iso(now)
    deliveries = []
    for one in told:
        delivery_id = new_id()
        data["recipient"] = one.person
        body = {
            "id": delivery_id,
            "type": event_type,
            "timestamp": timestamp,
            "data": data | _for_whom(one.seat),
        }
        deliveries.append(
            Delivery(
                tenant=intent.tenant,
                id=delivery_id,
                intent_id=intent.id,
                reason=notice.reason,
                channel=one.channel,
                recipient=one.recipient,
                body=json.dumps(body),
                next_at=max(claim_until, one.not_before),
                created_at=now,
                fallbacks=one.fallbacks,
            )
        )
    return deliveries


def _people_told(
    notice: Notice, intent: Intent, directory: Directory, reach: Reach, now: int
) -> Iterator[_Told]:
    step = intent.steps[notice.step]
    updating = reach.updating if notice.reason in UPDATES else frozenset()
    paged = directory.people_at(one for one in notice.to if one.startswith("oncall:"))
    for person in _people(notice.to, intent, directory):
        contact = directory.contacts.get(person, Contact())
        seat = _seat(person, notice, intent, directory)
        wait = 0 if person in paged else _not_before(notice.reason, step, contact, directory, now)
        for channel, fallbacks in _by(contact, directory, reach):
            if channel not in updating:
                until = 0 if channel == CONSOLE else wait
                yield _Told(channel, person, person, seat, until, fallbacks)
    # When it is over, those who were asked by its earlier steps hear of it as well.
    steps = intent.steps if intent.terminal else (step,)
    asked = tuple(address for one in steps for address in one.assigned)
    for person in _who_may_know(asked, directory) if updating else ():
        contact = directory.contacts.get(person, Contact())
        seat = _seat(person, notice, intent, directory)
        for channel in _channels(contact, directory, reach):
            if channel in updating:
                yield _Told(channel, person, person, seat)


def _by(
    contact: Contact, directory: Directory, reach: Reach
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each channel that a message is to go by, with those to use should it fail."""
    channels = _channels(contact, directory, reach)
    reaching = tuple(one for one in channels if one != CONSOLE)
    if contact.tell == "all" or not reaching:
        yield from ((one, ()) for one in channels)
        return
    if CONSOLE in channels:
        yield CONSOLE, ()
    yield reaching[0], reaching[1:]


def _channels(contact: Contact, directory: Directory, reach: Reach) -> tuple[str, ...]:
    chosen = contact.channels
    if chosen is None:
        chosen = reach.channels if directory.channels is None else directory.channels
        if APPRISE in contact.known_to and APPRISE not in chosen:
            chosen = (*chosen, APPRISE)
    usable = tuple(one for one in chosen if one not in _NEED_AN_ADDRESS - contact.known_to)
    # Where nothing is left, what was chosen fails where it is seen, rather than nothing happening.
    return usable or chosen


def _not_before(reason: str, step: Step, contact: Contact, directory: Directory, now: int) -> int:
    """Return when a person's quiet hours let this through; 0 for at once."""
    if contact.quiet is None or reason == "escalated" or step.policy.risk == "high":
        return 0
    over = contact.quiet.over_at(now, contact.timezone or directory.timezone)
    if over is None:
        return 0
    next_due = [at for at in (step.escalate_at, step.deadline_at) if at is not None]
    return 0 if reason in ASKS and min(next_due, default=over + 1) <= over else over


def _people(addresses: tuple[str, ...], intent: Intent, directory: Directory) -> list[str]:
    barred = intent.owner if intent.current.policy.separation_of_duties else None
    people = directory.people_at(addresses, barred=barred)
    if people or not addresses:
        return people
    # Nobody is behind these addresses: an empty team, a role without a holder, somebody who left.
    # The record then shows the address that was told, and the default reviewers hear of it. Who
    # left is not written to any more, unless there is nobody else at all.
    present = [address for address in addresses if address not in directory.inactive]
    default = directory.people_at(directory.default_reviewers) or directory.default_reviewers
    return list(dict.fromkeys([*present, *default])) or list(addresses)


def _seat(person: str, notice: Notice, intent: Intent, directory: Directory) -> Seat | None:
    """Return in whose place somebody is told of an open step; None where it is in nobody's."""
    if not directory.absences or intent.terminal or notice.step != intent.step:
        return None
    seat = seat_of(person, intent, directory)
    return seat if seat is not None and seat.on_behalf_of else None


def _for_whom(seat: Seat | None) -> dict[str, Any]:
    if seat is None or seat.away_until is None:
        return {}
    return {"on_behalf_of": seat.on_behalf_of, "away_until": iso(seat.away_until)}


def _who_may_know(addresses: tuple[str, ...], directory: Directory) -> list[str]:
    """Return everybody who may have had a message about this: turns change, people come back."""
    on_call = [
        person
        for scheme, _, name in (one.partition(":") for one in addresses)
        if scheme == "oncall" and name in directory.rotas
        for person in directory.rotas[name].known
    ]
    found = [*directory.members_at(addresses), *on_call]
    deputies = [one.deputy for one in directory.absences if one.person in found and one.deputy]
    return list(dict.fromkeys([*found, *directory.people_at(addresses), *deputies]))


def _data(notice: Notice, intent: Intent, directory: Directory, link: str | None) -> dict[str, Any]:
    step = intent.steps[notice.step]
    data: dict[str, Any] = {
        "intent_id": intent.id,
        "intent_type": intent.intent_type,
        "title": step.task.title or intent.title,
        "agent": intent.agent,
        "task_type": step.task.task_type,
        "status": intent.status,
        "step": notice.step,
        "risk": step.policy.risk,
        "recipient": None,
        "deadline_at": None if step.deadline_at is None else iso(step.deadline_at),
    }
    if (taken := claimed_by(step, directory)) is not None and not intent.terminal:
        data["claimed_by"] = taken
    # How it ended is not always how its last step did: what follows a no cannot make it a yes.
    decision = intent.decision if intent.terminal else step.decision
    if decision is not None:
        data["outcome"] = decision.outcome
        data["decided_by"] = decision.decided_by
        data["timed_out"] = decision.timed_out
    if link is not None:
        data["url"] = link
    return data
