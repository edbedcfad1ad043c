"""How a person wants to be told of things."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from holdshort.localtime import day_of, moment, zone
from holdshort.record import Record

Tell = Literal["all", "first"]
"""On every channel, or on the first that takes it."""


class Quiet(Record):
    """Hours in which a person is not told of what can wait. They may go over midnight."""

    begins: int
    """Minutes since midnight, where the person lives."""
    ends: int
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """The weekdays on which they begin."""

    def over_at(self, at: int, timezone: str) -> int | None:
        """Return when the quiet hours that hold at this moment end; None where none do."""
        where = zone(timezone)
        today = day_of(at, where)
        for day in (today - timedelta(days=1), today):
            if day.weekday() not in self.days:
                continue
            last = day if self.ends > self.begins else day + timedelta(days=1)
            end = moment(last, self.ends, where)
            if moment(day, self.begins, where) <= at < end:
                return end
        return None


class Contact(Record):
    """How a person wants to be told: by which channels, and when not."""

    channels: tuple[str, ...] | None = None
    """The channels in the order of preference; None is what holds for everybody."""
    tell: Tell = "all"
    timezone: str | None = None
    """An IANA name; None is the tenant's."""
    quiet: Quiet | None = None
    known_to: frozenset[str] = frozenset()
    """The channels that need an address of their own and have this person's."""
