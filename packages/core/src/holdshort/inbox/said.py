"""The sentences of a card, built here from what is stored; the agent's own words stand apart."""

from __future__ import annotations

import json
import re
from typing import Any

from holdshort.durations import spell
from holdshort.models import Intent, Step
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
#: Names under which arguments carry what matters most, the first that is there counts.
_FIGURES = re.compile(
    r"^(amount|total|sum|price|value|count|rows|quantity|recipients|to|target|id|name)$",
    re.IGNORECASE,
)


def label(outcome: str) -> str:
    """Return an outcome as the text of its button."""
    return _LABELS.get(outcome) or outcome.replace("_", " ").capitalize()


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


def key_figure(intent: Intent, arguments: Any) -> str:
    """Return what a person types back before a high-risk yes: the figure that matters most."""
    found = arguments if isinstance(arguments, dict) else {}
    scalars = {k: v for k, v in found.items() if isinstance(v, str | int | float)}
    named = [value for name, value in scalars.items() if _FIGURES.match(str(name))]
    numbers = [v for v in scalars.values() if isinstance(v, int | float) and v is not True]
    for value in (*named, *numbers):
        text = value if isinstance(value, str) else json.dumps(value)
        if text and len(text) <= 60 and visible(text) == text.strip() == text:
            return text
    return visible(intent.tool)[-60:]


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


def _short(value: Any) -> str:
    text = visible(value if isinstance(value, str) else json.dumps(value))
    text = text if len(text) <= 60 else f"{text[:57]}…"
    return f"“{text}”" if isinstance(value, str) else text
