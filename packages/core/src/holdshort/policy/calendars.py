"""Counting working time only: an hour before the office closes on Friday ends on Monday."""

from __future__ import annotations

from datetime import timedelta

from holdshort.localtime import day_of, zone
from holdshort.people import Hours

#: Days that are looked through for working time; what takes longer ends with them. It bounds what a
#: calendar of a minute a week could cost.
MOST_DAYS = 40 * 366


def add_working(start: int, seconds: float, hours: Hours) -> int:
    """Return when that much working time has passed since `start` (milliseconds UTC).

    The answer is a working moment or the end of one: what begins outside the hours is counted from
    when they begin next.
    """
    left = round(seconds * 1000)
    day = day_of(start, zone(hours.timezone))
    for _ in range(MOST_DAYS):
        worked = hours.on(day)
        if worked is not None and start < worked[1]:
            begins = max(start, worked[0])
            if begins + left <= worked[1]:
                return begins + left
            left -= worked[1] - begins
        day += timedelta(days=1)
    return start + MOST_DAYS * 86_400_000


def working_between(start: int, end: int, hours: Hours) -> float:
    """Return how many seconds of working time lie between two moments (milliseconds UTC)."""
    where = zone(hours.timezone)
    day, last = day_of(start, where), day_of(end, where)
    total = 0
    while day <= last:
        worked = hours.on(day)
        if worked is not None:
            total += max(0, min(end, worked[1]) - max(start, worked[0]))
        day += timedelta(days=1)
    return total / 1000
