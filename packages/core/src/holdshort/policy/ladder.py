"""When a step's next reminder, escalation and end are due. Times in milliseconds."""

from __future__ import annotations

from holdshort.models import Policy, Step
from holdshort.policy.calendars import add_working


def open_step(step: Step, now: int) -> Step:
    """Return the step as it is from the moment people are asked."""
    opened: Step = step.but(
        status="open",
        assigned=step.reviewers,
        asked_at=now,
        remind_at=_reminder(step.policy, now, 0),
        escalate_at=_rung(step.policy, now, 0),
        deadline_at=step.policy.ends_at or _after(step.policy, now, step.policy.deadline),
    )
    return opened


def remind(step: Step, now: int) -> Step:
    """Return the step after a reminder. Reminders missed while nothing ran count as one."""
    start, done = _start(step), step.reminded
    while (due := _reminder(step.policy, start, done)) is not None and due <= now:
        done += 1
    after: Step = step.but(reminded=done, remind_at=_reminder(step.policy, start, done))
    return after


def escalate(step: Step) -> Step:
    """Return the step one rung up: more people may decide, nobody may less, and no claim holds."""
    rung = step.policy.escalate[step.level]
    assigned = (*step.assigned, *(one for one in rung.to if one not in step.assigned))
    after: Step = step.but(
        level=step.level + 1,
        assigned=assigned,
        claimed_by=None,
        escalate_at=_rung(step.policy, _start(step), step.level + 1),
    )
    return after


def stood_still(step: Step, milliseconds: int) -> Step:
    """Return an open step as it goes on after a pause: all that is due comes that much later, but
    for a deadline that was given as a moment."""

    def later(at: int | None) -> int | None:
        return None if at is None else at + milliseconds

    after: Step = step.but(
        paused=step.paused + milliseconds,
        remind_at=later(step.remind_at),
        escalate_at=later(step.escalate_at),
        deadline_at=step.deadline_at if step.policy.ends_at else later(step.deadline_at),
    )
    return after


def latest_end(step: Step) -> int:
    """Return the last moment that the policy lets an open step end at."""
    return step.policy.ends_at or ends_after(step, step.policy.deadline)


def ends_after(step: Step, seconds: float) -> int:
    """Return when this much time of an open step is over, counted as its policy counts."""
    return _after(step.policy, _start(step), seconds)


def next_due(step: Step) -> int | None:
    """Return when something is due on an open step, or None."""
    if step.status != "open":
        return None
    due = [at for at in (step.remind_at, step.escalate_at, step.deadline_at) if at is not None]
    return min(due, default=None)


def _start(step: Step) -> int:
    """Return from when a step's time counts: since it was asked, without its pauses."""
    assert step.asked_at is not None
    return step.asked_at + step.paused


def _reminder(policy: Policy, asked_at: int, done: int) -> int | None:
    if policy.remind_after is None or done >= policy.max_reminders:
        return None
    return _after(policy, asked_at, policy.remind_after + done * policy.remind_every)


def _rung(policy: Policy, asked_at: int, level: int) -> int | None:
    if level >= len(policy.escalate):
        return None
    return _after(policy, asked_at, policy.escalate[level].after)


def _after(policy: Policy, start: int, seconds: float) -> int:
    if policy.calendar is None:
        return start + round(seconds * 1000)
    return add_working(start, seconds, policy.calendar)
