"""Who is on call: a list of people who take turns, handed over at a time of the week."""

from __future__ import annotations

from datetime import date, timedelta

from holdshort.localtime import day_of, moment, zone
from holdshort.record import Record


class Override(Record):
    """Somebody takes a part of other people's turns."""

    since: int
    until: int
    person: str


class Rota(Record):
    """People who take turns of whole weeks. The first has the turn in which the rota starts; before
    and after, turns go round."""

    members: tuple[str, ...]
    starts: date
    weekday: int
    minute: int
    timezone: str
    every: int = 1
    """How many weeks a turn has."""
    overrides: tuple[Override, ...] = ()

    def turn(self, at: int) -> int:
        """Return the number of the turn at this moment; the one in which the rota starts is 0."""
        where = zone(self.timezone)
        first = self._first()
        weeks = (day_of(at, where) - first).days // 7
        if at < moment(first + timedelta(weeks=weeks), self.minute, where):
            weeks -= 1
        return weeks // self.every

    def handed_over_at(self, turn: int) -> int:
        """Return when a turn begins."""
        day = self._first() + timedelta(weeks=turn * self.every)
        return moment(day, self.minute, zone(self.timezone))

    def order(self, at: int) -> list[str]:
        """Return who is on call at this moment, and after them who is next should they be away."""
        first = self.turn(at) % len(self.members)
        members = [*self.members[first:], *self.members[:first]]
        taken = [one.person for one in self.overrides if one.since <= at < one.until]
        # What was said last holds.
        return list(dict.fromkeys([*taken[::-1][:1], *members]))

    @property
    def known(self) -> list[str]:
        """Everybody who is ever on call."""
        return list(dict.fromkeys([*self.members, *(one.person for one in self.overrides)]))

    def _first(self) -> date:
        """Return the day of the hand-over that begins the turn 0: on the start day or before."""
        return self.starts - timedelta(days=(self.starts.weekday() - self.weekday) % 7)
