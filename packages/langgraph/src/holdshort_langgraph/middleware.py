"""`ApprovalMiddleware`: the gated tool calls of a `create_agent`, each asked about and run once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import AIMessage, AnyMessage, RemoveMessage, ToolMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import Command

from holdshort.adapters import AnyClient, Gate, Gates, edit_note, refusal
from holdshort.adapters.gates import Rule, When
from holdshort.client.decision import Decision
from holdshort.errors import HoldshortError, InvalidRequest
from holdshort_langgraph.asking import Call
from holdshort_langgraph.execution import Done, aask_and_run, ask_and_run
from holdshort_langgraph.results import record, restored
from holdshort_langgraph.session import client_or

Result = ToolMessage | Command[Any]
_UNANSWERED = (
    "This call was not executed: the conversation went on before anybody had decided about it."
)


class ApprovalMiddleware(AgentMiddleware[Any, Any, Any]):
    """Asks a person about the calls of gated tools, one intent each, and runs what is approved.

    >>> agent = create_agent(
    ...     model,
    ...     tools=[look, pay],
    ...     middleware=[ApprovalMiddleware(client, gates=["pay"])],
    ...     checkpointer=saver,
    ... )
    >>> app = LangGraphApp(agent, client, name="support")

    Calls that nobody has to approve run at once. An approved call runs at most once, with the
    arguments as approved or edited; the model is told of edits, refusals and timeouts, each with
    its reason. Arguments that cannot be shown, a permit that has expired or been revoked, a
    decision about another call: not executed, and the model is told why.

    Args:
        gates: as for `Gates.of`: names and patterns, a mapping of them to gates, or a predicate.
        agent_name: who asks, for the reviewer.
    """

    def __init__(
        self,
        client: AnyClient | None = None,
        *,
        gates: Gates | dict[str, Rule] | list[str] | When,
        agent_name: str = "",
    ) -> None:
        super().__init__()
        self._client = client
        self._gates = Gates.of(gates)
        self._agent_name = agent_name

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Result]
    ) -> Result:
        """Ask, where the call is gated, and run it."""
        gate = self._gate(request)
        if gate is None:
            return handler(request)
        call = self._call(request, gate)
        if isinstance(call, ToolMessage):
            return call
        done = ask_and_run(
            client_or(self._client),
            call,
            lambda arguments: handler(_with(request, arguments)),
            record,
        )
        return self._answer(request, call, done)

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Result]]
    ) -> Result:
        """The same for agents that run on an event loop."""
        gate = self._gate(request)
        if gate is None:
            return await handler(request)
        call = self._call(request, gate)
        if isinstance(call, ToolMessage):
            return call
        done = await aask_and_run(
            client_or(self._client),
            call,
            lambda arguments: handler(_with(request, arguments)),
            record,
        )
        return self._answer(request, call, done)

    def before_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Answer the calls that were left open when the conversation went on without them: models
        refuse a conversation in which a call has no result."""
        closed = _closed(state["messages"])
        return {"messages": [RemoveMessage(REMOVE_ALL_MESSAGES), *closed]} if closed else None

    async def abefore_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """The same on an event loop."""
        return self.before_model(state, runtime)

    def _gate(self, request: ToolCallRequest) -> Gate | None:
        return self._gates.find(request.tool_call["name"], request.tool_call["args"])

    def _answers(self, request: ToolCallRequest) -> frozenset[str]:
        return frozenset({"approve", "edit"})

    def _describe(self, request: ToolCallRequest, gate: Gate) -> str | None:
        return None

    def _denied(self, request: ToolCallRequest, decision: Decision) -> ToolMessage:
        return said_to_model(request, refusal(decision), "error")

    def _call(self, request: ToolCallRequest, gate: Gate) -> Call | ToolMessage:
        """Return what is asked, or what the model is told where it cannot be asked."""
        try:
            return Call.here(
                gate,
                request.tool_call["name"],
                request.tool_call["args"],
                call_id=request.tool_call["id"] or "",
                agent_name=self._agent_name,
                description=self._describe(request, gate),
                answers=self._answers(request),
            )
        except InvalidRequest as refused:
            return said_to_model(request, f"This call was not executed: {refused}", "error")

    def _answer(self, request: ToolCallRequest, call: Call, done: Done) -> Result:
        if not done.decision.approved:
            return self._denied(request, done.decision)
        if done.refused is not None:
            return _refused(request, done.refused)
        result = restored(done.result, request.tool_call)
        note = edit_note(done.decision, call.masked)
        return _noted(result, note, request.tool_call["id"]) if note else result


def _with(request: ToolCallRequest, arguments: dict[str, Any]) -> ToolCallRequest:
    """The call with the arguments as approved. Its name is what it was."""
    return request.override(tool_call={**request.tool_call, "args": arguments})


def said_to_model(request: ToolCallRequest, text: str, status: Any) -> ToolMessage:
    call = request.tool_call
    return ToolMessage(text, name=call["name"], tool_call_id=call["id"], status=status)


def _refused(request: ToolCallRequest, error: HoldshortError) -> ToolMessage:
    if error.details.get("reason") == "failed":
        return said_to_model(request, f"The call failed: {error.details.get('error')}", "error")
    return said_to_model(request, f"This call was not executed: {error}", "error")


def _noted(result: Result, note: str, call_id: str | None) -> Result:
    """Tell the model, with the result of its call, that another call was executed."""
    if isinstance(result, ToolMessage):
        said: Any = result.content
        if isinstance(said, str):
            said = f"{note}\n{said}"
        else:
            said = [{"type": "text", "text": note}, *said]
        return result.model_copy(update={"content": said})
    update = result.update
    if not isinstance(update, dict) or not isinstance(update.get("messages"), list):
        return result
    messages = [
        _noted(one, note, call_id)
        if isinstance(one, ToolMessage) and one.tool_call_id == call_id
        else one
        for one in update["messages"]
    ]
    return Command(
        graph=result.graph,
        update={**update, "messages": messages},
        resume=result.resume,
        goto=result.goto,
    )


def _closed(messages: list[AnyMessage]) -> list[AnyMessage]:
    """Return the conversation with a result right after each call that had none; empty where every
    call has one."""
    answered = {one.tool_call_id for one in messages if isinstance(one, ToolMessage)}
    whole: list[AnyMessage] = []
    for message in messages:
        whole.append(message)
        for call in message.tool_calls if isinstance(message, AIMessage) else ():
            if call["id"] not in answered:
                whole.append(
                    ToolMessage(
                        _UNANSWERED, name=call["name"], tool_call_id=call["id"], status="error"
                    )
                )
    return whole if len(whole) > len(messages) else []
