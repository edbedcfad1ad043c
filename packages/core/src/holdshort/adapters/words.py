"""What the model is told about a decision. Written by us, around the reviewer's own words."""

from __future__ import annotations

import json
from typing import Any

from holdshort.client.decision import Decision
from holdshort.visible import visible

#: As much of a reviewer's comment as the model is given (characters).
LONGEST_COMMENT = 2000


def refusal(decision: Decision) -> str:
    """Return what the model is told where the action may not run: who said so, and why.

    It tells the model not to try again, because models do.
    """
    if decision.status in ("CANCELED", "FAILED"):
        how = "was withdrawn before anybody decided"
    elif decision.timed_out:
        how = "was not approved: nobody decided in time"
    else:
        how = f"was {decision.outcome.replace('_', ' ')} by {_who(decision)}"
    said = f" Reason: {_said(decision)}" if decision.comment else ""
    return (
        f"This action {how}, and it was not executed.{said} Do not try the same call again unless "
        "the reason asks for a change."
    )


def edit_note(decision: Decision, before: dict[str, Any] | None) -> str:
    """Return what the model is told where a reviewer changed the arguments; empty where not."""
    if not decision.edited or decision.arguments is None:
        return ""
    was, now = before or {}, decision.arguments
    names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    changes = ", ".join(
        f"{name}: {_short(was.get(name))} -> {_short(now.get(name))}" for name in names
    )
    said = f" Comment: {_said(decision)}" if decision.comment else ""
    return f"{_who(decision)} approved this with changed arguments ({changes}).{said}"


def answer_of(decision: Decision) -> Any:
    """Return the answer to a question: a text, a choice, or the data of a form.

    What it is where nobody answered is for the caller: look at `decision.approved` first.
    """
    data = decision.raw["data"]
    if isinstance(data, dict):
        for name in ("answer", "choice"):
            if set(data) == {name}:
                return data[name]
        return data
    return decision.comment


def _who(decision: Decision) -> str:
    _, _, name = (decision.decided_by or "nobody").partition(":")
    return name or "nobody"


def _said(decision: Decision) -> str:
    text = visible(decision.comment or "")
    return text if len(text) <= LONGEST_COMMENT else f"{text[:LONGEST_COMMENT]} …"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"
