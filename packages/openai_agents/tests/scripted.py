"""A model that follows a script: what it says depends on how many turns it has had, and on what it
was told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents import ModelResponse, set_tracing_disabled
from agents.models.interface import Model
from agents.usage import Usage
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItem,
    ResponseOutputMessage,
    ResponseOutputText,
)

# Nothing leaves this machine.
set_tracing_disabled(True)

Turn = Sequence[Any]
Script = Sequence[Turn] | Callable[[int, list[str]], Turn]


def call(tool: str, call_id: str = "c1", /, **arguments: Any) -> ResponseFunctionToolCall:
    """A call of a tool."""
    return raw_call(tool, json.dumps(arguments), call_id)


def raw_call(tool: str, text: str, call_id: str = "c1") -> ResponseFunctionToolCall:
    """A call whose arguments are any text."""
    return ResponseFunctionToolCall(
        type="function_call", name=tool, arguments=text, call_id=call_id, id=f"f-{call_id}"
    )


def say(text: str) -> ResponseOutputMessage:
    """An answer in words."""
    return ResponseOutputMessage(
        id="m1",
        type="message",
        role="assistant",
        status="completed",
        content=[ResponseOutputText(type="output_text", text=text, annotations=[])],
    )


@dataclass
class Scripted(Model):
    """Plays a script, one entry for each turn of the model in this conversation."""

    script: Script
    seen: list[list[str]] = field(default_factory=list)
    """What it was told, for each time that it was asked."""

    answers: list[Any] = field(default_factory=list)
    """What it was told about requests of hosted MCP servers, last."""

    async def get_response(
        self, system_instructions: Any, input: Any, *args: Any, **more: Any
    ) -> ModelResponse:
        output = list(self._turn(input))
        return ModelResponse(output=output, usage=Usage(), response_id=None)

    async def stream_response(
        self, system_instructions: Any, input: Any, *args: Any, **more: Any
    ) -> AsyncIterator[Any]:
        output: list[ResponseOutputItem] = list(self._turn(input))
        response = Response(
            id="r1",
            created_at=0,
            model="scripted",
            object="response",
            output=output,
            tool_choice="auto",
            tools=[],
            parallel_tool_calls=True,
        )
        yield ResponseCompletedEvent(
            type="response.completed", response=response, sequence_number=0
        )

    def _turn(self, input: Any) -> Turn:
        items = [{"role": "user", "content": input}] if isinstance(input, str) else list(input)
        turns, told = conversation(items)
        self.answers = [item for item in items if item.get("type") == "mcp_approval_response"]
        self.seen.append(told)
        found = self.script(turns, told) if callable(self.script) else self.script[turns]
        for item in found:
            if isinstance(item, BaseException):
                raise item
        return found

    @property
    def told(self) -> list[str]:
        """What it was told last."""
        return self.seen[-1]


def conversation(items: list[Any]) -> tuple[int, list[str]]:
    """Return how many turns the model has had, and all that it was told."""
    turns, told, speaking = 0, [], False
    for item in items:
        ours = item.get("role") == "user" or str(item.get("type")).endswith("_output")
        if ours:
            told.append(_text(item.get("content", item.get("output"))))
        elif not speaking:
            turns += 1
        speaking = not ours
    return turns, told


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return " ".join(
            _text(one.get("text", one)) if isinstance(one, dict) else _text(one) for one in value
        )
    return json.dumps(value)
