"""Arguments on their way into a tool, and the result on its way out."""

from __future__ import annotations

import asyncio
import inspect
import threading
from contextvars import copy_context
from typing import Any

from pydantic import ValidationError

from holdshort.digest import canonical, sha256
from holdshort.errors import InvalidRequest


class Unfit(Exception):
    """The arguments as edited do not fit the tool."""


def fitted(schema: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return approved arguments as the tool takes them. Raises Unfit."""
    if schema is None:
        return arguments
    try:
        read = schema.model_validate(arguments)
    except ValidationError as error:
        raise Unfit(f"the approved arguments do not fit the tool: {error}") from error
    unknown = sorted(arguments.keys() - schema.model_fields.keys())
    if unknown:
        raise Unfit(f"the tool takes no argument named {', '.join(unknown)}")
    return {name: getattr(read, name) for name in schema.model_fields}


def settled(result: Any) -> Any:
    """Return the result of a tool that may be a coroutine, from wherever this is called."""
    if not inspect.iscoroutine(result):
        return result
    box: list[Any] = []
    context = copy_context()

    def run() -> None:
        try:
            box.append((context.run(asyncio.run, result), None))
        except BaseException as error:
            box.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    value, error = box[0]
    if error is not None:
        raise error
    return value


def hashed(arguments: Any) -> str:
    """Return what tells these arguments from others; also such as are no JSON."""
    try:
        return sha256(canonical(arguments))[:32]
    except (InvalidRequest, TypeError, ValueError):
        return sha256(repr(arguments).encode(errors="replace"))[:32]
