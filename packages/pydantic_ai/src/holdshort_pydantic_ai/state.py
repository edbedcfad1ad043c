"""Where a run stands, as JSON: what another process, perhaps with another release, goes on from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_ai import DeferredToolRequests
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter
from pydantic_ai.usage import RunUsage

from holdshort.errors import InvalidRequest

_USAGE = TypeAdapter(RunUsage)
_REQUESTS = TypeAdapter(DeferredToolRequests)


@dataclass(kw_only=True)
class State:
    """A conversation, and the calls in it that wait for people.

    Its parts rather than the framework's `Conversation`, which older releases do not have: with
    them a run goes on under either.
    """

    messages: list[ModelMessage] = field(default_factory=list)
    usage: RunUsage = field(default_factory=RunUsage)
    conversation_id: str = ""
    agent: str = ""
    """The name of the agent whose conversation it is."""
    requests: DeferredToolRequests | None = None
    tools: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The schemas of the tools whose calls wait."""
    prompt: str = ""
    """A digest of the prompt, by which the same start is known again."""
    ended: bool = False
    """Whether the agent came to its end here."""
    failures: int = 0
    """How often going on from here has failed."""

    def dump(self) -> dict[str, Any]:
        """Return it as JSON. Raises ValueError for what no JSON stands for."""
        return {
            "version": 1,
            "messages": ModelMessagesTypeAdapter.dump_python(self.messages, mode="json"),
            "usage": _USAGE.dump_python(self.usage, mode="json"),
            "conversation_id": self.conversation_id,
            "agent": self.agent,
            "requests": self.requests and _REQUESTS.dump_python(self.requests, mode="json"),
            "tools": self.tools,
            "prompt": self.prompt,
            "ended": self.ended,
            "failures": self.failures,
        }

    @classmethod
    def load(cls, stored: Any) -> State:
        """Read it. Raises InvalidRequest where it is none, or one that this release cannot read."""
        try:
            if stored["version"] != 1:
                raise ValueError(f"its version is {stored['version']!r}")
            requests = stored["requests"]
            return cls(
                messages=ModelMessagesTypeAdapter.validate_python(stored["messages"]),
                usage=_USAGE.validate_python(stored["usage"]),
                conversation_id=stored["conversation_id"],
                agent=stored["agent"],
                requests=None if requests is None else _REQUESTS.validate_python(requests),
                tools=stored["tools"],
                prompt=stored["prompt"],
                ended=stored["ended"],
                failures=stored["failures"],
            )
        except (ValidationError, ValueError, TypeError, KeyError) as error:
            raise InvalidRequest(f"this state is no paused Pydantic AI run: {error}") from error
