"""What has happened in a crew's run: the models' turns, and what tools returned.

A crew is not resumed in its middle. It is built from code again and run again, with what is on the
tape in the place of models and tools, until the tape ends: it comes to the call that was waited for
by the way it came the first time, whichever executor, delegation or retry lay on it. No message, no
setting of a model and so no API key is on it.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from crewai.llms.base_llm import BaseLLM
from crewai.utilities.agent_utils import extract_tool_call_info
from pydantic import BaseModel

from holdshort.adapters import Run, Suspended
from holdshort.digest import canonical, sha256
from holdshort.errors import HoldshortError
from holdshort_crewai.internals import json_of


class Stop(BaseException):
    """Unwinds a crew. No Exception: CrewAI would take one for a failure of the task, and try
    again."""


class Waits(Stop):
    """The crew waits for people; the tape knows for whom."""


class Broken(Stop):
    """The crew cannot go on now: Holdshort cannot be reached, or another process has the run."""

    def __init__(self, error: HoldshortError) -> None:
        super().__init__(str(error))
        self.error = error


class Refused(Stop):
    """A person has refused the work itself; the run is over."""


class Tape:
    """The record of one run. `save` is called with it whenever something new is on it."""

    def __init__(self, kept: dict[str, Any] | None, save: Callable[[], None]) -> None:
        kept = kept or {}
        self.turns: dict[str, list[Any]] = kept.get("turns", {})
        self.results: dict[str, Any] = kept.get("results", {})
        self.intents: dict[str, dict[str, Any]] = {}
        """What has to be asked before the crew can go on, by key."""
        self.waits: list[str] = []
        """Intents that were asked before and are waited for as well."""
        self.desk: Any = None
        """Where this crew's calls come by."""
        self._played: dict[str, int] = {}
        self._save = save
        self._lock = threading.RLock()

    def kept(self) -> dict[str, Any]:
        """Return it as it is saved."""
        with self._lock:
            return {
                "turns": {place: list(turns) for place, turns in self.turns.items()},
                "results": dict(self.results),
            }

    def next_turn(self, place: str) -> Any:
        """Return the model's next turn in this place, or None where the tape ends."""
        with self._lock:
            at = self._played.get(place, 0)
            turns = self.turns.get(place, ())
            if at >= len(turns):
                return None
            self._played[place] = at + 1
            return turns[at]

    def add_turn(self, place: str, turn: Any, task: Any) -> None:
        """Put a model's turn on the tape, and save it: the call it asks for must be found again."""
        with self._lock:
            turns = self.turns.setdefault(place, [])
            turns.append(turn)
            self._played[place] = len(turns)
        if "error" in turn:
            return
        try:
            self._save()
        except HoldshortError as error:
            if task.async_execution:
                raise  # CrewAI would wait for this task for ever
            raise Broken(error) from error

    def add_result(self, key: str, result: dict[str, Any]) -> None:
        """Put on the tape what a call came to."""
        with self._lock:
            self.results[key] = result

    def ask(self, body: dict[str, Any]) -> None:
        """Ask this before the crew goes on."""
        with self._lock:
            self.intents[body["key"]] = body

    def wait(self, intent_id: str) -> None:
        """Wait for what was asked before."""
        with self._lock:
            self.waits.append(intent_id)

    def forget_failures(self) -> None:
        """Take errors of models off the end: what comes next asks the model again."""
        with self._lock:
            for turns in self.turns.values():
                while turns and "error" in turns[-1]:
                    turns.pop()

    def suspend(self, run: Run, state: dict[str, Any]) -> Suspended:
        """Save all of it, file what is to be asked, and give the run up."""
        with self._lock:
            intents, waits = list(self.intents.values()), list(dict.fromkeys(self.waits))
        run.suspend(state, intents, waits=waits)
        return Suspended(run.id, run.app, list(run.waits))


playing: ContextVar[Tape | None] = ContextVar("holdshort_tape", default=None)
"""The tape of the crew that this thread works for."""


def place_of(task: Any, agent: Any) -> str:
    """Return a name for an agent's work on a task: the same in every process."""
    said = [getattr(task, "description", "") or "", getattr(agent, "role", "") or ""]
    return sha256(canonical(said))[:20]


def record(llm: Any) -> None:
    """Let a model's turns go through the tape of whichever crew calls it."""
    if not isinstance(llm, BaseLLM) or "_holdshort" in vars(llm):
        return
    object.__setattr__(llm, "_holdshort", True)
    call, acall = llm.call, llm.acall

    @functools.wraps(call)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        tape, place, turn = _turn(kwargs)
        task = kwargs.get("from_task")
        if tape is None:
            return call(*args, **kwargs)
        if turn is not None:
            return _played(turn, kwargs)
        try:
            answer = call(*args, **kwargs)
        except Exception as error:
            tape.add_turn(place, {"error": f"{type(error).__name__}: {error}"}, task)
            raise
        tape.add_turn(place, _kept(answer), task)
        return answer

    @functools.wraps(acall)
    async def arecorded(*args: Any, **kwargs: Any) -> Any:
        tape, place, turn = _turn(kwargs)
        task = kwargs.get("from_task")
        if tape is None:
            return await acall(*args, **kwargs)
        if turn is not None:
            return _played(turn, kwargs)
        try:
            answer = await acall(*args, **kwargs)
        except Exception as error:
            tape.add_turn(place, {"error": f"{type(error).__name__}: {error}"}, task)
            raise
        tape.add_turn(place, _kept(answer), task)
        return answer

    object.__setattr__(llm, "call", recorded)
    object.__setattr__(llm, "acall", arecorded)


def _turn(kwargs: dict[str, Any]) -> tuple[Tape | None, str, Any]:
    tape, task = playing.get(), kwargs.get("from_task")
    if tape is None or task is None:
        return None, "", None
    place = place_of(task, kwargs.get("from_agent"))
    return tape, place, tape.next_turn(place)


def _kept(answer: Any) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"text": str(answer)}
    if isinstance(answer, BaseModel):
        return {"model": answer.model_dump(mode="json")}
    if isinstance(answer, list):
        calls = [extract_tool_call_info(one) for one in answer]
        if calls and all(calls):
            return {"calls": [[call[0], call[1], call[2]] for call in calls if call]}
    return {"value": json_of(answer)}


def _played(turn: dict[str, Any], kwargs: dict[str, Any]) -> Any:
    if "error" in turn:
        raise RuntimeError(turn["error"])
    if "model" in turn:
        wanted = kwargs.get("response_model")
        return turn["model"] if wanted is None else wanted.model_validate(turn["model"])
    if "calls" in turn:
        return [
            {
                "id": call_id,
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            }
            for call_id, name, arguments in turn["calls"]
        ]
    return turn["text"] if "text" in turn else turn["value"]
