"""Blocking calls, all of a thread on one event loop: models keep connections that belong to it."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_mine = threading.local()


def blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end. Raises RuntimeError on a running event loop."""
    runner: asyncio.Runner | None = getattr(_mine, "runner", None)
    if runner is None:
        runner = _mine.runner = asyncio.Runner()
        atexit.register(runner.close)
    return runner.run(coroutine)
