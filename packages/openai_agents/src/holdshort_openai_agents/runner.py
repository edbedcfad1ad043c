"""`IntentRunner`: runs agents that wait for people, in whatever process is alive by then."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

from agents import Agent, RunConfig, RunHooks, TResponseInputItem
from agents.memory import Session as Memory

from holdshort.adapters import (
    LEASE_SECONDS,
    RETRY_AFTER,
    AnyClient,
    Gates,
    Run,
    RunBusy,
    Suspended,
    aopen_run,
    await_for_all,
    recordable,
)
from holdshort.client.async_client import AsyncClient
from holdshort.errors import ConfigurationError, Conflict
from holdshort_openai_agents.call_ids import renew_call_ids
from holdshort_openai_agents.errors import RunFailed, StillWaiting, Unusable
from holdshort_openai_agents.gating import GateSpec, gate_agent
from holdshort_openai_agents.holding import Built, Holding, Settings
from holdshort_openai_agents.record import Record
from holdshort_openai_agents.results import Finished

#: How often it is looked whether a run that a worker took is over (seconds).
_POLL = 0.2
log = logging.getLogger("holdshort.openai_agents")
Input = str | list[TResponseInputItem]
Outcome = Finished | Suspended
Mode = Literal["suspend", "wait"]
_Report = Callable[[Outcome], None]


class IntentRunner:
    """Runs agents; where a gated tool is called, the run is suspended until people have decided.

    >>> runner = IntentRunner(client, agents={"support": build_support}, gates=["refund"])
    >>> outcome = await runner.run("support", "Refund order A")
    >>> Worker(client, apps=[runner]).run()   # goes on with it, here or in another process

    Args:
        client: a `Client` or `AsyncClient`.
        agents: functions that build the agents, by name. Each process builds its own.
        gates: which tools' calls ask a person (see `holdshort.adapters.Gates`).
        name: the name under which workers know these runs. Keep it.
        build_context: makes the context object of a run, from the JSON that `run` was given as
            `context`; it is called in each process. Without it the JSON itself is the context.
        open_session: makes the SDK's session of this id, in each process.
        run_config, hooks: the SDK's; used for each part of a run.
        max_turns: of a whole run, over all its pauses.
        retry_after: after how long a worker tries again where the model or Holdshort failed
            (seconds); it doubles.
        retries: how often, before the run has failed.
        lease_seconds: how long the run of a dead process waits for the next one.
    """

    def __init__(
        self,
        client: AnyClient,
        agents: Mapping[str, Callable[[], Agent[Any]]],
        *,
        gates: GateSpec = None,
        name: str = "openai-agents",
        build_context: Callable[[Any], Any] | None = None,
        open_session: Callable[[str], Memory] | None = None,
        run_config: RunConfig | None = None,
        hooks: RunHooks[Any] | None = None,
        max_turns: int = 100,
        retry_after: float = RETRY_AFTER,
        retries: int = 10,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self.name = name
        self._lease_seconds = lease_seconds
        self.client = client
        self._agents = dict(agents)
        self._gates = Gates.of(gates)
        self._build_context = build_context
        self._open_session = open_session
        run_config = run_config or RunConfig()
        renew_call_ids(run_config.model)
        renew_call_ids(run_config.model_provider)
        self._settings = Settings(client, name, run_config, hooks, max_turns, retry_after, retries)

    async def run(
        self,
        agent: str,
        input: Input,
        *,
        run_id: str | None = None,
        context: Any = None,
        session: Memory | str | None = None,
        mode: Mode = "suspend",
        timeout: float | None = 300.0,
    ) -> Outcome:
        """Run an agent until it ends or waits for people.

        Called again under the same `run_id` with the same input, it goes on with that run, or
        returns how it ended; nothing is started twice.

        Args:
            agent: the name of the agent.
            run_id: an id of your own for this run.
            context: JSON for `build_context`.
            session: a session of the SDK, or its id for `open_session`. One prompt at a time runs
                on it.
            mode: `suspend` returns Suspended at once, and a worker goes on; `wait` waits here up to
                `timeout` seconds for the decisions, and goes on here.

        Raises StillWaiting where this run, or this session, waits for people on another input;
        RunFailed where it has failed; RunBusy where another process works on it; what the SDK
        raises.
        """
        start = self._start(agent, input, run_id, context, session, mode, timeout)
        stream = Stream(lambda report: self._go(start, report, streamed=False))
        async for _ in stream:
            pass
        return stream.outcome

    def run_sync(self, agent: str, input: Input, **options: Any) -> Outcome:
        """`run`, blocking, where no event loop runs."""
        if isinstance(self.client, AsyncClient):
            raise ConfigurationError("run_sync blocks: give the runner a Client")
        return asyncio.run(self.run(agent, input, **options))

    def run_streamed(
        self,
        agent: str,
        input: Input,
        *,
        run_id: str | None = None,
        context: Any = None,
        session: Memory | str | None = None,
        mode: Mode = "suspend",
        timeout: float | None = 300.0,
    ) -> Stream:
        """`run`, with the SDK's events on the way.

        >>> stream = runner.run_streamed("support", "Refund order A")
        >>> async for event in stream: ...
        >>> stream.outcome
        """
        start = self._start(agent, input, run_id, context, session, mode, timeout)
        return Stream(lambda report: self._go(start, report, streamed=True))

    async def resume(self, run: Run) -> None:
        """Go on with a run that a `Worker` has leased."""
        try:
            record = Record.of(run.state)
            holding = await self._holding(run, record, None)
            async for _ in holding.go():
                pass
        except Unusable as error:
            log.error("the run %s cannot go on here: %s", run.id, error)
            if run.held:
                await run.arelease(self._settings.retry_after)
        except Exception as error:
            if run.status != "failed":
                raise
            log.error("the run %s has failed: %s", run.id, error)

    def _start(
        self,
        agent: str,
        input: Input,
        run_id: str | None,
        context: Any,
        session: Memory | str | None,
        mode: Mode,
        timeout: float | None,
    ) -> _Start:
        if agent not in self._agents:
            raise ConfigurationError(
                f"there is no agent {agent!r}; there are {', '.join(sorted(self._agents))}"
            )
        memory = None if isinstance(session, str) else session
        session_id = session if isinstance(session, str) else getattr(session, "session_id", None)
        if session_id and run_id:
            raise ConfigurationError("a session is a run of its own: leave run_id out")
        if session_id and self._open_session is None:
            raise ConfigurationError("pass open_session=: the worker has to open the session too")
        record = Record(
            agent=agent, input=input, turn=uuid.uuid4().hex, context=context, session=session_id
        )
        if recordable(record.wire()) != record.wire():
            raise ConfigurationError(
                "the input and the context of a run are JSON, because other processes go on with "
                "it: make other objects in build_context"
            )
        name = f"session-{session_id}" if session_id else run_id or f"run-{record.turn}"
        return _Start(name, record, memory, mode, timeout)

    async def _go(
        self, start: _Start, report: _Report, *, streamed: bool
    ) -> AsyncGenerator[Any, None]:
        ends = None if start.timeout is None else time.monotonic() + start.timeout
        waited: Suspended | None = None
        while True:
            try:
                run = await self._open(start)
            except RunBusy:
                # A worker was quicker. It may end the run while there is time to wait.
                if waited is None:
                    raise
                if ends is not None and time.monotonic() > ends:
                    report(waited)
                    return
                await asyncio.sleep(_POLL)
                continue
            if isinstance(run, Finished):
                report(run)
                return
            async with run:
                holding = await self._holding(run, Record.of(run.state), start.memory)
                async with aclosing(holding.go(streamed=streamed)) as events:
                    async for event in events:
                        yield event
            outcome = holding.outcome
            assert outcome is not None
            if isinstance(outcome, Finished) or start.mode == "suspend":
                report(outcome)
                return
            waited = outcome
            left = None if ends is None else max(0.0, ends - time.monotonic())
            if left == 0 or not await await_for_all(self.client, outcome.intent_ids, timeout=left):
                report(outcome)
                return
            if not outcome.intent_ids:
                await asyncio.sleep(_POLL)

    async def _open(self, start: _Start) -> Run | Finished:
        """Take the run, with the record of this prompt in it; where it has ended, say how."""
        run = await self._take(start.name)
        ended = run.status in ("done", "failed")
        if ended and start.record.session and Record.of(run.state).turn != start.record.turn:
            run = await self._take(start.name, again=True)
            await run.asave(start.record.wire())
            return run
        if run.status == "failed":
            raise RunFailed(f"the run {run.id} has failed: {run.error}")
        try:
            return await self._entered(run, start.record)
        except BaseException:
            if run.held:
                await run.arelease(self._settings.retry_after)
            raise

    async def _entered(self, run: Run, asked: Record) -> Run | Finished:
        """Enter the prompt into a new run, or see that a known one is of the same prompt."""
        if run.state is None:
            await run.asave(asked.wire())
            return run
        known = Record.of(run.state)
        same = known.turn == asked.turn or (
            not asked.session and (known.agent, known.input) == (asked.agent, asked.input)
        )
        if run.status == "done":
            if same:
                return Finished(run.id, (run.result or {}).get("output"))
            raise Conflict(f"the run {run.id} was of another input: choose another run_id")
        if not same:
            raise await self._put_back(run)
        return run

    async def _take(self, run_id: str, *, again: bool = False) -> Run:
        return await aopen_run(
            self.client,
            run_id,
            app=self.name,
            lease_seconds=self._lease_seconds,
            again=again,
        )

    async def _put_back(self, run: Run) -> StillWaiting:
        waits = list(run.waits)
        decisions = await run.adecisions(waits)
        pending = [intent_id for intent_id, decision in decisions.items() if decision is None]
        if waits:
            await run.asuspend(None, waits=waits)
        else:
            await run.arelease(0)
        what = f"waits for {', '.join(pending)}" if pending else "is about to go on"
        return StillWaiting(
            f"the run {run.id} {what}: it takes no new prompt until that is answered. Cancel the "
            "intents to give it up.",
            intent_ids=pending,
        )

    async def _holding(self, run: Run, record: Record, memory: Memory | None) -> Holding:
        build = self._agents.get(record.agent)
        if build is None:
            raise Unusable(
                f"there is no agent {record.agent!r} here; there are "
                f"{', '.join(sorted(self._agents))}",
                elsewhere=True,
            )
        agent = build()
        gated = gate_agent(agent, self._gates)
        context = record.context
        if self._build_context is not None:
            context = self._build_context(context)
            if inspect.isawaitable(context):
                context = await context
        if memory is None and record.session is not None:
            if self._open_session is None:
                raise Unusable("this run has a session: pass open_session=", elsewhere=True)
            memory = self._open_session(record.session)
        return Holding(self._settings, run, record, Built(agent, gated, context, memory))


@dataclass(frozen=True)
class _Start:
    """What a run is started with."""

    name: str
    record: Record
    memory: Memory | None
    mode: Mode
    timeout: float | None


class Stream:
    """The events of a run as they come; at their end, `outcome` says where it came to."""

    def __init__(
        self, go: Callable[[Callable[[Outcome], None]], AsyncGenerator[Any, None]]
    ) -> None:
        self._events = go(self._report)
        self._outcome: Outcome | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._events

    @property
    def outcome(self) -> Outcome:
        """Finished or Suspended; known once all events were read."""
        if self._outcome is None:
            raise ConfigurationError("read all events first: async for event in stream")
        return self._outcome

    async def aclose(self) -> None:
        """Stop reading. The run is given back; a worker goes on with it."""
        await self._events.aclose()

    def _report(self, outcome: Outcome) -> None:
        self._outcome = outcome
