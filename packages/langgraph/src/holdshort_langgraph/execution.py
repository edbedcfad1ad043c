"""An approved call inside a graph: asked about, run once, and what comes of it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any

from langgraph.errors import GraphBubbleUp

from holdshort.adapters import AnyClient, Effects, Secrets, ado, do
from holdshort.client.calls import Flow
from holdshort.client.decision import Decision
from holdshort.errors import GrantRefused, HoldshortError, OutcomeUnknown, StaleDigest
from holdshort_langgraph.asking import Call, asking, stop_for

#: What is recorded of a call that has stopped for a person itself.
_STOPPED = {"holdshort": "stopped for a person"}

Action = Callable[[dict[str, Any]], Any]
Encode = Callable[[Any], Any]


@dataclass(frozen=True)
class Done:
    """How a call that was asked about ended."""

    decision: Decision
    result: Any = None
    """What the action returned, or what was recorded of it. None where it was not run."""
    refused: HoldshortError | None = None
    """Why there was no permit, although it was approved: expired, revoked, failed before."""


@dataclass(frozen=True)
class _Run:
    """Run the approved action; the reply is its result, or the error that refused to run it."""

    decision: Decision


_Steps = Generator[Flow[Any] | _Run, Any, Done]


def _steps(call: Call) -> _Steps:
    decision = yield from asking(call)
    if not decision.approved:
        return Done(decision)
    if not call.takes(decision):
        how = "with changed arguments" if decision.edited else "with its arguments unchanged"
        return Done(decision, refused=StaleDigest(f"{call.tool} cannot be approved {how}"))
    while True:
        result = yield _Run(decision)
        if isinstance(result, GrantRefused | StaleDigest) and not isinstance(
            result, OutcomeUnknown
        ):
            return Done(decision, refused=result)
        if not isinstance(result, OutcomeUnknown):
            return Done(decision, result)
        question = result.details.get("question")
        if not question:
            raise result
        stop_for(call, question)


def ask_and_run(client: AnyClient, call: Call, action: Action, encode: Encode) -> Done:
    """Ask about a call, and run it once if it is approved, with the arguments as approved."""
    steps, reply = _steps(call), None
    while True:
        try:
            step = steps.send(reply)
        except StopIteration as stop:
            done: Done = stop.value
            return done
        reply = (
            _run(client, call, step.decision, action, encode)
            if isinstance(step, _Run)
            else do(client, step)
        )


async def aask_and_run(
    client: AnyClient,
    call: Call,
    action: Callable[[dict[str, Any]], Awaitable[Any]],
    encode: Encode,
) -> Done:
    """`ask_and_run` on an event loop."""
    steps, reply = _steps(call), None
    while True:
        try:
            step = steps.send(reply)
        except StopIteration as stop:
            done: Done = stop.value
            return done
        if isinstance(step, _Run):
            reply = await _arun(client, call, step.decision, action, encode)
        else:
            reply = await ado(client, step)


class _Stoppable:
    """An action that may itself stop for a person.

    The permit is used up then: what is recorded says so. When the thread goes on, the action runs
    again from its top, as LangGraph runs everything again that has stopped.
    """

    def __init__(self, action: Action, encode: Encode) -> None:
        self._action = action
        self._encode = encode
        self._stopped: GraphBubbleUp | None = None
        self._begun = False

    def run(self, arguments: dict[str, Any]) -> Any:
        self._begun = True
        try:
            return self._action(arguments)
        except GraphBubbleUp as stopped:
            return self._note(stopped)

    async def arun(self, arguments: dict[str, Any]) -> Any:
        self._begun = True
        try:
            result = self._action(arguments)
            return await result if inspect.isawaitable(result) else result
        except GraphBubbleUp as stopped:
            return self._note(stopped)

    def _note(self, stopped: GraphBubbleUp) -> Any:
        self._stopped = stopped
        return _STOPPED

    def encode(self, result: Any) -> Any:
        return result if self._stopped is not None else self._encode(result)

    def refusal(self, error: HoldshortError) -> HoldshortError:
        """Return the error where the action was not begun; raise it where it is the action's own,
        and where another attempt is under way: whether that one ran is not known yet."""
        if self._begun or error.details.get("reason") == "started":
            raise error
        return error

    def check(self) -> None:
        if self._stopped is not None:
            raise self._stopped


def _run(client: AnyClient, call: Call, decision: Decision, action: Action, encode: Encode) -> Any:
    secrets = Secrets(call.gate.secrets, salt=call.key)
    stoppable = _Stoppable(action, encode)
    try:
        result = Effects(client).run(
            decision,
            stoppable.run,
            secrets=secrets,
            true=call.arguments,
            encode=stoppable.encode,
        )
    except (GrantRefused, StaleDigest) as error:
        return stoppable.refusal(error)
    stoppable.check()
    if result == _STOPPED:
        return action(secrets.unmask(decision.arguments or {}, call.arguments))
    return result


async def _arun(
    client: AnyClient,
    call: Call,
    decision: Decision,
    action: Callable[[dict[str, Any]], Awaitable[Any]],
    encode: Encode,
) -> Any:
    secrets = Secrets(call.gate.secrets, salt=call.key)
    stoppable = _Stoppable(action, encode)
    try:
        result = await Effects(client).arun(
            decision,
            stoppable.arun,
            secrets=secrets,
            true=call.arguments,
            encode=stoppable.encode,
        )
    except (GrantRefused, StaleDigest) as error:
        return stoppable.refusal(error)
    stoppable.check()
    if result == _STOPPED:
        return await action(secrets.unmask(decision.arguments or {}, call.arguments))
    return result
