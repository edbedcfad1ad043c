"""The seam below the clients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

from holdshort.client.calls import Call, Reply


class Transport(Protocol):
    """Moves calls, blocking."""

    def send(self, call: Call) -> Reply:
        """Return the reply, whatever its status. Raises CouldNotReach where there is none."""

    def close(self) -> None: ...


class AsyncTransport(Protocol):
    """Moves calls on an event loop."""

    async def send(self, call: Call) -> Reply:
        """Return the reply, whatever its status. Raises CouldNotReach where there is none."""

    async def close(self) -> None: ...


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the server asks to wait, if it says so in seconds."""
    try:
        found = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None
