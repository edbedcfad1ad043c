"""What is used of CrewAI's inside, in one place: where a flow stands, and how to put it back there.

CrewAI saves a paused flow's state and one open review, and forgets the rest: other branches that
wait, halves of `and_()` joins, routers that were to run next. So a flow is not resumed in its
middle here. It is run again from the start, with what each method returned the first time in the
place of the method: it takes every turn it took, and goes on where there is nothing recorded.
"""

from __future__ import annotations

import asyncio
import enum
import functools
import inspect
import json
import typing
from collections.abc import Callable
from typing import Any

from crewai.flow.async_feedback.types import PendingFeedbackContext
from crewai.flow.flow import Flow
from crewai.flow.human_feedback import HumanFeedbackResult
from crewai.llms.base_llm import BaseLLM
from pydantic import BaseModel

from holdshort.errors import ConfigurationError, InvalidRequest

_METHODS = ("_execute_method", "_execute_start_method", "_execute_single_listener")
_missing = [name for name in _METHODS if not hasattr(Flow, name)]
if _missing:
    raise ConfigurationError(
        f"this release of CrewAI has no Flow.{_missing[0]}, by which parallel branches are found. "
        "Use one that holdshort-crewai is tested with."
    )


def json_of(value: Any) -> Any:
    """Return a value as CrewAI itself writes it to JSON: models as mappings, others as text."""
    plain = value.value if isinstance(value, enum.Enum) else value
    return PendingFeedbackContext._make_json_safe(plain)


def branches_under_way(flow: Flow[Any], parked: set[asyncio.Task[Any]]) -> bool:
    """Whether a method of this flow runs, or is about to, in a task that is not parked.

    Called on the flow's own loop, so nothing moves while it looks: a task's chain of awaits shows
    which of the flow's coroutines it stands in. One that waits for its children stands in no
    method, and one that has not begun will enter one.
    """
    return any(
        task not in parked and not task.done() and _is_active(task.get_coro(), flow)
        for task in asyncio.all_tasks()
    )


def _is_active(coroutine: Any, flow: Flow[Any]) -> bool:
    link = coroutine
    while inspect.iscoroutine(link):
        if link.cr_frame is not None and link.cr_frame.f_locals.get("self") is flow:
            if link.cr_code.co_name == "_execute_method":
                return True
            begins = link.cr_code.co_name in _METHODS
            if begins and inspect.getcoroutinestate(link) == inspect.CORO_CREATED:
                return True
        link = link.cr_await
    return False


def flow_state(flow: Flow[Any]) -> dict[str, Any]:
    """Return the flow's own state as JSON. Raises InvalidRequest naming what cannot be kept."""
    state = flow.state
    plain = state.model_dump(mode="json") if isinstance(state, BaseModel) else dict(state)
    try:
        json.dumps(plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"the state of the flow {type(flow).__name__} cannot be kept while it waits for a "
            f"person: {error}. Keep plain values in it."
        ) from error
    return plain


def recorded(flow: Flow[Any]) -> dict[str, list[Any]]:
    """Return what each method has returned so far, in order; of a review, the work as reviewed."""
    outputs: dict[str, list[Any]] = {}
    for entry in flow._method_outputs:
        output = entry["output"]
        if isinstance(output, HumanFeedbackResult):
            output = output.output
        outputs.setdefault(str(entry["method"]), []).append(json_of(output))
    return outputs


def times_done(flow: Flow[Any], method: str) -> int:
    """Return how often a method has come to its end, its review included, since the kickoff."""
    return sum(str(entry["method"]) == method for entry in flow._method_outputs)


def replay(
    flow: Flow[Any], outputs: dict[str, list[Any]], done: Callable[[], None], reader: BaseLLM
) -> None:
    """Let each method of this fresh flow return what is recorded of it, as often as there is
    something; then it runs, and `done` is called. `reader` takes the place of every model that
    would read an answer."""
    for name, method in flow._methods.items():
        flow._methods[name] = _replayed(method, list(outputs.get(str(name), ())), done)
    methods = {
        name: method
        if method.human_feedback is None
        else method.model_copy(
            update={"human_feedback": method.human_feedback.model_copy(update={"llm": reader})}
        )
        for name, method in flow._definition.methods.items()
    }
    flow._definition = flow._definition.model_copy(update={"methods": methods})


def restore_state(flow: Flow[Any], state: dict[str, Any]) -> None:
    """Give a fresh flow the state that another process saved."""
    flow._restore_state(state)


def learns(flow: Flow[Any], method: str) -> bool:
    """Whether a model rewrites what this method's reviewer would see."""
    definition = flow._definition.methods[method].human_feedback
    return definition is not None and bool(definition.learn)


def _replayed(
    method: Callable[..., Any], outputs: list[Any], done: Callable[[], None]
) -> Callable[..., Any]:
    if asyncio.iscoroutinefunction(method):

        @functools.wraps(method)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            if outputs:
                return _revived(method, outputs.pop(0))
            result = await method(*args, **kwargs)
            done()
            return result

        return run_async

    @functools.wraps(method)
    def run(*args: Any, **kwargs: Any) -> Any:
        if outputs:
            return _revived(method, outputs.pop(0))
        result = method(*args, **kwargs)
        done()
        return result

    return run


def _revived(method: Callable[..., Any], output: Any) -> Any:
    """Return a recorded output, as the model that the method says it returns."""
    try:
        declared = typing.get_type_hints(method).get("return")
    except (NameError, TypeError):
        return output
    if inspect.isclass(declared) and issubclass(declared, BaseModel) and isinstance(output, dict):
        return declared.model_validate(output)
    return output
