"""How a run of a durable agent ends in the hands of its caller."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_ai.messages import ModelMessage
from pydantic_ai.usage import RunUsage

from holdshort.adapters import Run
from holdshort.errors import Conflict, HoldshortError
from holdshort_pydantic_ai.state import State


@dataclass(frozen=True)
class Done:
    """The agent has come to its end."""

    run_id: str
    output: Any
    """The agent's output; as JSON where it was recorded by another process and is of a type that
    cannot be read back from it."""
    messages: list[ModelMessage] = field(default_factory=list, repr=False)
    usage: RunUsage = field(default_factory=RunUsage, repr=False)


def ended(run: Run, output_type: Any) -> Done:
    """Return how a run ended that is over. Raises RunFailed."""
    if run.status == "failed":
        raise RunFailed(f"the run {run.id} had failed: {run.error}")
    state = State.load(run.state) if run.state is not None else State()
    return Done(run.id, _recorded(run.result, output_type), state.messages, state.usage)


def _recorded(output: Any, output_type: Any) -> Any:
    """Return an output that was recorded as JSON, as the agent's type where it is a plain one."""
    if not isinstance(output_type, type):
        return output
    try:
        return TypeAdapter(output_type).validate_python(output)
    except (ValidationError, TypeError, ValueError):
        return output


class RunPaused(Conflict):
    """This run waits for people, and a new prompt is no answer to what they were asked."""


class RunFailed(HoldshortError):
    """This run had failed before. Begin another one, or go on with it by `again=True`."""

    code = "run_failed"
