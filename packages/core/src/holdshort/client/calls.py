"""What a flow asks of its driver: move one request, or let some time pass."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float = 30.0
    """Seconds until this one try is given up."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request."""

    status: int
    body: Any
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Let this many seconds pass."""

    seconds: float


class CouldNotReach(Exception):
    """The request may or may not have arrived: no connection, cut off, no answer in time."""


#: An operation: yields calls and pauses, is sent replies, returns its result. Written once, driven
#: by the blocking and by the async client.
Flow = Generator[Call | Pause, Reply | None, T]
