"""One leg of a run: from where it stands until it is done or waits again, in one process."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pydantic_ai import Agent, DeferredToolRequests
from pydantic_ai.usage import UsageLimits

from holdshort.adapters import Run, Suspended
from holdshort.digest import sha256
from holdshort.errors import InvalidRequest
from holdshort_pydantic_ai.arguments import jsonable
from holdshort_pydantic_ai.capability import HumanApprovals
from holdshort_pydantic_ai.checkpoint import Checkpoint
from holdshort_pydantic_ai.outcomes import Done
from holdshort_pydantic_ai.pending import Pending, answers, asked, decided, passing, pending
from holdshort_pydantic_ai.session import Session
from holdshort_pydantic_ai.state import State

#: Runs the agent to its end: its own `run`, or something that looks at the steps.
Drive = Callable[..., Awaitable[Any]]


class Leg:
    """Runs the agent once, and saves what comes of it."""

    def __init__(
        self,
        agent: Agent[Any, Any],
        run: Run,
        session: Session,
        options: dict[str, Any],
        drive: Drive | None = None,
        *,
        checkpoints: bool = True,
    ) -> None:
        self._agent = agent
        self._drive = drive or agent.run
        self._run = run
        self._session = session
        self._options = options
        self._checkpoints = checkpoints

    async def begun(self, prompt: Any, state: State) -> Done | Suspended:
        """Give the agent a prompt, after the conversation so far."""
        return await self._go(state, user_prompt=prompt)

    async def resumed(self) -> Done | Suspended:
        """Go on from what is saved: with the decisions, once all are there.

        Raises InvalidRequest where nothing is saved that one could go on from.
        """
        if self._run.state is None:
            raise InvalidRequest(
                f"the run {self._run.id} ended before its first step was saved: run it again, with "
                "again=True"
            )
        state = State.load(self._run.state)
        if state.requests is None:
            return await self._go(state)
        if not await decided(state, self._session):
            return await self.wait_on(state)
        self._check_headroom(state)
        self._session.passes = passing(state, self._session)
        self._session.expected = _asked_with(state, self._session)
        waiting = list(pending(state, self._session))
        results = answers(waiting, state.requests, self._session.found, state.tools)
        return await self._go(state, deferred_tool_results=results)

    async def wait_on(self, state: State) -> Suspended:
        """Give the run back as it waits. Where it holds calls that nobody was asked about, because
        somebody changed its state, and where it had failed, people are asked now."""
        intent_ids = list(self._run.waits)
        if self._session.missing or not intent_ids:
            return await self._suspend(state)
        await self._run.asuspend(waits=intent_ids)
        return Suspended(self._run.id, self._run.app, intent_ids)

    def _check_headroom(self, state: State) -> None:
        """Raise UsageLimitExceeded before anything runs, if the model could not be told of it."""
        limits = self._options.get("usage_limits") or UsageLimits()
        limits.check_before_request(state.usage)

    async def _go(self, state: State, **more: Any) -> Done | Suspended:
        approvals = HumanApprovals.of(self._session)
        options = {**self._options}
        given = options.pop("message_history", None)
        history = [*state.messages] or list(given or [])
        capabilities = [*(options.pop("capabilities", None) or []), approvals]
        base = State(
            messages=history,
            conversation_id=state.conversation_id,
            prompt=state.prompt,
            failures=state.failures,
        )
        checkpoint = Checkpoint(self._run, base, each=self._checkpoints)
        result = await self._drive(
            message_history=history or None,
            conversation_id=state.conversation_id,
            usage=state.usage,
            output_type=outputs(self._agent, options.pop("output_type", None)),
            capabilities=[*capabilities, checkpoint],
            **options,
            **more,
        )
        reached = State(
            messages=result.all_messages(),
            usage=result.usage,
            conversation_id=state.conversation_id,
            agent=self._agent.name or "",
            prompt=state.prompt,
        )
        if isinstance(result.output, DeferredToolRequests):
            reached.requests = result.output
            reached.tools = asked_tools(result.output, self._session)
            return await self._suspend(reached)
        reached.ended = True
        await self._run.afinish(jsonable(result.output), state=reached.dump())
        return Done(self._run.id, result.output, reached.messages, reached.usage)

    async def _suspend(self, state: State) -> Suspended:
        leaves = list(asked(state, self._session))
        bodies = [one.body(self._session) for one in leaves if one.waits is None]
        waits = [one.waits for one in leaves if one.waits is not None]
        intent_ids = await self._run.asuspend(state.dump(), bodies, waits=waits)
        return Suspended(self._run.id, self._run.app, [*intent_ids, *waits])


def asked_tools(requests: DeferredToolRequests, session: Session) -> dict[str, Any]:
    """Return the schemas of the tools whose calls wait, as they are now."""
    names = {call.tool_name for call in (*requests.approvals, *requests.calls)}
    return {name: session.tools[name] for name in names if name in session.tools}


def _asked_with(state: State, session: Session) -> dict[str, Any]:
    """The schemas that must not have changed: those of calls that are about to run."""
    runs = {one.call.tool_name for one in pending(state, session) if _may_run(one, session)}
    return {name: schema for name, schema in state.tools.items() if name in runs}


def _may_run(one: Pending, session: Session) -> bool:
    decision = session.found.get(one.key)
    return one.kind == "approval" and (decision is None or decision.approved)


def outputs(agent: Any, asked_for: Any) -> Any:
    """Return an agent's output type with room for calls that wait."""
    own = agent.output_type if asked_for is None else asked_for
    several = list(own) if isinstance(own, Sequence) and not isinstance(own, str) else [own]
    return several if DeferredToolRequests in several else [*several, DeferredToolRequests]


def prompt_digest(prompt: Any) -> str:
    """Return what the same prompt is known by."""
    return sha256(json.dumps(jsonable(prompt)).encode())
