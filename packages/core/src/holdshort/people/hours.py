"""The hours in which an office works."""

from __future__ import annotations

from datetime import date

from holdshort.localtime import moment, zone
from holdshort.record import Record


class Hours(Record):
    """Working hours: on some weekdays, from one time to another, holidays not."""

    timezone: str
    days: tuple[int, ...]
    opens: int
    """Minutes since midnight."""
    closes: int
    holidays: tuple[date, ...] = ()

    def on(self, day: date) -> tuple[int, int] | None:
        """Return from when to when (milliseconds UTC) is worked on a day; None where nobody does.

        Where the clocks change in between, the hours have as many minutes as really pass.
        """
        if day.weekday() not in self.days or day in self.holidays:
            return None
        where = zone(self.timezone)
        opens, closes = moment(day, self.opens, where), moment(day, self.closes, where)
        return (opens, closes) if opens < closes else None
