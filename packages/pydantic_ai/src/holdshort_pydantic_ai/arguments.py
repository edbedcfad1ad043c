"""Arguments as they are shown to a person and as they are passed to a tool, and the way between."""

from __future__ import annotations

import json
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.toolsets import ToolsetTool
from pydantic_core import ValidationError, to_jsonable_python

from holdshort.adapters import shown_arguments
from holdshort.errors import InvalidRequest


def passed(arguments: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]) -> Any:
    """Return JSON arguments as the tool takes them. Raises ValidationError."""
    text = json.dumps(arguments)
    return tool.args_validator.validate_json(text, context=ctx.validation_context)


def plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return validated arguments as a gate's predicate reads them; empty where they cannot be
    written, which a predicate takes for a reason to ask."""
    return _written(arguments) or {}


def shown(
    arguments: dict[str, Any],
    raw: dict[str, Any] | None,
    ctx: RunContext[Any],
    tool: ToolsetTool[Any],
) -> dict[str, Any]:
    """Return what is shown of the arguments that a tool is about to get: with its defaults, and
    with what hooks made of them.

    Raises InvalidRequest where no JSON stands for them: nobody can approve what cannot be shown.
    """
    for candidate in (_written(arguments), raw):
        if candidate is not None and _stands_for(candidate, arguments, ctx, tool):
            return shown_arguments(candidate)
    raise InvalidRequest(
        f"the arguments of {tool.tool_def.name} cannot be shown to a person: what they are written "
        "as is not what the tool would get. Give it plain values (texts, numbers, lists, models)."
    )


def _written(arguments: dict[str, Any]) -> dict[str, Any] | None:
    try:
        written: dict[str, Any] = to_jsonable_python(arguments)
    except (ValueError, RecursionError):
        return None
    return written


def _stands_for(
    candidate: dict[str, Any], arguments: dict[str, Any], ctx: RunContext[Any], tool: Any
) -> bool:
    try:
        return bool(passed(candidate, ctx, tool) == arguments)
    except (ValidationError, TypeError, ValueError, RecursionError):
        return False


def jsonable(value: Any) -> Any:
    """Return what can be recorded of a value. It must not fail: what it came of has happened."""
    try:
        return to_jsonable_python(value, fallback=str, bytes_mode="base64", inf_nan_mode="strings")
    except (ValueError, TypeError, RecursionError):
        return str(value)
