"""A model that says what a test wants said, and remembers what it was given to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crewai.llms.base_llm import BaseLLM

Say = Callable[[int, list[dict[str, Any]]], Any]


class Scripted(BaseLLM):
    """`say` gets how often the model has spoken in this conversation, and its messages."""

    say: Any = None
    native: bool = True
    seen: Any = None

    def call(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        messages = (
            [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        )
        self.seen.append([dict(one) for one in messages])
        turns = sum(one["role"] == "assistant" for one in messages)
        return self.say(turns, messages)

    def supports_function_calling(self) -> bool:
        return self.native

    def told(self) -> str:
        """Return all that it was given to read the last time."""
        return "\n".join(str(one.get("content")) for one in self.seen[-1])


def call(name: str, /, id: str = "c1", **arguments: Any) -> dict[str, Any]:
    """Return a tool call as OpenAI's models write it."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def once(*calls: dict[str, Any]) -> Say:
    """Say these calls first, and then that the work is done."""
    return lambda turns, messages: list(calls) if turns == 0 else "all done"
