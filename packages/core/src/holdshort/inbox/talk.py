"""What was said beside an intent, as a conversation: the agent on one side, people on the other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from holdshort.models import StoredEvent

_SAID = ("intent.commented", "intent.asked_agent", "intent.file_added")


@dataclass(frozen=True)
class Said:
    """One thing that somebody said or gave."""

    at: int
    who: str
    by_agent: bool
    """True for the agent: its words stand in its own box."""
    text: str
    question: bool = False
    """Whether it is a question to the agent."""
    answers: tuple[str, ...] = ()
    """Whose questions this answers."""
    told: tuple[str, ...] = ()
    not_told: tuple[str, ...] = ()
    """People who were named, and who of them was not told, with why."""
    file: dict[str, Any] | None = None
    """{name, sha256, size} of a file that was added."""


def conversation(events: Sequence[StoredEvent]) -> list[Said]:
    """Return what was said, in the order of time."""
    return [_said(event) for event in events if event.event_type in _SAID]


def _said(event: StoredEvent) -> Said:
    line = json.loads(event.line)
    details = line.get("details") or {}
    kind, _, name = str(line.get("actor", "")).partition(":")
    return Said(
        at=event.at,
        who=name or kind,
        by_agent=kind == "agent",
        text=str(details.get("text") or ""),
        question=event.event_type == "intent.asked_agent",
        answers=tuple(details.get("answers") or ()),
        told=tuple(details.get("mentioned") or ()),
        not_told=tuple(details.get("not_told") or ()),
        file=details if event.event_type == "intent.file_added" else None,
    )
