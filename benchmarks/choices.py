"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Choices:
    """The size of each measurement. Durations in seconds."""

    stores: tuple[str, ...]
    agents: tuple[int, ...]
    runs: int
    seconds: float
    warm_up: float
    samples: int
    """Of latency."""
    pending: tuple[int, ...]
    """Steps in which the database is filled with pending intents."""
    due: int
    """Of those pending, in the timer pass."""
    passes: int
    restarts: int
    waiters: tuple[int, ...]
    watched: float
    """For how long waiters are watched doing nothing."""


FULL = Choices(
    stores=("sqlite", "postgres"),
    agents=(1, 32, 256),
    runs=3,
    seconds=10.0,
    warm_up=2.0,
    samples=500,
    pending=(0, 10_000, 100_000, 1_000_000),
    due=100,
    passes=7,
    restarts=3,
    waiters=(0, 1_000, 5_000),
    watched=10.0,
)

QUICK = Choices(
    stores=("sqlite", "postgres"),
    agents=(1, 32, 256),
    runs=1,
    seconds=1.2,
    warm_up=0.3,
    samples=60,
    pending=(0, 1_000, 20_000),
    due=100,
    passes=2,
    restarts=1,
    waiters=(0, 200),
    watched=5.0,
)
