"""Durations as people write them: seconds, `timedelta`, `"5m"`, `"1h30m"`, `"2d"`."""

from __future__ import annotations

import math
import re
from datetime import timedelta

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")

#: Ten years: longer than any decision is waited for, short enough to stay exact in milliseconds.
LONGEST = 10 * 365 * 86400.0

#: Longer texts are no durations, and looking for one in them takes time that grows with the square.
_LONGEST_TEXT = 64


def seconds(value: float | str | timedelta) -> float:
    """Return a duration in seconds.

    Raises ValueError for anything that is not a duration from 0 to ten years.

    >>> seconds("1h30m")
    5400.0
    >>> seconds(90)
    90.0
    """
    if isinstance(value, timedelta):
        found = value.total_seconds()
    elif isinstance(value, bool):
        raise ValueError("a duration is a number of seconds or a text like '5m', not true or false")
    elif isinstance(value, int | float):
        # Compared before it is made a float: there are integers that no float can hold.
        found = float(value) if 0 <= value <= LONGEST else math.inf
    elif isinstance(value, str):
        found = _parse(value)
    else:
        raise ValueError(
            f"a duration is a number of seconds or a text like '5m', not {_short(value)}"
        )
    if not 0 <= found <= LONGEST:
        raise ValueError(f"a duration lies between 0 and ten years, {_short(value)} does not")
    return found


def _parse(text: str) -> float:
    compact = text.strip().lower() if len(text) <= _LONGEST_TEXT else ""
    if re.fullmatch(r"\d+(\.\d+)?", compact):
        return float(compact)
    if not compact or _PART.sub("", compact).strip():
        raise ValueError(
            f"{_short(text)} is not a duration; write for example '90s', '5m', '1h30m', '2d'"
        )
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(compact))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def spell(duration: float) -> str:
    """Write a duration in seconds the way people do, for example `8 h` or `1 h 30 min`."""
    if duration < 60:
        return f"{duration:g} s"
    parts, rest = [], round(duration)
    for size, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])
