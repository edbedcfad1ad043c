"""Who may decide a step."""

from __future__ import annotations

from dataclasses import dataclass

from holdshort.errors import Forbidden, HoldshortError, NotAReviewer
from holdshort.models import Directory, Intent, Principal, Step, agent_address

#: Who has it sees everything of their tenant.
ADMIN_ROLE = "admin"


@dataclass(frozen=True, slots=True)
class Seat:
    """Who answers, and in whose place, where that is somebody who is away."""

    person: str
    on_behalf_of: str | None = None
    away_until: int | None = None
    """When the other is back (milliseconds UTC)."""


def require_reviewer(principal: Principal, intent: Intent, directory: Directory) -> str:
    """Return the person who decides. Raises as `require_seat` does."""
    return require_seat(principal, intent, directory).person


def require_seat(principal: Principal, intent: Intent, directory: Directory) -> Seat:
    """Return who decides, and for whom.

    Raises Forbidden for anything that is not a person and for the agent's own owner where duties
    are separated, NotAReviewer for a person who is not asked and stands in for nobody who is.
    """
    if principal.kind != "person":
        raise Forbidden(
            f"only people decide; this key belongs to {_a(principal.kind)}. Give the person a key "
            "of their own: holdshort keys create --person ana@acme.com",
        )
    step = intent.current
    seat = _seat(principal.id, intent, directory)
    if seat is None:
        raise NotAReviewer(
            f"{principal.id} is not asked here; asked are: {', '.join(step.assigned) or 'nobody'}"
        )
    if step.policy.separation_of_duties and principal.id == intent.owner:
        raise Forbidden(
            f"{principal.id} owns the agent that asks this, so somebody else has to decide",
            rule="separation_of_duties",
        )
    return seat


def _seat(person: str, intent: Intent, directory: Directory) -> Seat | None:
    """Return the seat that a person has here: their own, else that of somebody who is away.

    A seat counts once: nobody stands in for who has answered or has been answered for already. And
    whom duties keep from deciding cannot decide by a deputy either.
    """
    step = intent.current
    asked = set(step.assigned)
    if directory.own_addresses_of(person) & asked:
        return Seat(person)
    others = [vote for vote in step.live_votes if vote.by != person]
    taken = {one for vote in others for one in (vote.by, vote.on_behalf_of)}
    if step.policy.separation_of_duties:
        taken.add(intent.owner)
    for absent in directory.away.represented_by(person):
        if absent not in taken and directory.own_addresses_of(absent) & asked:
            absence = directory.away.absence(absent)
            return Seat(person, absent, absence.until if absence is not None else None)
    return None


def seat_of(person: str, intent: Intent, directory: Directory) -> Seat | None:
    """Return how a person may answer an open intent, and for whom; None where they may not."""
    try:
        return require_seat(
            Principal(kind="person", id=person, tenant=intent.tenant), intent, directory
        )
    except HoldshortError:
        return None


def claimed_by(step: Step, directory: Directory) -> str | None:
    """Return who has taken the step. The claim of somebody who is away, or who is not asked any
    more, keeps nobody else from it."""
    person = step.claimed_by
    if person is None or person in directory.away:
        return None
    return person if directory.addresses_of(person) & set(step.assigned) else None


def why_not(principal: Principal, intent: Intent, directory: Directory) -> str | None:
    """Return why somebody cannot answer an open step here and now; None where they can."""
    try:
        person = require_reviewer(principal, intent, directory)
    except HoldshortError as error:
        return error.message
    if intent.paused_at is not None or agent_address(intent.agent) in directory.killed:
        return (
            "This stands still: its agent was killed. It can be answered once an administrator has "
            "let the agent go on; until then no time passes for it."
        )
    taken = claimed_by(intent.current, directory)
    if taken not in (None, person):
        return f"{taken} has taken this. Ask them to decide it or to release it."
    for vote in intent.current.live_votes:
        if vote.by == person:
            return f"You have answered “{vote.outcome}”; others have to answer as well."
    return None


def may_delegate(person: str, step: Step, directory: Directory) -> bool:
    """Return whether this person was asked directly, and so may hand the step on.

    Who was only delegated to may not delegate again: one hop, so there can be no circle.
    """
    received = {to for _, to in step.delegated}
    return bool(directory.addresses_of(person) & (set(step.assigned) - received))


def may_look(person: str, intent: Intent, directory: Directory) -> bool:
    """Return whether a person may look at an intent: who is or was asked, who watches over its
    agent's limits, and administrators."""
    if person in directory.inactive:
        return False
    if ADMIN_ROLE in directory.people.get(person, ()):
        return True
    asked = {address for step in intent.steps for address in (*step.reviewers, *step.assigned)}
    limits = directory.limits_of(intent.agent)
    if limits is not None and intent.counted:
        asked.update(limits.approvers)  # they are told where it passes one
    return bool(directory.addresses_of(person) & asked)


def _a(kind: str) -> str:
    return f"an {kind}" if kind == "agent" else f"a {kind}"
