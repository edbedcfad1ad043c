"""Who runs an agent right now, for the tools inside of it: the run, and what was asked in it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from holdshort.adapters import AnyClient, Gate
from holdshort_openai_agents.asking import Ask, Path, Place


@dataclass
class Session:
    """One holding of a run by an IntentRunner."""

    client: AnyClient
    app: str
    run_id: str
    turn: str
    paths: dict[Place, list[Path]] = field(default_factory=dict)
    """Where the calls stand that were found to need a person, by their place without a path."""
    decided: list[Ask] = field(default_factory=list)
    """The calls that were decided on, in their order."""
    _cleared: set[tuple[Place, str]] = field(default_factory=set)
    _busy: int = 0
    _quiet: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self, place: Place, arguments: dict[str, Any], gate: Gate, question: bool) -> Ask:
        """Return one call of this run."""
        return Ask(self.run_id, self.turn, place, arguments, gate, question)

    def needs_person(self, place: Place) -> None:
        """Note that a call at this place was found to need a person."""
        bare = Place(place.agent, place.tool, place.call_id)
        self.paths.setdefault(bare, []).append(place.path)

    def path_of(self, place: Place) -> Path:
        """Return the path of a call that was interrupted, and forget it."""
        known = self.paths.get(place)
        return known.pop(0) if known else ()

    def clear(self, place: Place, arguments: dict[str, Any]) -> None:
        """Note that a call was found to need nobody."""
        self._cleared.add((place, _said(arguments)))

    def was_cleared(self, place: Place, arguments: dict[str, Any]) -> bool:
        """Whether this call was found to need nobody; without a call id, whether any such was."""
        said = _said(arguments)
        if place.call_id:
            return (place, said) in self._cleared
        return any(replace(one, call_id="") == place and s == said for one, s in self._cleared)

    def patch(self, place: Place, arguments: dict[str, Any]) -> Ask | None:
        """Return the next call at this place that was decided on and says this; None where there is
        none. For editors, which are not told which call they work for."""
        for number, ask in enumerate(self.decided):
            if replace(ask.place, call_id="") == place and ask.arguments == arguments:
                return self.decided.pop(number)
        return None

    @contextmanager
    def acting(self) -> Iterator[None]:
        """While a tool acts."""
        self._busy += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()

    async def quiet(self) -> None:
        """Wait until no tool acts: leaving the framework cancels what is under way."""
        while self._busy:
            await self._quiet.wait()


CURRENT: ContextVar[Session | None] = ContextVar("holdshort_openai_agents", default=None)
PATH: ContextVar[Path] = ContextVar("holdshort_openai_agents_path", default=())


@contextmanager
def holding(session: Session | None) -> Iterator[None]:
    """While an agent runs in this session."""
    token = CURRENT.set(session)
    try:
        yield
    finally:
        CURRENT.reset(token)


@contextmanager
def inside(path: Path) -> Iterator[None]:
    """While an agent runs as a tool, for the call at the end of this path."""
    token = PATH.set(path)
    try:
        yield
    finally:
        PATH.reset(token)


def _said(arguments: dict[str, Any]) -> str:
    return json.dumps(arguments, sort_keys=True, default=str)
