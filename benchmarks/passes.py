"""Passes of the timers over a database: what is due, and what is not."""

from __future__ import annotations

import asyncio
import gc
import time
from dataclasses import dataclass, field

from benchmarks.databases import Database
from benchmarks.seed import REQUEST, filing
from benchmarks.server import Failed
from holdshort import ids
from holdshort.app import Holdshort
from holdshort.settings import Settings

#: Passes with nothing due, timed together: one is too short for the clocks.
IDLE = 200
_SOON = {**REQUEST, "remind_after": 1.0, "max_reminders": 1}


@dataclass
class Passes:
    """How long each pass took. Milliseconds."""

    due: int
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    idle_wall: list[float] = field(default_factory=list)
    idle_cpu: list[float] = field(default_factory=list)


def measure(database: Database, due: int, passes: int) -> Passes:
    """Return the cost of so many passes, each with so many reminders due."""
    return asyncio.run(_measure(database, due, passes))


async def _measure(database: Database, due: int, passes: int) -> Passes:
    found = Passes(due)
    holdshort = Holdshort(Settings(database=database.url, console=False))
    await holdshort.start(background=False)
    try:
        await _pass(holdshort)  # what is read for the first time is read here
        for _ in range(passes):
            await _file(holdshort, due)
            gc.collect()
            done, wall, cpu = await _pass(holdshort)
            if done != due:
                raise Failed(f"a pass did {done} of the {due} intents that were due")
            found.wall.append(wall)
            found.cpu.append(cpu)
            idle = [await _pass(holdshort) for _ in range(IDLE)]
            found.idle_wall.append(sum(wall for _, wall, _ in idle) / IDLE)
            found.idle_cpu.append(sum(cpu for _, _, cpu in idle) / IDLE)
    finally:
        await holdshort.stop()
    return found


async def _pass(holdshort: Holdshort) -> tuple[int, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    done = await holdshort.timers.tick()
    return (
        done,
        (time.perf_counter() - wall) * 1000,
        (time.process_time() - cpu) * 1000,
    )


async def _file(holdshort: Holdshort, count: int) -> None:
    """File so many intents, and return when a reminder is due on each."""
    now = holdshort.clock.now()
    works = [filing(_SOON, ids.new_id(now)) for _ in range(count)]
    await asyncio.gather(*map(holdshort.engine.file, works))
    # The commit was later than `now`, and so is what it made due.
    await asyncio.sleep(float(_SOON["remind_after"]) + 0.01)
