"""What every way of running a graph needs: its options, the driver of its steps, its checks."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from langgraph.pregel import Pregel

from holdshort.adapters import Run
from holdshort.errors import ConfigurationError
from holdshort_langgraph.internals import STRICT
from holdshort_langgraph.protocol import Step, Steps

Graph = Pregel[Any, Any, Any, Any]


class Options:
    """What the caller of a graph says beside its input."""

    def __init__(
        self, config: Mapping[str, Any] | None = None, options: dict[str, Any] | None = None
    ) -> None:
        self._config = dict(config or {})
        # The checkpoint is durable before the nodes of its step run.
        self.options: dict[str, Any] = {"durability": "sync", **(options or {})}

    def config(self, thread_id: str) -> Any:
        configurable = dict(self._config.get("configurable") or {})
        configurable |= {"thread_id": thread_id, "checkpoint_ns": "", STRICT: True}
        return {**self._config, "configurable": configurable}


@contextlib.contextmanager
def failing(run: Run) -> Iterator[Run]:
    """Hold a run in the foreground: what the graph raises is its caller's, and ends the run."""
    try:
        yield run
    except Exception as error:
        if run.held:
            run.fail(said(error))
        raise
    except BaseException:
        if run.held:
            run.release()
        raise


def said(error: Exception) -> str:
    """An error as a run records it."""
    return f"{type(error).__name__}: {error}"


def driven(steps: Steps, take: Callable[[Step], Any]) -> Any:
    """Take the steps, blocking; an error of one is raised where it was asked for."""
    reply, failed = None, None
    while True:
        try:
            step = steps.throw(failed) if failed else steps.send(reply)
        except StopIteration as stop:
            return stop.value
        try:
            reply, failed = take(step), None
        except Exception as error:
            failed = error


def saver_of(graph: Graph) -> Any:
    """The checkpointer of a graph that was checked."""
    return graph.checkpointer


def checked(graph: Any) -> Graph:
    """Return the graph. Raises ConfigurationError for one that cannot wait."""
    if not isinstance(graph, Pregel):
        raise ConfigurationError(f"a compiled graph is needed here, not {type(graph).__name__}")
    if graph.checkpointer is None or isinstance(graph.checkpointer, bool):
        raise ConfigurationError(
            "the graph has no checkpointer, so it cannot wait: compile(checkpointer=…)"
        )
    return graph


def is_async(graph: Any) -> bool:
    """Whether this makes a graph on an event loop."""
    function = getattr(graph, "__wrapped__", graph)
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
