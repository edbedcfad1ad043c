from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdshort.durations import LONGEST, seconds, spell

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (0, 0.0),
        (90, 90.0),
        (1.5, 1.5),
        (timedelta(minutes=5), 300.0),
        (timedelta(milliseconds=1), 0.001),
        ("90", 90.0),
        ("1.5", 1.5),
        ("250ms", 0.25),
        ("5m", 300.0),
        (" 5M ", 300.0),
        ("1h30m", 5400.0),
        ("1 h 30 m", 5400.0),
        ("1.5h", 5400.0),
        ("2d", 172800.0),
        ("1w", 604800.0),
        ("0s", 0.0),
        (LONGEST, LONGEST),
        ("3650d", LONGEST),
    ],
)
def test_what_people_write(said: Any, meant: float) -> None:
    found = seconds(said)
    assert found == meant
    assert type(found) is float


@pytest.mark.parametrize(
    "said",
    [
        "",
        "  ",
        "m",
        "5x",
        "5 minutes please",
        "1h 5",
        "1,5h",
        "-5m",
        "5m-",
        "1h-5m",
        "1e3",
        "nan",
        "inf",
        "1..5h",
        "²s",
        -1,
        -0.001,
        float("nan"),
        float("inf"),
        LONGEST + 1,
        "3651d",
        "9" * 60,
        10**400,
        -(10**400),
        timedelta.max,
        timedelta(seconds=-1),
        True,
        False,
        None,
        [],
        {"seconds": 5},
        b"5m",
    ],
)
def test_what_is_no_duration_is_refused(said: Any) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds(said)


@pytest.mark.parametrize("said", ["1" * 500_000 + "x", "1 " * 250_000 + "x", "1." * 250_000])
def test_a_huge_text_is_refused_at_once_and_not_repeated(said: str) -> None:
    """An agent's request may hold a megabyte here; reading it may not stall the server."""
    started = time.perf_counter()
    with pytest.raises(ValueError, match="duration") as refusal:
        seconds(said)
    assert time.perf_counter() - started < 1
    assert len(str(refusal.value)) < 500


parts = st.tuples(st.integers(0, 99), st.sampled_from(sorted(UNITS)))


@given(
    said=st.lists(parts, min_size=1, max_size=4),
    between=st.sampled_from(["", " "]),
    upper=st.booleans(),
)
def test_parts_add_up(said: list[tuple[int, str]], between: str, upper: bool) -> None:
    text = between.join(f"{number}{between}{unit}" for number, unit in said)
    meant = sum(number * UNITS[unit] for number, unit in said)
    assert seconds(text.upper() if upper else text) == pytest.approx(meant)


@given(st.one_of(st.text(), st.text("0123456789. mshdw"), st.floats(), st.integers()))
def test_anything_is_in_bounds_or_refused(said: Any) -> None:
    try:
        found = seconds(said)
    except ValueError:
        return
    assert 0 <= found <= LONGEST


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (0, "0 s"),
        (0.25, "0.25 s"),
        (1, "1 s"),
        (59.5, "59.5 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (28800, "8 h"),
        (86400, "1 d"),
        (90061, "1 d 1 h"),
        (366 * 86400, "366 d"),
    ],
)
def test_spell(duration: float, words: str) -> None:
    assert spell(duration) == words


@given(st.floats(60, LONGEST))
def test_a_spelling_is_as_near_as_two_units_allow(duration: float) -> None:
    words = spell(duration).replace("min", "m")
    smallest = {"s": 1, "m": 60, "h": 3600, "d": 86400}[words.split()[-1]]
    assert abs(seconds(words) - duration) <= max(smallest, 0.5)
