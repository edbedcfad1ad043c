"""Timers: what is due is one more command."""

from __future__ import annotations

import asyncio
import logging

from holdshort.clock import Clock
from holdshort.engine.engine import Engine
from holdshort.errors import HoldshortError
from holdshort.store.base import Down

log = logging.getLogger("holdshort.timers")

#: The longest sleep (seconds): another process may have written something that is due earlier.
LONGEST_SLEEP = 1.0
#: Intents in one pass; a herd with the same deadline is worked off pass by pass.
PASS = 500


class Timers:
    """Fires what is due, whoever wrote it. The cost of a pass is what is due, not what is
    pending.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._earlier = asyncio.Event()
        self._next: int | None = None
        self._task: asyncio.Task[None] | None = None
        self.fired = 0
        engine.on_wake_at = self._on_wake_at

    async def start(self) -> None:
        self._task = asyncio.create_task(self._loop(), name="holdshort-timers")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def tick(self) -> int:
        """Do all that is due now; return on how many intents something was done."""
        done = 0
        while True:
            self._next = await self._engine.read(self._engine.store.next_timer)
            if self._next is None or self._next > self._clock.now():
                return done
            swept = await self._engine.run_due(PASS)
            self.fired += swept
            done += swept
            if swept == 0:
                return done  # another replica holds them

    def _on_wake_at(self, wake_at: int) -> None:
        if self._next is None or wake_at < self._next:
            self._earlier.set()

    async def _loop(self) -> None:
        while True:
            try:
                if self._engine.writer.down_since is not None:
                    # Whoever is told that we are not ready may send nothing more until we are.
                    await self._engine.probe()
                await self.tick()
            except (HoldshortError, Down) as error:
                log.warning("timers wait for the database: %s", error)
                self._next = None
            delay = LONGEST_SLEEP
            if self._next is not None and self._next > self._clock.now():
                # What is still due after a pass is held by another replica, or cannot be done now:
                # that is looked at again after the longest sleep, not at once.
                delay = min(delay, (self._next - self._clock.now()) / 1000)
            self._earlier.clear()
            try:
                async with asyncio.timeout(max(delay, 0.002)):
                    await self._earlier.wait()
            except TimeoutError:
                pass
