"""One holding of a run: it is taken from where it stands to where it ends or waits for people."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents import Agent, RunConfig, RunHooks, Runner, RunResult, RunResultStreaming, RunState
from agents.exceptions import AgentsException
from agents.items import ToolApprovalItem
from agents.memory import Session as Memory

from holdshort.adapters import AnyClient, Run, Suspended, ado, refusal
from holdshort.errors import InvalidRequest, LeaseLost, PayloadTooLarge
from holdshort_openai_agents.asking import Ask, Place, call_of
from holdshort_openai_agents.errors import Parked, RunFailed, Unusable
from holdshort_openai_agents.executing import NOBODY_ASKED, NOT_THIS, decided, hand_over
from holdshort_openai_agents.gating import Gated
from holdshort_openai_agents.human import NO_QUESTION, is_question
from holdshort_openai_agents.record import Record, half_done
from holdshort_openai_agents.results import Finished, record
from holdshort_openai_agents.session import Session, holding

log = logging.getLogger("holdshort.openai_agents")
Result = RunResult | RunResultStreaming


@dataclass(frozen=True)
class Settings:
    """What all runs of a runner share."""

    client: AnyClient
    app: str
    run_config: RunConfig
    hooks: RunHooks[Any] | None
    max_turns: int
    retry_after: float
    retries: int


@dataclass
class Built:
    """What is built afresh in each process: the agents, the context, the memory."""

    agent: Agent[Any]
    gated: Gated
    context: Any
    memory: Memory | None


class Holding:
    """Goes on with one run that this process holds; `outcome` says where it came to."""

    def __init__(self, settings: Settings, run: Run, record: Record, built: Built) -> None:
        self.outcome: Finished | Suspended | None = None
        self._settings = settings
        self._run = run
        self._record = record
        self._built = built
        self._session = Session(settings.client, settings.app, run.id, record.turn)
        self._approved: set[str] = set()

    async def go(self, *, streamed: bool = False) -> AsyncGenerator[Any, None]:
        """Yield the SDK's events as they come, where it is streamed. The run is ended afterwards:
        finished, suspended, released for later, or failed, where it raises."""
        target: Any = None
        try:
            target = await self._target()
            while target is not None:
                if streamed:
                    with holding(self._session):
                        stream = Runner.run_streamed(self._built.agent, target, **self._options())
                    try:
                        async for event in stream.stream_events():
                            yield event
                    except GeneratorExit:
                        stream.cancel()  # nobody reads on, and the run is given back
                        raise
                    result: Result = stream
                else:
                    with holding(self._session):
                        result = await Runner.run(self._built.agent, target, **self._options())
                target = await self._end(result)
        except LeaseLost:
            raise
        except Parked as parked:
            await self._park(parked)
        except Exception as error:
            await self._broke(error, target)
            raise

    def _options(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "context": self._built.context,
            "session": self._built.memory,
            "run_config": settings.run_config,
            "hooks": settings.hooks,
            "max_turns": settings.max_turns,
        }

    async def _target(self) -> Any:
        """Return what to run: the input, or the saved state with the decisions in it. None where it
        still waits."""
        if self._record.snapshot is None:
            return self._record.input
        state = await self._record.state(self._built.agent)
        items, pending = state.get_interruptions(), list(self._record.pending)
        asks = [(item, self._ask(item, pending)) for item in items]
        found = {}
        for _, ask in asks:
            found[ask.key] = await ado(self._settings.client, decided(ask.key))
        still = [known[0]["intent_id"] for known in found.values() if known and known[1] is None]
        if still:
            await self._wait_for(still)
            self.outcome = Suspended(self._run.id, self._settings.app, still)
            return None
        for item, ask in asks:
            await self._apply(state, item, ask, found[ask.key])
        return state

    def _ask(self, item: ToolApprovalItem, pending: list[dict[str, Any]]) -> Ask:
        """Return the call that was interrupted; only its path comes from the record."""
        place, arguments = call_of(item)
        for number, one in enumerate(pending):
            if (one["agent"], one["tool"], one["call_id"]) == (
                place.agent,
                place.tool,
                place.call_id,
            ):
                place = replace(place, path=tuple(pending.pop(number)["path"]))
                break
        return self._asked(place, arguments)

    def _asked(self, place: Place, arguments: dict[str, Any]) -> Ask:
        gated = self._built.gated
        gate = gated.gate(place.agent, place.tool)
        question = gated.asks_a_question(place.agent, place.tool)
        return self._session.ask(place, arguments, gate, question)

    async def _apply(
        self, state: RunState[Any, Any], item: ToolApprovalItem, ask: Ask, known: Any
    ) -> None:
        """Tell the SDK what was decided. It is no proof: the tool asks the server once more."""
        if known is None:
            state.reject(item, rejection_message=self._unaskable(ask) or NOBODY_ASKED)
            return
        view, decision = known
        refused = None
        if ask.question:
            pass  # the tool words the answer, also where there is none
        elif not decision.approved:
            refused = refusal(decision)
        elif not ask.fits(view, decision):
            refused = NOT_THIS
        elif _runs_at_the_provider(item):
            refused = await hand_over(self._session, ask, decision)
        if refused is not None:
            state.reject(item, rejection_message=refused)
            return
        state.approve(item)
        self._approved.add(ask.key)
        self._session.decided.append(ask)

    async def _end(self, result: Result) -> Any:
        """End the run, or suspend it. Return the state to go on with where nobody can be asked."""
        if not result.interruptions:
            await self._run.afinish({"output": record(result.final_output)})
            self.outcome = Finished(self._run.id, result.final_output, result)
            return None
        state = result.to_state()
        return await self._pause(state, state.get_interruptions())

    async def _pause(self, state: RunState[Any, Any], items: Sequence[ToolApprovalItem]) -> Any:
        pending, bodies = [], {}
        for item in items:
            place, arguments = call_of(item)
            place = replace(place, path=self._session.path_of(place))
            ask = self._asked(place, arguments)
            if ask.key in self._approved:
                raise RunFailed(
                    f"{place.tool} of {place.agent} was decided on, and the SDK asks about the "
                    "same call again: the decision was not applied. Nothing more is executed."
                )
            why = self._unaskable(ask)
            if why:
                state.reject(item, rejection_message=why)
            else:
                bodies[ask.key] = self._body(ask)
            pending.append({**vars(place), "path": list(place.path)})
        if not bodies:
            return state
        self._record.pending = pending
        self._record.tries = 0
        self._record.take(state)
        try:
            ids = await self._run.asuspend(self._record.wire(), list(bodies.values()))
        except PayloadTooLarge as error:
            for item in items:
                state.reject(item, rejection_message=_cannot_ask(error))
            return state
        self.outcome = Suspended(self._run.id, self._settings.app, ids)
        return None

    def _unaskable(self, ask: Ask) -> str | None:
        """Return why nobody can be asked about this call; None where somebody can."""
        if ask.question:
            return None if is_question(ask.arguments) else NO_QUESTION
        try:
            self._body(ask)
        except InvalidRequest as error:
            return _cannot_ask(error)
        return None

    def _body(self, ask: Ask) -> dict[str, Any]:
        said = self._record.input
        context = {"prompt": said[:2000]} if isinstance(said, str) else {}
        place = ask.place
        described = self._built.gated.description(place.agent, place.tool)
        return ask.body(self._settings.app, described, context)

    async def _park(self, parked: Parked) -> None:
        """Go on later from the state before: what has run by then gives its recorded result."""
        log.warning("the run %s waits: %s", self._run.id, parked)
        if parked.question is None:
            await self._run.arelease(self._settings.retry_after)
            self.outcome = Suspended(self._run.id, self._settings.app, [])
            return
        await self._wait_for([parked.question])
        self.outcome = Suspended(self._run.id, self._settings.app, [parked.question])

    async def _wait_for(self, intent_ids: list[str]) -> None:
        # What it has waited for stays among it: if the next process dies in one of these calls,
        # Holdshort knows by this which it may have been.
        waits = dict.fromkeys([*self._run.waits, *intent_ids])
        await self._run.asuspend(None, waits=list(waits))

    async def _broke(self, error: Exception, target: Any) -> None:
        """Fail the run, or give it back for another try, with all that was done by now."""
        if not self._run.held:
            return
        if isinstance(error, Unusable) and error.elsewhere:
            await self._run.arelease(self._settings.retry_after)
            return
        self._record.tries += 1
        lasting = isinstance(error, AgentsException | InvalidRequest | RunFailed | Unusable)
        if lasting or self._record.snapshot is None or self._record.tries > self._settings.retries:
            await self._run.afail(f"{type(error).__name__}: {error}")
            return
        await self._save(target)
        pause = self._settings.retry_after * 2 ** (self._record.tries - 1)
        await self._run.arelease(min(pause, 3600.0), state=self._record.wire())

    async def _save(self, target: Any) -> None:
        """Take over what the SDK did before it broke, where that can be gone on from. The state
        from before always can: gated calls that have run are not repeated, other ones may be."""
        if not isinstance(target, RunState):
            return
        before = self._record.snapshot
        try:
            self._record.take(target)
            await self._record.state(self._built.agent)
        except Exception as error:
            log.info("the run %s goes on from its state before: %s", self._run.id, error)
            self._record.snapshot = before
        if half_done(self._record.snapshot):
            self._record.snapshot = before


def _runs_at_the_provider(item: ToolApprovalItem) -> bool:
    raw = item.raw_item
    kind = raw.get("type") if isinstance(raw, dict) else getattr(raw, "type", None)
    return kind in ("mcp_approval_request", "hosted_tool_call")


def _cannot_ask(error: InvalidRequest) -> str:
    return f"This call was not executed: {error}"
