"""Times of day where somebody lives: from a date and a time in a zone to a moment, and back.

Moments are milliseconds UTC, times of day are minutes since midnight, weekdays count from Monday
(0). A time that a change of clocks skips is taken as far after the change as it would have been
before it; one that happens twice is the first of the two. So every date has each time once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = 24 * 60
"""The end of a day, as a time of it."""

_ZONE = re.compile(r"UTC|[A-Za-z]{2,32}(/[A-Za-z0-9_+-]{1,32}){1,2}")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name. Raises ValueError for what is none.

    >>> zone("Europe/Lisbon").key
    'Europe/Lisbon'
    """
    if _ZONE.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            pass
    raise ValueError(f"{name!r} is no time zone: write a name such as Europe/Lisbon, or UTC")


def minutes(text: str) -> int:
    """Return a time of day as minutes since midnight. Raises ValueError for what is none.

    >>> minutes("09:30"), minutes("24:00")
    (570, 1440)
    """
    if not _TIME.fullmatch(text):
        raise ValueError(f"{text!r} is no time of day: write it as 09:30")
    hours, _, rest = text.partition(":")
    return int(hours) * 60 + int(rest)


def clock(minute: int) -> str:
    """Write minutes since midnight as a time of day.

    >>> clock(570)
    '09:30'
    """
    return f"{minute // 60:02d}:{minute % 60:02d}"


def weekdays(names: Iterable[str]) -> tuple[int, ...]:
    """Return weekdays as numbers, each once, in order. Raises ValueError for other words."""
    found = set()
    for name in names:
        if name not in DAYS:
            raise ValueError(f"{name!r} is no weekday: write {', '.join(DAYS)}")
        found.add(DAYS.index(name))
    return tuple(sorted(found))


def moment(day: date, minute: int, where: ZoneInfo) -> int:
    """Return when it is that time of that day there."""
    more, minute = divmod(minute, MIDNIGHT)
    clock = time(minute // 60, minute % 60)
    local = datetime.combine(day + timedelta(days=more), clock, where)
    return round(local.timestamp() * 1000)


def day_of(at: int, where: ZoneInfo) -> date:
    """Return which day it is there."""
    return datetime.fromtimestamp(at / 1000, where).date()


def parsed(text: str, where: ZoneInfo, *, end: bool = False) -> int:
    """Return the moment that a text says: a date is its first moment there (with `end`, its last),
    a time without an offset is one of that zone. Raises ValueError for what is neither.

    >>> parsed("2026-12-24T18:00:00+01:00", zone("UTC"))
    1798131600000
    """
    try:
        if len(text) == 10:
            return moment(date.fromisoformat(text), MIDNIGHT if end else 0, where)
        said = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no date or time: write 2026-12-24 or 2026-12-24T18:00:00+01:00"
        ) from None
    local = said if said.tzinfo else said.replace(tzinfo=where)
    if not 1970 < local.astimezone(UTC).year < 9000:
        raise ValueError(f"{text!r} is not a time of ours")
    return round(local.timestamp() * 1000)
