from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdshort.notify.backoff import MAX_ATTEMPTS, next_try

rngs = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 10_000), rngs)
def test_waits_between_half_of_the_step_and_the_step(attempts: int, rng: float) -> None:
    step = min(6 * 3600.0, 5.0 * 3.0 ** min(attempts - 1, 50))
    assert step / 2 <= next_try(attempts, rng=rng) <= step


@given(st.integers(-5, 10_000), rngs)
def test_never_at_once_and_never_beyond_the_limit(attempts: int, rng: float) -> None:
    assert 2.5 <= next_try(attempts, rng=rng) <= 6 * 3600


@given(st.integers(1, 100), rngs)
def test_never_sooner_the_more_tries_failed(attempts: int, rng: float) -> None:
    assert next_try(attempts + 1, rng=rng) >= next_try(attempts, rng=rng)


def test_failures_of_one_moment_spread_out() -> None:
    assert len({next_try(4, rng=n / 100) for n in range(100)}) == 100


def test_a_day_without_the_endpoint_loses_nothing() -> None:
    waits = range(1, MAX_ATTEMPTS)
    shortest = sum(next_try(n, rng=0.0) for n in waits) / 3600
    longest = sum(next_try(n, rng=1.0) for n in waits) / 3600
    assert (round(shortest, 1), round(longest, 1)) == (26.3, 52.6)
