"""The scripted model: says what the scene wants said, and notes what it was given to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from holdshort.testing.adapter.journal import Faults, Journal


@dataclass(frozen=True)
class Call:
    """A tool call, as the model writes it."""

    id: str
    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """One answer of the model: words, or calls, or both."""

    say: str | None = None
    calls: list[Call] = field(default_factory=list)

    @classmethod
    def of(cls, wire: dict[str, Any]) -> Turn:
        """Read a turn as `asdict` wrote it."""
        return cls(say=wire["say"], calls=[Call(**call) for call in wire["calls"]])


class ModelFailure(Exception):
    """The model could not be reached, or so the scene has it."""


class ScriptedModel:
    """The model of a scene. A fake model of the framework asks it what to say.

    Where the scene has a nested agent, both use this one: which of them is speaking shows by the
    task, which only the nested one was given to read.
    """

    def __init__(
        self,
        turns: Sequence[Turn],
        nested: Sequence[Turn],
        task: str,
        seen: Journal,
        faults: Faults,
    ) -> None:
        self._turns = turns
        self._nested = nested
        self._task = task
        self._seen = seen
        self._faults = faults

    def turn(self, turns: int, seen: list[str]) -> Turn:
        """Return what the model says next.

        Args:
            turns: how often it has spoken in this conversation before.
            seen: the texts it is given, in order: what the user said, what the tools returned.
        """
        nested = bool(self._nested) and any(self._task in text for text in seen)
        self._seen.add({"turn": turns, "nested": nested, "seen": seen})
        if not nested:
            self._faults.meet("model", str(turns), ModelFailure("the model is away"))
        script = self._nested if nested else self._turns
        return script[turns] if turns < len(script) else Turn(say="finished")


def wire_of(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Return turns as they stand in a scene's file."""
    return [asdict(turn) for turn in turns]
