"""Handing what happens in a run to whoever reads along, one thing at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

_OVER = object()


class Handed:
    """Between a run and its reader: the run goes on when the reader asks for more."""

    def __init__(self) -> None:
        self._things: asyncio.Queue[Any] = asyncio.Queue()

    async def over(self, thing: Any) -> None:
        """Hand it over, and wait until the reader is done with it."""
        self._things.put_nowait(thing)
        await self._things.join()

    async def from_(self, running: Coroutine[Any, Any, Any]) -> AsyncGenerator[Any]:
        """Run it; yield what it hands over, and what it returns. A reader that stops ends it."""
        task = asyncio.create_task(running)
        task.add_done_callback(lambda _: self._things.put_nowait(_OVER))
        try:
            while (thing := await self._things.get()) is not _OVER:
                yield thing
                self._things.task_done()
            yield await task
        finally:
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
