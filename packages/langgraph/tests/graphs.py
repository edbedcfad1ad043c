"""Graphs that the tests run, and a model that says what it was told to."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt


class State(TypedDict):
    out: Annotated[list[Any], operator.add]


def asking(question: Any, **options: Any) -> Callable[[State], dict[str, Any]]:
    """A node that asks, and keeps the answer."""
    return lambda state: {"out": [interrupt(question, **options)]}


def parallel(*nodes: Callable[..., Any]) -> Any:
    """A graph whose nodes all start at once."""
    builder = StateGraph(State)
    for index, node in enumerate(nodes):
        builder.add_node(f"n{index}", node)
        builder.add_edge(START, f"n{index}")
    return builder


class Model(BaseChatModel):
    """Answers the n-th turn with the n-th of `turns`; after them, repeats what tools returned."""

    turns: list[list[dict[str, Any]]]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Any:
        return self

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **more: Any
    ) -> ChatResult:
        turn = sum(isinstance(message, AIMessage) for message in messages)
        if turn < len(self.turns):
            said = AIMessage("", tool_calls=[{"type": "tool_call", **c} for c in self.turns[turn]])
        else:
            heard = [str(one.content) for one in messages if one.type == "tool"]
            said = AIMessage("heard: " + " | ".join(heard))
        return ChatResult(generations=[ChatGeneration(message=said)])


def pay(to: str = "bob", amount: int = 5, id: str = "call_0") -> dict[str, Any]:
    """A model's call of the tool."""
    return {"id": id, "name": "pay", "args": {"to": to, "amount": amount}}
