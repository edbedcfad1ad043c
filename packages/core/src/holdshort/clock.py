"""Where time comes from."""

from __future__ import annotations

import time


def _since_boot() -> float:
    """Seconds that pass even while the machine sleeps, and that nobody can set."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class Clock:
    """Milliseconds UTC that never go back and never jump.

    The machine's wall clock is read once, at the start; from then on time passes as the machine
    counts it since boot. Setting the wall clock an hour on or back therefore fires no timer early
    and repeats none. With PostgreSQL the database's clock is used instead.
    """

    def __init__(self) -> None:
        self._start = _since_boot()
        self._epoch = time.time()

    def now(self) -> int:
        """Return the time, in milliseconds UTC."""
        return round((self._epoch + _since_boot() - self._start) * 1000)

    def not_before(self, moment: int) -> None:
        """Move on to this moment if the clock is behind it (the log knows of a later time)."""
        behind = moment - self.now()
        if behind > 0:
            self._epoch += behind / 1000

    def ahead_of_wall(self) -> float:
        """Return by how many seconds this clock is ahead of the machine's wall clock."""
        return self.now() / 1000 - time.time()


class FakeClock(Clock):
    """A clock that stands still until a test moves it."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def not_before(self, moment: int) -> None:
        self._now = max(self._now, moment)

    def ahead_of_wall(self) -> float:
        return 0.0

    def advance(self, seconds: float) -> None:
        """Let this many seconds pass."""
        self._now += round(seconds * 1000)
