"""What is sent: a call's body as JSON."""

from __future__ import annotations

import json
from typing import Any

from holdshort.client.calls import Call


def body_of(call: Call) -> bytes | None:
    """Return a call's body as it is sent. Raises ValueError for NaN: here, where the caller sees
    which line sent it."""
    if call.body is None:
        return None
    return json.dumps(call.body, allow_nan=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    """Write what JSON has no form for but everybody means the same by."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "total_seconds"):
        return value.total_seconds()
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(f"{value!r} cannot be sent as JSON")
