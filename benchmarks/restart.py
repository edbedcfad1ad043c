"""From kill -9 to serving again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.seed import REQUEST
from benchmarks.server import Failed, Server


@dataclass(frozen=True)
class Back:
    """How long after the kill (seconds)."""

    listening: float
    accepted: float
    """The first POST /v1/intents that succeeded."""
    ready: float
    """The first GET /ready that said so."""


def measure(server: Server, work: Callable[[Server], object]) -> Back:
    """Start a server, kill it while it works, start it again, and time what follows.

    Args:
        server: not running; nor is it afterwards.
        work: keeps it busy until it is killed.
    """
    server.start()
    busy = threading.Thread(target=_ignoring, args=(work, server))
    busy.start()
    try:
        time.sleep(1.5)  # into the middle of the work
        killed = time.monotonic()
        server.kill()
        server.start()
        listening = time.monotonic() - killed
        accepted = _first(lambda: server.call("POST", "/v1/intents", REQUEST, role="agent"), killed)
        ready = _first(lambda: server.call("GET", "/ready"), killed)
    finally:
        busy.join()
        server.stop()
    return Back(listening, accepted, ready)


def _first(call: Callable[[], object], since: float) -> float:
    """Return how long after `since` the call first succeeded."""
    while True:
        try:
            call()
        except (OSError, Failed):
            if time.monotonic() - since > 60:
                raise
            continue
        return time.monotonic() - since


def _ignoring(work: Callable[[Server], object], server: Server) -> None:
    with suppress(Failed):  # its server was killed
        work(server)
