"""People as a dependency of tools, and as a tool of the model."""

from __future__ import annotations

from typing import Any

from pydantic_ai import FunctionToolset, RunContext
from pydantic_ai.exceptions import ApprovalRequired

from holdshort.adapters import (
    AnyClient,
    Gate,
    ado,
    answer_of,
    await_for_all,
    call_key,
    question_intent,
    refusal,
    tool_intent,
)
from holdshort.client import flows
from holdshort.client.decision import Decision
from holdshort.client.run import intent_of
from holdshort.errors import ConfigurationError, WaitTimeout
from holdshort_pydantic_ai.calls import FRAMEWORK, META, issued
from holdshort_pydantic_ai.releases import failure, question
from holdshort_pydantic_ai.session import CURRENT

_COUNT = "_holdshort_asked"


class Human:
    """People, for tools that ask in their own middle. Put it into the agent's dependencies.

    >>> @agent.tool
    ... async def deploy(ctx: RunContext[Deps], version: str) -> str:
    ...     await ctx.deps.human.approve(ctx, f"Deploy {version}?")
    ...     return release(version)

    Each waits `wait` seconds in this process. Under a `DurableAgent` the run is suspended after
    that, and the tool begins again once there is an answer, which it then finds: what stands before
    the question runs again, so ask first. Elsewhere WaitTimeout is raised.

    This asks; it does not hold the tool to what was asked. To have the very arguments approved that
    run, and run once, name the tool in `gates`.

    Args:
        to, deadline: for questions that do not say their own.
        wait: for how many seconds a question is waited for in the process.
    """

    def __init__(
        self,
        client: AnyClient,
        *,
        to: str | list[str] | None = None,
        deadline: Any = None,
        wait: float = 30.0,
    ) -> None:
        self._client = client
        self._to = to
        self._deadline = deadline
        self._wait = wait

    async def approve(
        self,
        ctx: RunContext[Any],
        title: str,
        *,
        details: dict[str, Any] | None = None,
        to: str | list[str] | None = None,
        deadline: Any = None,
        wait: float | None = None,
        **fields: Any,
    ) -> Decision:
        """Return the decision where a person said yes; `details` are what he is shown.

        A no, or nobody's answer, ends the tool: the model is told of it. Nothing else in the tool
        runs, so that a tool that forgets to look at the answer does no harm.
        """
        gate = Gate(
            to=to or self._to, deadline=deadline or self._deadline, title=title, fields=fields
        )
        key = _key(ctx)
        body = tool_intent(
            gate, key=key, tool=ctx.tool_name or "tool", arguments=details or {}, **_place(ctx)
        )
        decision = await self._decision(body, self._wait if wait is None else wait)
        if not decision.approved:
            raise failure(refusal(decision))
        return decision

    async def ask(
        self,
        ctx: RunContext[Any],
        text: str,
        *,
        options: list[str] | None = None,
        schema: dict[str, Any] | None = None,
        to: str | list[str] | None = None,
        deadline: Any = None,
        wait: float | None = None,
        **fields: Any,
    ) -> Any:
        """Return a person's answer: a text, one of `options`, or data that fits `schema`. Nobody's
        answer ends the tool, and the model is told so."""
        body = question_intent(
            key=_key(ctx),
            question=text,
            options=options,
            schema=schema,
            to=to or self._to,
            deadline=deadline or self._deadline,
            fields=fields,
            **_place(ctx),
        )
        decision = await self._decision(body, self._wait if wait is None else wait)
        if not decision.approved:
            raise failure(refusal(decision))
        return answer_of(decision)

    async def _decision(self, body: dict[str, Any], wait: float) -> Decision:
        wire = intent_of(body)
        key = wire.pop("idempotency_key")
        session = CURRENT.get()
        kept = session if session is not None and session.durable else None
        if kept is not None:
            wire["run"] = {"id": kept.run_id, "app": kept.app}
        intent_id = await ado(self._client, flows.send_intent(wire, key=key))
        if not await await_for_all(self._client, [intent_id], timeout=wait):
            if kept is None:
                raise WaitTimeout(intent_id=intent_id)
            raise ApprovalRequired({META: {"waits": intent_id, "reenters": True}})
        return await ado(self._client, flows.wait_for(intent_id, timeout=0))


def ask_human(
    *,
    to: str | list[str] | None = None,
    deadline: Any = None,
    schema: dict[str, Any] | None = None,
    name: str = "ask_human",
    description: str | None = None,
) -> FunctionToolset[Any]:
    """Return a toolset with one tool, by which the model asks a person and gets the answer.

    The run is suspended meanwhile (or waits, under `HumanApprovals(grace=…)`). The model may offer
    `options`; with a `schema` the answer is data that fits it, checked before the model sees it.
    """
    asking = {"to": to, "deadline": deadline, "schema": schema}
    fixed = {key: value for key, value in asking.items() if value is not None}
    toolset: FunctionToolset[Any] = FunctionToolset()

    def ask(question_: str, options: list[str] | None) -> str:
        raise question({META: {**fixed, "question": question_, "options": options}})

    said = description or (
        "Ask a person what you cannot know or must not decide yourself, and get the answer."
    )
    if schema is None:

        def ask_openly(question: str, options: list[str] | None = None) -> str:
            return ask(question, options)

        toolset.add_function(ask_openly, name=name, description=said)
    else:

        def ask_for_data(question: str) -> str:
            return ask(question, None)

        toolset.add_function(ask_for_data, name=name, description=said)
    return toolset


def _key(ctx: RunContext[Any]) -> str:
    """Name the question by its call and by how many the call has asked before: a tool that is run
    again asks in the same order, and finds its answers."""
    found = issued(ctx.messages, ctx.tool_call_id or "")
    if found is None:
        raise ConfigurationError("people are asked from inside a tool that the model has called")
    count = vars(ctx).get(_COUNT, 0)
    setattr(ctx, _COUNT, count + 1)
    call_id = found.call.tool_call_id
    return call_key(f"{FRAMEWORK}.human", ctx.conversation_id or "", found.step, call_id, count)


def _place(ctx: RunContext[Any]) -> dict[str, Any]:
    session = CURRENT.get()
    agent = getattr(ctx.agent, "name", None) or ""
    if session is None:
        return {"agent_name": agent}
    return {"agent_name": agent, "run_id": session.run_id, "app": session.app}
