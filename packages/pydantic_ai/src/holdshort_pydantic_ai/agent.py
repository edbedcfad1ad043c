"""`DurableAgent`: an agent whose runs outlive the process that began them."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

from pydantic_ai import Agent
from pydantic_ai.exceptions import UsageLimitExceeded, UserError
from pydantic_ai.messages import UserContent
from pydantic_ai.usage import UsageLimits
from pydantic_graph import End

from holdshort.adapters import (
    LEASE_SECONDS,
    AnyClient,
    Gate,
    Gates,
    Run,
    RunBusy,
    Suspended,
    await_for_all,
)
from holdshort.errors import InvalidRequest, LeaseLost
from holdshort_pydantic_ai.blocking import blocking
from holdshort_pydantic_ai.drift import ToolChanged
from holdshort_pydantic_ai.handing import Handed
from holdshort_pydantic_ai.holding import held, said
from holdshort_pydantic_ai.leg import Drive, Leg, prompt_digest
from holdshort_pydantic_ai.outcomes import Done, RunPaused, ended
from holdshort_pydantic_ai.session import GateSpec, Session
from holdshort_pydantic_ai.state import State

log = logging.getLogger("holdshort.pydantic_ai")
Prompt = str | Sequence[UserContent]
#: What trying again does not change.
_FINAL = (ToolChanged, UsageLimitExceeded, UserError, InvalidRequest)


class DurableAgent:
    """Runs an agent so that it can wait for people: in this process or any other, for days.

    >>> durable = DurableAgent(agent, client, name="deploys", gates=["deploy"])
    >>> outcome = durable.run_sync("Ship 2.1 to production", run_id="ship-2.1")
    >>> if isinstance(outcome, Suspended): ...     # asked; the process may end
    >>> Worker(client, apps=[durable]).run()       # goes on when it is decided, where this runs

    Args:
        agent: any agent, as it is. Every call that it defers is put to people: those that a gate
            names, those that its tools or toolsets want approved, external calls and questions.
        name: the app's name: the same wherever its runs are resumed.
        gates: names, patterns, a mapping of them to rules, or a predicate (see `Gates.of`).
        default: how calls are asked about that no gate names: those that tools want approved by
            themselves, external calls, questions.
        deps, deps_of: the agent's dependencies, or what makes them from a run's id. They are not
            stored: each process brings its own.
        usage_limits: for a whole run, over all of its processes. A call that was approved is not
            run where they leave no room for the model to hear of it.
        checkpoints: whether the conversation is saved before each step. Without that, a process
            that dies, or a model that fails, takes the run back to where it waited last or began:
            what was approved is not repeated, other calls are.
        max_failures: how often a worker tries to go on before the run fails.
        lease_seconds: for how long a run belongs to a process that has died.
        options: of the agent's own `run`, on each leg of a run.
    """

    def __init__(
        self,
        agent: Agent[Any, Any],
        client: AnyClient,
        *,
        name: str,
        gates: GateSpec = None,
        default: Gate | None = None,
        deps: Any = None,
        deps_of: Callable[[str], Any] | None = None,
        usage_limits: UsageLimits | None = None,
        checkpoints: bool = True,
        max_failures: int = 5,
        lease_seconds: float = LEASE_SECONDS,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self._agent = agent
        self.client = client
        self._gates = Gates.of(gates)
        self._default = default or Gate()
        self._deps_of = deps_of or (lambda run_id: deps)
        self._usage_limits = usage_limits
        self._checkpoints = checkpoints
        self._max_failures = max_failures
        self._lease_seconds = lease_seconds
        self._options = options or {}

    async def run(
        self,
        prompt: Prompt,
        *,
        run_id: str | None = None,
        mode: Literal["suspend", "wait"] = "suspend",
        timeout: float | None = None,
        again: bool = False,
        **options: Any,
    ) -> Done | Suspended:
        """Run the agent until it is done, or waits for people.

        The same call with the same `run_id` is the same run: it goes on where a process died or
        all is decided, returns Suspended where it waits, and its result where it is done. With
        `mode="wait"` this process waits `timeout` seconds (None: as long as it takes) for each
        round of decisions, and goes on itself. `again` continues the conversation of a run that has
        ended. `options` are those of the agent's `run`, for this process only.

        Raises RunPaused for another prompt while the run waits, RunBusy where another process works
        on it, RunFailed where it had failed before.
        """
        outcome = await self._begun(prompt, run_id or str(uuid.uuid4()), again, options)
        while mode == "wait" and isinstance(outcome, Suspended):
            if not await await_for_all(self.client, outcome.intent_ids, timeout=timeout):
                break
            try:
                outcome = await self._gone_on(outcome.run_id, options)
            except RunBusy:
                break  # a worker was faster
        return outcome

    def run_sync(
        self,
        prompt: Prompt,
        *,
        run_id: str | None = None,
        mode: Literal["suspend", "wait"] = "suspend",
        timeout: float | None = None,
        again: bool = False,
        **options: Any,
    ) -> Done | Suspended:
        """`run`, blocking."""
        return blocking(
            self.run(prompt, run_id=run_id, mode=mode, timeout=timeout, again=again, **options)
        )

    async def stream(
        self, prompt: Prompt, *, run_id: str | None = None, **options: Any
    ) -> AsyncIterator[Any]:
        """Run the agent and yield its events as they come; last of all Done or Suspended. Takes
        what `run` takes."""
        handed = Handed()

        async def listen(ctx: Any, events: AsyncIterator[Any]) -> None:
            async for event in events:
                await handed.over(event)

        running = self.run(prompt, run_id=run_id, event_stream_handler=listen, **options)
        async with contextlib.aclosing(handed.from_(running)) as things:
            async for event in things:
                yield event

    async def iter(
        self,
        prompt: Prompt,
        *,
        run_id: str | None = None,
        again: bool = False,
        **options: Any,
    ) -> AsyncIterator[Any]:
        """Run the agent node by node, and yield each before it is run; last of all Done or
        Suspended. Takes what the agent's `iter` takes."""
        handed = Handed()

        async def step(**said: Any) -> Any:
            async with self._agent.iter(**said) as nodes:
                # By `next`: under older releases plain iteration skips what saves the run.
                node: Any = nodes.next_node
                while not isinstance(node, End):
                    await handed.over(node)
                    node = await nodes.next(node)
                await handed.over(node)
                return nodes.result

        running = self._begun(prompt, run_id or str(uuid.uuid4()), again, options, step)
        async with contextlib.aclosing(handed.from_(running)) as things:
            async for node in things:
                yield node

    async def resume(self, run: Run) -> Done | Suspended | None:
        """Go on with a suspended run: what a `Worker` calls. It ends the run.

        What the agent raises passes through, for the worker to try again later, until that has
        failed `max_failures` times or trying again cannot help; then the run fails and says why.
        """
        try:
            return await self._leg(run, {}).resumed()
        except LeaseLost:
            raise
        except _FINAL as error:
            await self._failed(run, error)
            return None
        except Exception as error:
            if not run.held:
                raise
            state = dict(run.state or {})
            state["failures"] = state.get("failures", 0) + 1
            if state["failures"] >= self._max_failures:
                await self._failed(run, error)
                return None
            await run.asave(state)
            raise

    async def _failed(self, run: Run, error: Exception) -> None:
        if not run.held:
            raise error
        log.error("the run %s failed: %s", run.id, said(error))
        await run.afail(said(error))

    async def _begun(
        self,
        prompt: Prompt,
        run_id: str,
        again: bool,
        options: dict[str, Any],
        drive: Drive | None = None,
    ) -> Done | Suspended:
        digest = prompt_digest(prompt)
        async with self._opened(run_id, again) as run:
            if not run.held:
                return ended(run, self._agent.output_type)
            leg = self._leg(run, options, drive)
            if run.state is None:
                return await leg.begun(prompt, State(conversation_id=run_id, prompt=digest))
            state = State.load(run.state)
            if state.prompt == digest and not state.ended:
                return await leg.resumed()
            if state.requests is not None:
                waiting = (await leg.wait_on(state)).intent_ids
                raise RunPaused(
                    f"the run {run_id} waits for people: {', '.join(waiting)}. A new prompt is no "
                    "answer to them; give it when they have decided, or cancel them.",
                    intents=waiting,
                )
            state.prompt = digest
            return await leg.begun(prompt, state)

    async def _gone_on(self, run_id: str, options: dict[str, Any]) -> Done | Suspended:
        async with self._opened(run_id, False) as run:
            if not run.held:
                return ended(run, self._agent.output_type)
            return await self._leg(run, options).resumed()

    def _leg(self, run: Run, options: dict[str, Any], drive: Drive | None = None) -> Leg:
        session = Session(
            self.client,
            self._gates,
            app=self.name,
            run_id=run.id,
            durable=True,
            default=self._default,
        )
        own = {"deps": self._deps_of(run.id), "usage_limits": self._usage_limits}
        given = {**own, **self._options, **options}
        return Leg(self._agent, run, session, given, drive, checkpoints=self._checkpoints)

    def _opened(self, run_id: str, again: bool) -> AbstractAsyncContextManager[Run]:
        return held(
            self.client, run_id, app=self.name, lease_seconds=self._lease_seconds, again=again
        )
