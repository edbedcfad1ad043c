"""What graphs and tools return, as it can be recorded, and back."""

from __future__ import annotations

import base64
from typing import Any

from langchain_core.messages import BaseMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command

from holdshort.adapters import recordable

_SERDE = JsonPlusSerializer()
#: Larger results of tools are recorded by their text alone (bytes).
_LARGEST = 200_000


def summary(result: Any) -> Any:
    """Return a graph's result as JSON, with messages as their type and content."""
    return recordable(_plain(result))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items() if k != "__interrupt__"}
    if isinstance(value, list | tuple):
        return [_plain(child) for child in value]
    if isinstance(value, BaseMessage):
        return {"type": value.type, "content": value.content}
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def record(result: Any) -> Any:
    """Return what is recorded of a tool's result: all of it, so that a call that is done gives the
    same again."""
    try:
        kind, data = _SERDE.dumps_typed(result)
    except (TypeError, ValueError):
        kind, data = "", b""
    text = result.text if isinstance(result, ToolMessage) else str(result)
    said: dict[str, Any] = {"text": text[:10_000]}
    if kind and len(data) <= _LARGEST:
        said["langgraph"] = [kind, base64.b64encode(data).decode()]
    return said


def restored(recorded: Any, call: Any) -> ToolMessage | Command[Any]:
    """Return the result of a call that was done before, from what was recorded of it."""
    if isinstance(recorded, ToolMessage | Command):
        return recorded
    if isinstance(recorded, dict) and "langgraph" in recorded:
        kind, data = recorded["langgraph"]
        result: ToolMessage | Command[Any] = _SERDE.loads_typed((kind, base64.b64decode(data)))
        return result
    text = recorded.get("text") if isinstance(recorded, dict) else recorded
    said = text if isinstance(text, str) and text else "It was done. Its result was not recorded."
    return ToolMessage(said, name=call["name"], tool_call_id=call["id"])
