from __future__ import annotations

import time

from holdshort.clock import Clock, FakeClock


def test_the_clock_says_the_wall_time_in_milliseconds() -> None:
    before = time.time()
    now = Clock().now()
    assert before - 0.002 <= now / 1000 <= time.time() + 0.002
    assert type(now) is int


def test_the_clock_never_goes_back() -> None:
    clock = Clock()
    times = [clock.now() for _ in range(10_000)]
    assert times == sorted(times)


def test_the_clock_is_moved_on_but_never_back() -> None:
    clock = Clock()
    start = clock.now()
    clock.not_before(start - 3_600_000)
    assert start <= clock.now() < start + 60_000
    clock.not_before(start + 3_600_000)
    assert start + 3_600_000 <= clock.now() < start + 3_660_000
    assert 3500 < clock.ahead_of_wall() < 3700


def test_time_passes_as_the_machine_counts_it_since_boot() -> None:
    """Only the start is read from the wall, so setting the wall clock fires no timer."""
    clock, counted = Clock(), time.monotonic()
    start = clock.now()
    while time.monotonic() - counted < 0.05:
        pass
    assert 49 <= clock.now() - start <= (time.monotonic() - counted) * 1000 + 2


def test_the_fake_clock_stands_until_it_is_moved() -> None:
    clock = FakeClock(1000)
    assert clock.now() == 1000
    assert clock.now() == 1000
    clock.advance(0.0015)
    assert clock.now() == 1002
    clock.advance(-1)
    assert clock.now() == 2
    clock.not_before(1)
    assert clock.now() == 2
    clock.not_before(5000)
    assert clock.now() == 5000
    assert clock.ahead_of_wall() == 0.0


def test_the_fake_clock_is_a_clock() -> None:
    assert isinstance(FakeClock(), Clock)
