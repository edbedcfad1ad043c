"""Which call this is: found in the conversation, and named so that it is found again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_ai.exceptions import UnexpectedModelBehavior
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart

from holdshort.adapters import call_key
from holdshort.digest import sha256

FRAMEWORK = "pydantic-ai"
#: The key of our own part in the metadata of a deferred call.
META = "holdshort"


@dataclass(frozen=True)
class Issued:
    """A call as the model made it, and the step of the conversation that made it."""

    call: ToolCallPart
    step: str


def issued(messages: Sequence[ModelMessage], call_id: str) -> Issued | None:
    """Return the latest call of this id, or None where the model never made it.

    A step is a response: the run that it belongs to, and which one of that run's it is. Models and
    tests use the ids of calls again, and a run's id alone covers many responses.

    Raises UnexpectedModelBehavior where one response has the id twice.
    """
    found: Issued | None = None
    seen: dict[str, int] = {}
    for message in messages:
        if not isinstance(message, ModelResponse):
            continue
        run_id = message.run_id or ""
        seen[run_id] = seen.get(run_id, 0) + 1
        calls = [
            part
            for part in message.parts
            if isinstance(part, ToolCallPart) and part.tool_call_id == call_id
        ]
        if len(calls) > 1:
            raise UnexpectedModelBehavior(
                f"two calls of one answer have the same id, a duplicate: {call_id!r}. Which of "
                "them a decision is about cannot be told."
            )
        if calls:
            found = Issued(calls[0], f"{run_id}:{seen[run_id]}")
    return found


def key_of(conversation_id: str, found: Issued, round: int) -> str:
    """Return the key of the intent that asks about this call.

    It covers the tool and the arguments as the model wrote them: a history in which they were
    changed leads to another key, under which nobody has approved anything.
    """
    said = json.dumps([found.call.tool_name, raw_arguments(found.call)], sort_keys=True)
    named = f"{found.call.tool_call_id}:{sha256(said.encode())}"
    return call_key(FRAMEWORK, conversation_id, found.step, named, round)


def raw_arguments(call: ToolCallPart) -> dict[str, Any]:
    """Return the arguments as the model wrote them."""
    return call.args_as_dict()


def ours(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return our part of a call's metadata; empty where there is none."""
    found = (metadata or {}).get(META)
    return dict(found) if isinstance(found, Mapping) else {}


def round_of(metadata: Mapping[str, Any] | None) -> int:
    """Return how often this call was asked about before."""
    found = ours(metadata).get("round", 0)
    return found if isinstance(found, int) else 0
