"""`delegate`: another agent as a tool, whose calls wait for people as the main agent's do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic_ai import Agent, DeferredToolRequests, RunContext
from pydantic_ai.exceptions import ApprovalRequired

from holdshort.errors import ConfigurationError
from holdshort_pydantic_ai.calls import META, issued, key_of, ours
from holdshort_pydantic_ai.capability import HumanApprovals
from holdshort_pydantic_ai.leg import asked_tools, outputs
from holdshort_pydantic_ai.pending import answers, decided, passing, pending
from holdshort_pydantic_ai.session import CURRENT, Session
from holdshort_pydantic_ai.state import State


async def delegate(
    ctx: RunContext[Any], agent: Agent[Any, Any], prompt: Any, **options: Any
) -> Any:
    """Run another agent inside of a tool; return its output.

    >>> @agent.tool
    ... async def research(ctx: RunContext[Deps], task: str) -> str:
    ...     return await delegate(ctx, researcher, task)

    Under a `DurableAgent` the gates hold for the other agent's tools too. Where one of its calls
    waits for a person, the whole run is suspended, and goes on in the other agent's middle. What
    stands in the tool before `delegate` runs again then: let nothing stand there that has effects.

    `options` are those of the agent's `run`; without `deps` it gets those of this run. Raises
    ConfigurationError where the other agent waits and no `DurableAgent` keeps the run.
    """
    options = {"deps": ctx.deps, "usage": ctx.usage, **options}
    session = CURRENT.get()
    found = issued(ctx.messages, ctx.tool_call_id or "")
    if session is None or not session.durable or found is None:
        result = await agent.run(prompt, **options)
        if isinstance(result.output, DeferredToolRequests):
            raise ConfigurationError(
                f"{agent.name or 'the other agent'} waits for people, which only a DurableAgent "
                "can do: its answer would be lost"
            )
        return result.output
    kept = ours(ctx.tool_call_metadata).get("child")
    inner = replace(session, passes=frozenset(), expected={}, tools={}, missing=set())
    if kept is None:
        state = State(conversation_id=key_of(ctx.conversation_id or "", found, 0))
        options["user_prompt"] = prompt
    else:
        state = State.load(kept)
        if not await decided(state, inner):
            raise ApprovalRequired({META: {"child": kept}})
        waiting = list(pending(state, inner))
        inner.passes, inner.expected = passing(state, inner), state.tools
        requests = state.requests or DeferredToolRequests()
        options["deferred_tool_results"] = answers(waiting, requests, inner.found, state.tools)
    return await _run(agent, state, inner, options)


async def _run(
    agent: Agent[Any, Any], state: State, session: Session, options: dict[str, Any]
) -> Any:
    result = await agent.run(
        message_history=state.messages or None,
        conversation_id=state.conversation_id,
        output_type=outputs(agent, options.pop("output_type", None)),
        capabilities=[*options.pop("capabilities", []), HumanApprovals.of(session)],
        **options,
    )
    if not isinstance(result.output, DeferredToolRequests):
        return result.output
    reached = State(
        messages=result.all_messages(),
        conversation_id=state.conversation_id,
        agent=agent.name or "",
        requests=result.output,
        tools=asked_tools(result.output, session),
    )
    raise ApprovalRequired({META: {"child": reached.dump()}})
