"""When the open step ends: its asker brings that nearer, a service moves it within the policy."""

from __future__ import annotations

from holdshort.errors import Forbidden, InvalidRequest, NotPending, StaleGeneration
from holdshort.lifecycle.alive import require_alive, require_going_on
from holdshort.lifecycle.commands import ChangeDeadline
from holdshort.lifecycle.draft import Draft
from holdshort.models import Directory, Intent, Principal, Step, iso
from holdshort.policy.ladder import ends_after, latest_end


def change(draft: Draft, command: ChangeDeadline, directory: Directory) -> None:
    """Set another end for the step that is open.

    An end that gives a yes is nobody's to move: who brought it nearer would have decided.
    """
    intent, principal = draft.intent, command.principal
    _require_asker(intent, principal)
    require_alive(principal, directory)
    if intent.terminal:
        raise NotPending(f"this intent has already ended: {intent.status}", status=intent.status)
    require_going_on(intent, directory)
    step = intent.current
    at = _at(command, step, draft.now)
    if at == step.deadline_at:
        return  # sent again, its first answer being lost
    if command.generation not in (None, intent.policy_generation):
        raise StaleGeneration(policy_generation=intent.policy_generation)
    if step.policy.fallback == "approve":
        raise Forbidden(
            "the end of this step's time is a yes, by its policy; nobody moves it: people decide "
            "before it comes",
            rule="may_not_hasten_a_yes",
        )
    latest = latest_end(step)
    if principal.kind == "agent" and step.deadline_at is not None:
        latest = min(latest, step.deadline_at)
    if at > latest:
        raise Forbidden(
            f"this step ends at {iso(latest)} at the latest, and {iso(at)} is after that; "
            "nobody but its policy gives it more time",
            rule="may_not_loosen",
            latest=iso(latest),
        )
    before = step.deadline_at
    draft.set_step(deadline_at=at)
    draft.set(policy_generation=intent.policy_generation + 1)
    draft.log(
        "intent.deadline_changed",
        principal.actor,
        step=intent.step,
        before=None if before is None else iso(before),
        deadline_at=iso(at),
        reason=command.reason or None,
        policy_generation=draft.intent.policy_generation,
    )
    draft.tell("deadline_changed")


def _at(command: ChangeDeadline, step: Step, now: int) -> int:
    """Return the new end. Raises InvalidRequest for one that is over."""
    at = command.until
    if at is None:
        assert command.seconds is not None
        at = ends_after(step, command.seconds)
    if at <= now:
        asked = "" if step.asked_at is None else f" (it was asked at {iso(step.asked_at)})"
        raise InvalidRequest(
            f"{iso(at)} is over already{asked}; to end it now, cancel the intent",
            problems=[{"field": "deadline", "problem": "in the past"}],
        )
    return at


def _require_asker(intent: Intent, principal: Principal) -> None:
    if principal.kind == "agent" and principal.id != intent.agent:
        raise Forbidden("only the agent that filed this intent may change its end")
    if principal.kind == "person":
        raise Forbidden("reviewers decide; they do not change how long they have")
