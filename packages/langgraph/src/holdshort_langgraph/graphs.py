"""For graphs: a node that asks, a decorator that asks, a tool that asks."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.types import Command
from pydantic import BaseModel, Field

from holdshort.adapters import AnyClient, Gate, Gates, recordable, refusal
from holdshort.client.decision import Decision
from holdshort.errors import ConfigurationError, Rejected
from holdshort_langgraph.asking import Call, aask, answer_text, arequest_approval, ask
from holdshort_langgraph.asking import request_approval as _request_approval
from holdshort_langgraph.execution import Done, aask_and_run, ask_and_run
from holdshort_langgraph.session import client_or

P = ParamSpec("P")
R = TypeVar("R")


def approval_node(
    build: Callable[[Any], Mapping[str, Any]],
    *,
    on: Mapping[str, str] | None = None,
    update: Callable[[Any, Decision], Any] | None = None,
    result_key: str = "approval",
    client: AnyClient | None = None,
    name: str = "approval",
    **gate: Any,
) -> RunnableLambda[Any, Any]:
    """Return a node that asks a person and nothing else, so that nothing runs twice.

    >>> builder.add_node(
    ...     "ask",
    ...     approval_node(
    ...         lambda state: {"tool": "export", "arguments": {"rows": state["rows"]}},
    ...         on={"approved": "export", "rejected": END},
    ...     ),
    ...     destinations=("export", END),
    ... )

    Args:
        build: from the state, what is asked: `tool`, `arguments`, and if you like `description`.
        on: where to go, by the outcome. What is not named (a timeout, a withdrawal) goes where
            `rejected` goes; approved goes nowhere else than where `approved` says.
        update: what the decision puts into the state; without it the decision as a dict, under
            `result_key`.
        gate: fields of `Gate` (`to`, `deadline`, `title`, …).
    """
    if on is not None and not {"approved", "rejected"} <= on.keys():
        raise ConfigurationError("on= says at least where `approved` and `rejected` go")

    def ended(state: Any, decision: Decision) -> Any:
        put = {result_key: dict(decision.raw)} if update is None else update(state, decision)
        if on is None:
            return put
        where = "approved" if decision.approved else decision.outcome
        if not decision.approved and (where == "approved" or where not in on):
            where = "rejected"
        return Command(update=put, goto=on[where])

    def node(state: Any) -> Any:
        asked = dict(build(state))
        return ended(state, _request_approval(**asked, client=client, **gate))

    async def anode(state: Any) -> Any:
        asked = dict(build(state))
        return ended(state, await arequest_approval(**asked, client=client, **gate))

    return RunnableLambda(node, anode, name=name)


def requires_approval(
    client: AnyClient | None = None,
    *,
    when: Callable[[str, dict[str, Any]], bool] | None = None,
    otherwise: Callable[[Decision], Any] | None = None,
    **gate: Any,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make each call of a function, inside a graph, one that a person must clear first.

    Approved, it runs once, with the arguments as approved or edited. Otherwise Rejected is raised,
    or `otherwise(decision)` is returned: `refusal` words it for a model.

    >>> @tool
    ... @requires_approval(to="team:finance", otherwise=refusal)
    ... def pay(to: str, amount: int) -> str: ...

    Args:
        when: a predicate over the name and the arguments; where it is False nobody is asked.
        gate: fields of `Gate` (`to`, `deadline`, `title`, …).
    """
    gates = Gates.of({"*": Gate(when=when, **gate)})

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        name = function.__name__

        def read(args: Any, kwargs: Any) -> dict[str, Any]:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            return dict(bound.arguments)

        def called(arguments: dict[str, Any]) -> Any:
            bound = signature.bind_partial()
            unknown = arguments.keys() - signature.parameters.keys()
            if unknown:
                raise TypeError(f"{name} takes no argument named {', '.join(sorted(unknown))}")
            bound.arguments.update(
                {one: arguments[one] for one in signature.parameters if one in arguments}
            )
            return function(*bound.args, **bound.kwargs)

        def ended(done: Done) -> Any:
            if done.refused is not None:
                raise done.refused
            if done.decision.approved:
                return done.result
            if otherwise is not None:
                return otherwise(done.decision)
            raise Rejected(refusal(done.decision), decision=done.decision)

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def call_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                arguments = read(args, kwargs)
                found = gates.find(name, arguments)
                if found is None:
                    return await function(*args, **kwargs)
                call = Call.here(found, name, arguments)
                return ended(await aask_and_run(client_or(client), call, called, recordable))

            return cast("Callable[P, R]", call_async)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            arguments = read(args, kwargs)
            found = gates.find(name, arguments)
            if found is None:
                return function(*args, **kwargs)
            return ended(
                ask_and_run(
                    client_or(client), Call.here(found, name, arguments), called, recordable
                )
            )

        return cast("Callable[P, R]", call)

    return wrap


class _Question(BaseModel):
    question: str = Field(description="What you need to know, complete in itself.")
    options: list[str] | None = Field(None, description="The possible answers, if there are few.")


def human_tool(
    client: AnyClient | None = None, *, name: str = "ask_human", **fields: Any
) -> BaseTool:
    """Return a tool by which a model asks a person a question, and gets the answer as its result.

    >>> agent = create_agent(model, tools=[human_tool(to="team:support")], checkpointer=saver)
    """

    def ask_human(question: str, options: list[str] | None = None) -> str:
        return answer_text(ask(question, options=options, client=client, **fields), _silence)

    async def aask_human(question: str, options: list[str] | None = None) -> str:
        decision = await aask(question, options=options, client=client, **fields)
        return answer_text(decision, _silence)

    return StructuredTool.from_function(
        ask_human,
        aask_human,
        name=name,
        description="Ask a person a question, and wait for the answer.",
        args_schema=_Question,
    )


def _silence(decision: Decision) -> str:
    if decision.timed_out:
        return "Nobody answered this question in time. Go on without the answer, or say so."
    said = f" Reason: {decision.comment}" if decision.comment else ""
    return f"There is no answer to this question: it was {decision.outcome}.{said}"
