"""`HumanApprovals`: the capability that gates the tools of an agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_ai import DeferredToolRequests, DeferredToolResults, RunContext
from pydantic_ai.capabilities import AbstractCapability, CapabilityOrdering
from pydantic_ai.messages import ModelMessage
from pydantic_ai.toolsets import AbstractToolset

from holdshort.adapters import AnyClient, Gates, ado, await_for_all
from holdshort.client import flows
from holdshort.client.calls import Flow
from holdshort.client.run import intent_of
from holdshort.errors import KeyConflict
from holdshort_pydantic_ai.pending import Pending, answers, pending
from holdshort_pydantic_ai.session import GateSpec, Session
from holdshort_pydantic_ai.state import State
from holdshort_pydantic_ai.toolset import GatedToolset


class HumanApprovals(AbstractCapability[Any]):
    """Asks a person before the tools that `gates` names, and runs what was approved once.

    >>> agent = Agent(model, tools=[pay], output_type=[str, DeferredToolRequests],
    ...               capabilities=[HumanApprovals(client, gates=["pay"], grace=300)])

    For runs that end with the process that began them; `DurableAgent` is for those that may wait
    longer. Works in `run`, `run_sync`, `run_stream`, `run_stream_events` and `iter`.

    Args:
        gates: names, patterns, a mapping of them to rules, or a predicate (see `Gates.of`).
        grace: for how many seconds the run itself waits for a decision; None waits as long as it
            takes. What is open afterwards comes out as `DeferredToolRequests`, as it does at once
            with 0: nobody has been asked about it then, and `ask` does that.

    That the framework calls a call approved is no permit here: it runs if the decision on the
    server says so, with the arguments of the decision, and once, also where the same history is
    resumed again. Where there is no decision, the call is deferred instead.
    """

    def __init__(
        self,
        client: AnyClient,
        *,
        gates: GateSpec,
        grace: float | None = 0,
    ) -> None:
        super().__init__()
        self._session = Session(client, Gates.of(gates))
        self._grace = grace

    @classmethod
    def get_serialization_name(cls) -> str | None:
        return None  # it holds a client, which no file stands for

    def get_ordering(self) -> CapabilityOrdering:
        """Closest to the tools, so that it sees what really runs."""
        return CapabilityOrdering(position="innermost")

    async def for_run(self, ctx: RunContext[Any]) -> HumanApprovals:
        """Know nothing of other runs."""
        if self._session.durable:
            return self
        return self._fresh()

    def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
        """Put the gate between the agent and its tools."""
        return GatedToolset(toolset, session=self._session)

    async def handle_deferred_tool_calls(
        self, ctx: RunContext[Any], *, requests: DeferredToolRequests
    ) -> DeferredToolResults | None:
        """Ask about the calls that are gated here, and wait for as long as `grace` allows."""
        if self._session.durable or self._grace == 0:
            return None
        state = State(
            messages=ctx.messages,
            conversation_id=ctx.conversation_id or "",
            agent=getattr(ctx.agent, "name", None) or "",
            requests=requests,
        )
        ids = await self._ask(state)
        if ids:
            await await_for_all(self._session.client, ids, timeout=self._grace)
        return await self._answers(state)

    async def ask(
        self,
        requests: DeferredToolRequests,
        messages: Sequence[ModelMessage],
        *,
        agent_name: str = "",
    ) -> list[str]:
        """Ask people about the gated calls of a run that ended with `requests`; return the intents.

        For programs that keep conversations themselves: save the messages first, then ask. Asking
        again finds the same intents. Calls that are not gated here stay the caller's.
        """
        return await self._fresh()._ask(_state(requests, messages, agent_name))

    async def answers(
        self, requests: DeferredToolRequests, messages: Sequence[ModelMessage]
    ) -> DeferredToolResults | None:
        """Return what was decided about these calls, to be passed to the agent's next run as
        `deferred_tool_results`; None as long as nothing was. Calls without an answer are missing
        in it, and the framework wants one for each: wait until `requests.remaining` is None."""
        return await self._fresh()._answers(_state(requests, messages))

    def _fresh(self) -> HumanApprovals:
        mine = HumanApprovals.of(self._session.fresh())
        mine._grace = self._grace
        return mine

    def _waiting(self, state: State) -> list[Pending]:
        return [one for one in pending(state, self._session) if self._takes(one)]

    async def _ask(self, state: State) -> list[str]:
        bodies = [one.body(self._session) for one in self._waiting(state)]
        return [await ado(self._session.client, _file(body)) for body in bodies]

    async def _answers(self, state: State) -> DeferredToolResults | None:
        over = []
        for one in self._waiting(state):
            if await self._session.decision(one.key) is not None:
                over.append(one)
        if not over or state.requests is None:
            return None
        return answers(over, state.requests, self._session.found)

    def _takes(self, one: Pending) -> bool:
        if one.child is not None or one.waits is not None:
            return False
        if one.kind == "approval":
            return self._session.gates.find(one.call.tool_name, one.arguments) is not None
        return one.kind == "question"

    @classmethod
    def of(cls, session: Session) -> HumanApprovals:
        """Return the gate of a run that a `DurableAgent` keeps."""
        made = cls(session.client, gates=session.gates)
        made._session = session
        return made


def _file(body: dict[str, Any]) -> Flow[str]:
    wire = intent_of(body)
    key = wire.pop("idempotency_key")
    try:
        return (yield from flows.send_intent(wire, key=key))
    except KeyConflict:
        # The same call, asked about in other words before: by another release of the program, say.
        found = yield from flows.find(key)
        if found is None:
            raise
        return str(found["intent_id"])


def _state(
    requests: DeferredToolRequests, messages: Sequence[ModelMessage], agent_name: str = ""
) -> State:
    said = [message.conversation_id for message in messages if message.conversation_id]
    return State(
        messages=list(messages),
        conversation_id=said[-1] if said else "",
        agent=agent_name,
        requests=requests,
    )
