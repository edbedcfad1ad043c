"""`HumanInTheLoopMiddleware`: LangChain's, by its own constructor, with durable decisions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import HumanInTheLoopMiddleware as _LangChains
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import ToolMessage
from langgraph.runtime import get_runtime

from holdshort.adapters import AnyClient, Gate, refusal
from holdshort.client.decision import Decision
from holdshort_langgraph.asking import aask, answer_text, ask
from holdshort_langgraph.middleware import ApprovalMiddleware, Result, said_to_model


class HumanInTheLoopMiddleware(ApprovalMiddleware):
    """In the place of `langchain.agents.middleware.HumanInTheLoopMiddleware`: change the import.

    >>> HumanInTheLoopMiddleware(interrupt_on={"pay": True, "mail": {"allowed_decisions": [...]}})

    Each gated call is one intent, asked about as it starts (LangChain's `per_call`). `approve`,
    `edit` and `reject` are the reviewer's; `respond` (an answer in the tool's place) is what a
    reviewer says with *changes requested*, or the answer to a question where nothing else is
    allowed. An edit keeps the tool.

    Args:
        interrupt_on, description_prefix, edit_notice, interrupt_mode: as in LangChain. The mode
            is `per_call` whatever is said, and the notice is Holdshort's own, which names who has
            edited what.
        client: without it the one of the `LangGraphApp` that runs the agent.
        gate: fields of `Gate` for all of these tools (`to`, `deadline`, …).
    """

    def __init__(
        self,
        interrupt_on: dict[str, Any],
        *,
        description_prefix: str = "Tool execution requires approval",
        edit_notice: str | None = None,
        interrupt_mode: str = "per_call",
        client: AnyClient | None = None,
        **gate: Any,
    ) -> None:
        # LangChain's own reads (and refuses) what it is given.
        self._configs: dict[str, Any] = _LangChains(interrupt_on).interrupt_on
        self._prefix = description_prefix
        rules = {
            name: Gate(
                task="review" if "respond" in config["allowed_decisions"] else "approval", **gate
            )
            for name, config in self._configs.items()
        }
        super().__init__(client, gates=dict(rules))

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Result]
    ) -> Result:
        """Ask, where the call is gated, and run it."""
        gate = self._gate(request)
        if gate is not None and self._allowed(request) == {"respond"}:
            decision = ask(self._question(request, gate), client=self._client, **_who(gate))
            return _responded(request, decision)
        return super().wrap_tool_call(request, handler)

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Result]]
    ) -> Result:
        """The same for agents that run on an event loop."""
        gate = self._gate(request)
        if gate is not None and self._allowed(request) == {"respond"}:
            decision = await aask(self._question(request, gate), client=self._client, **_who(gate))
            return _responded(request, decision)
        return await super().awrap_tool_call(request, handler)

    def _gate(self, request: ToolCallRequest) -> Gate | None:
        # By name, not by pattern: theirs are names.
        config = self._configs.get(request.tool_call["name"])
        if config is None:
            return None
        when = config.get("when")
        try:
            asks = when is None or bool(when(request))
        except Exception:
            asks = True  # a gate that errs means ask
        return super()._gate(request) if asks else None

    def _allowed(self, request: ToolCallRequest) -> set[str]:
        return set(self._configs[request.tool_call["name"]]["allowed_decisions"])

    def _answers(self, request: ToolCallRequest) -> frozenset[str]:
        return frozenset(self._allowed(request))

    def _describe(self, request: ToolCallRequest, gate: Gate) -> str | None:
        described = self._configs[request.tool_call["name"]].get("description") or self._prefix
        if callable(described):
            described = described(request.tool_call, request.state, get_runtime())
        return str(described)[:10_000]

    def _question(self, request: ToolCallRequest, gate: Gate) -> str:
        call = request.tool_call
        said = "\n".join(f"{name}: {value}" for name, value in call["args"].items())
        return f"{self._describe(request, gate)}\n\n{call['name']}\n{said}"

    def _denied(self, request: ToolCallRequest, decision: Decision) -> ToolMessage:
        if decision.outcome == "changes_requested" and "respond" in self._allowed(request):
            return said_to_model(request, decision.comment or "", "success")
        return super()._denied(request, decision)


def _who(gate: Gate) -> dict[str, Any]:
    return {"to": gate.to, "deadline": gate.deadline, "title": gate.title}


def _responded(request: ToolCallRequest, decision: Decision) -> ToolMessage:
    status = "success" if decision.approved else "error"
    return said_to_model(request, answer_text(decision, refusal), status)
