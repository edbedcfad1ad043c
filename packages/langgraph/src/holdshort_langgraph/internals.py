"""All that is taken from LangGraph without its promise: one module, held to the truth by tests.

The names of channels in a checkpoint's pending writes, the key that makes a resume strict, and what
identifies one execution of a task.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from langgraph.runtime import get_runtime
from langgraph.types import Interrupt

from holdshort.errors import ConfigurationError

#: In a config's `configurable`: a resume that names no pending question is refused.
STRICT = "__pregel_strict_resume"

INTERRUPT = "__interrupt__"
_ERROR = "__error__"
_CONTROL = {_ERROR, "__error_source_node__", INTERRUPT, "__resume__"}
_NO_TASK = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Pending:
    """A question of a thread that has no answer yet, or whose task failed after its answer."""

    interrupt: Interrupt
    task_id: str


def pending(saved: Any) -> list[Pending]:
    """Return what a thread waits for, read from its newest checkpoint (a CheckpointTuple of the
    root's namespace, or None).

    It finds what `get_state` hides: parallel questions of the functional API.
    """
    asked: dict[str, list[Interrupt]] = {}
    finished: set[str] = set()
    for task_id, channel, value in (saved.pending_writes or []) if saved else []:
        if task_id == _NO_TASK:
            continue
        if channel == INTERRUPT:
            asked[task_id] = list(interrupts_in([(channel, value)]))
        elif channel not in _CONTROL:
            finished.add(task_id)
    # A @task's question is its entrypoint's as well: one question, under one id.
    found: dict[str, Pending] = {}
    for task_id, interrupts in asked.items():
        if task_id not in finished:
            for interrupt in interrupts:
                found.setdefault(interrupt.id, Pending(interrupt, task_id))
    return list(found.values())


def unfinished(saved: Any, tasks: Iterable[Any]) -> bool:
    """Whether a task of the step has neither ended nor stopped: somebody may be at it still."""
    seen = {task_id for task_id, _, _ in saved.pending_writes or []} if saved else set()
    return any(task.id not in seen for task in tasks)


def interrupts_in(writes: Iterable[tuple[str, Any]]) -> Iterable[Interrupt]:
    """The questions among the writes of a task."""
    for channel, value in writes:
        if channel == INTERRUPT:
            for one in value if isinstance(value, list | tuple) else [value]:
                if isinstance(one, Interrupt):
                    yield one


@dataclass(frozen=True)
class Place:
    """Where in which thread the running code stands; the same when it is executed again."""

    thread_id: str
    task: str
    execution: object
    """Identifies this one execution of the task."""


def place() -> Place:
    """Return where the running code stands. Raises ConfigurationError outside of a node, and where
    the graph has no checkpointer: it could not wait."""
    try:
        info = get_runtime().execution_info
    except (RuntimeError, KeyError):
        info = None
    if info is None:
        raise ConfigurationError("this can be asked inside a node, a tool or a @task of a graph")
    if info.thread_id is None:
        raise ConfigurationError(
            "the graph has no checkpointer, or was called without a thread_id: it cannot wait for "
            "a person"
        )
    return Place(info.thread_id, info.checkpoint_ns, info)
