"""The sentences that every channel says of a task, built here from what is stored. The agent's own
words stand apart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from holdshort.durations import spell
from holdshort.models import Directory, Intent, Step
from holdshort.policy.eligible import claimed_by
from holdshort.visible import visible

_LABELS = {
    "approved": "Approve",
    "rejected": "Reject",
    "changes_requested": "Request changes",
    "submitted": "Submit",
    "declined": "Decline",
    "provided": "Send answer",
    "confirmed": "Confirm",
    "denied": "Deny",
    "completed": "Done",
    "assigned": "Assign",
    "override_approved": "Override",
    "failed": "Could not be done",
}
_OVER = {"CANCELED": "was withdrawn", "FAILED": "failed before anybody decided"}
#: Names under which arguments carry what matters most, the first that is there counts.
_FIGURES = re.compile(
    r"^(amount|total|sum|price|value|count|rows|quantity|recipients|to|target|id|name)$",
    re.IGNORECASE,
)


def label(outcome: str) -> str:
    """Return an outcome as the text of its button."""
    return _LABELS.get(outcome) or outcome.replace("_", " ").capitalize()


def arguments(intent: Intent, body: str | None) -> Any:
    """The arguments as they stand: edited by a reviewer, else as the agent filed them."""
    if intent.edited_arguments is not None:
        return intent.edited_arguments
    request = json.loads(body or "{}")
    action = request.get("action")
    return action.get("arguments", {}) if action else request.get("payload", {})


def more(body: str | None) -> Any:
    """Return what the agent sent beside the action, for whoever decides; empty where all that it
    sent is the action."""
    request = json.loads(body or "{}")
    return request.get("payload", {}) if request.get("action") else {}


def what(intent: Intent, arguments: Any) -> str:
    """Return what is asked for, in one sentence, from the action alone."""
    tool = visible(intent.tool)
    where = f" in {visible(intent.environment)}" if intent.environment else ""
    if not isinstance(arguments, dict) or not arguments:
        return f"Run {tool}{where}, with no arguments"
    scalars = [
        f"{visible(str(name))} {_short(value)}"
        for name, value in arguments.items()
        if not isinstance(value, dict | list)
    ]
    shown = ", ".join(scalars[:3])
    rest = len(arguments) - min(3, len(scalars))
    more = f" and {rest} more, below" if rest and shown else f"{rest} arguments, below"
    return f"Run {tool}{where}: {shown}{more}" if rest else f"Run {tool}{where}: {shown}"


def words(body: str | None, step: Step) -> list[tuple[str, str]]:
    """Return what the agent says of it, as (name, text): its words, not ours."""
    asked = json.loads(body or "{}")
    task = asked.get("human_task") or {}
    found = [
        # Without a title of the agent's, the task has one of ours.
        ("title", step.task.title if step.task.title in _titles(asked) else ""),
        ("description", asked.get("description") or ""),
        ("task", step.task.description or task.get("description") or ""),
    ]
    seen: dict[str, str] = {}
    for name, text in found:
        if text:
            seen.setdefault(text, name)
    return [(name, text) for text, name in seen.items()]


def findings(
    intent: Intent, clean: Callable[[Any], Any] = lambda result: result
) -> list[tuple[str, str]]:
    """Return what agents say of the steps that were their work, as (name, text).

    Args:
        clean: makes of each result what may be shown.
    """
    return [
        (step.name, f"{step.done_by} on its step {step.name!r}: {_as_text(clean(step.result))}")
        for step in intent.steps
        if step.done_by is not None
    ]


def _as_text(result: Any) -> str:
    return json.dumps(result, ensure_ascii=False, indent=1) if result else "nothing"


def _titles(asked: dict[str, Any]) -> set[str]:
    """Every title that the agent has given."""
    steps = asked.get("steps") or []
    given = [one for step in (asked, *steps) for one in (step, step.get("human_task") or {})]
    return {str(one.get("title") or "") for one in given}


def key_figure(intent: Intent, arguments: Any) -> str:
    """Return what a person types back before a high-risk yes: the figure that matters most."""
    return figure_in(intent.tool, arguments)


def figure_in(tool: str, arguments: Any) -> str:
    """The same, for arguments that nobody has filed yet."""
    found = arguments if isinstance(arguments, dict) else {}
    scalars = {k: v for k, v in found.items() if isinstance(v, str | int | float)}
    named = [value for name, value in scalars.items() if _FIGURES.match(str(name))]
    numbers = [v for v in scalars.values() if isinstance(v, int | float) and v is not True]
    for value in (*named, *numbers):
        text = value if isinstance(value, str) else json.dumps(value)
        if text and len(text) <= 60 and visible(text) == text.strip() == text:
            return text
    return visible(tool)[-60:]


def if_nobody(step: Step) -> str:
    """Return what happens where nobody decides in time."""
    if step.policy.fallback == "approve":
        return "A policy lets it run if nobody decides in time. That is recorded as a timeout."
    return "If nobody decides in time, it does not run."


def what_next(step: Step, now: int) -> str:
    """Return what time does next: remind, escalate to whom, end."""
    due = []
    if step.remind_at:
        due.append((step.remind_at, "you are reminded"))
    if step.escalate_at and step.level < len(step.policy.escalate):
        to = ", ".join(step.policy.escalate[step.level].to)
        due.append((step.escalate_at, f"it is escalated to {to}"))
    if step.deadline_at:
        due.append((step.deadline_at, "it times out"))
    if not due:
        return ""
    at, happens = min(due)
    return f"In {spell(max(0, round((at - now) / 1000)))} {happens}."


def seats(step: Step) -> str:
    """Return who has voted where more than one person is needed; empty where one is enough."""
    needed = step.policy.quorum
    if needed < 2:
        return ""
    yes = [vote.by for vote in step.live_votes if vote.positive]
    who = f"; yes so far: {', '.join(yes)}" if yes else "; nobody has said yes yet"
    return f"{needed} people have to say yes{who}."


def for_whom(person: str, until: str | None) -> str:
    """Return in whose place a deputy answers.

    Args:
        until: when that person is back, as the reader is told times.
    """
    return f"You answer for {visible(person)}, who is away" + (f" until {until}." if until else ".")


def how_it_stands(intent: Intent, directory: Directory | None = None) -> str:
    """Return in one sentence how an intent stands.

    Args:
        directory: tells whether who has taken it still keeps it; without one that is not asked.
    """
    decision = intent.decision
    if decision is not None:
        if decision.timed_out:
            return "Nobody decided in time."
        who = decision.decided_by.partition(":")[2]
        return f"{who} answered “{decision.outcome.replace('_', ' ')}”."
    if intent.terminal:
        return f"This {_OVER.get(intent.status, 'is over')}."
    if intent.paused_at is not None:
        return "This stands still: its agent was killed."
    held = intent.current.held
    if held is not None:
        return f"{held.by.id} answered “{held.answer['outcome']}”; it takes effect in a moment."
    if intent.current.agent is not None:
        return f"{intent.current.agent} is to do its step first."
    step = intent.current
    taken = step.claimed_by if directory is None else claimed_by(step, directory)
    if taken:
        return f"{taken} has taken this."
    return "This waits for a decision."


def _short(value: Any) -> str:
    text = visible(value if isinstance(value, str) else json.dumps(value))
    text = text if len(text) <= 60 else f"{text[:57]}…"
    return f"“{text}”" if isinstance(value, str) else text
