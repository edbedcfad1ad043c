"""What time does: reminders, escalations, deadlines, runs that never reported."""

from __future__ import annotations

from holdshort.lifecycle.draft import Draft
from holdshort.lifecycle.end import time_out
from holdshort.lifecycle.grants import lose_run
from holdshort.lifecycle.holding import take_effect
from holdshort.models import Directory, Intent
from holdshort.policy import ladder
from holdshort.policy.eligible import claimed_by


def tick(draft: Draft, directory: Directory) -> None:
    """Do all that is due, in the order in which it was due. A deadline that passed while nothing
    ran ends the step at once: reminding people of it would be a lie."""
    now = draft.now
    grant = draft.intent.grant
    if grant is not None and grant.state == "started" and (grant.run_until or now) <= now:
        lose_run(draft, why="it did not report within its time")
    while (due := _next_human(draft.intent)) is not None and due <= now:
        step = draft.intent.current
        if step.held is not None:
            take_effect(draft, directory)
        elif step.deadline_at is not None and step.deadline_at <= now:
            time_out(draft)
        elif step.remind_at is not None and step.remind_at <= now:
            _remind(draft, directory)
        else:
            _escalate(draft)


def wake_at(intent: Intent) -> int | None:
    """Return the earliest moment at which something is due on this intent, or None."""
    due = []
    human = _next_human(intent)
    if human is not None:
        due.append(human)
    grant = intent.grant
    if grant is not None and grant.state == "started" and grant.run_until is not None:
        due.append(grant.run_until)
    return min(due, default=None)


def _next_human(intent: Intent) -> int | None:
    if intent.terminal or intent.paused_at is not None:
        return None
    held = intent.current.held
    return ladder.next_due(intent.current) if held is None else held.until


def _remind(draft: Draft, directory: Directory) -> None:
    before = draft.intent.current
    after = ladder.remind(before, draft.now)
    draft.set_step(reminded=after.reminded, remind_at=after.remind_at)
    taken = claimed_by(before, directory)
    to = (taken,) if taken else before.assigned
    draft.log("intent.reminder", "system", step=draft.intent.step, to=to, count=after.reminded)
    draft.tell("reminded", to)


def _escalate(draft: Draft) -> None:
    rung = draft.intent.current.policy.escalate[draft.intent.current.level]
    after = ladder.escalate(draft.intent.current)
    draft.set_step(
        level=after.level,
        assigned=after.assigned,
        claimed_by=after.claimed_by,
        escalate_at=after.escalate_at,
    )
    draft.log(
        "intent.escalated",
        "system",
        step=draft.intent.step,
        level=after.level,
        escalated_to=rung.to,
    )
    draft.tell("escalated", rung.to)
