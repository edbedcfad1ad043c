"""Who is away, and who stands in."""

from __future__ import annotations

from collections.abc import Iterable

from holdshort.record import Record

#: How many absences are followed from one deputy to the next.
LONGEST_CHAIN = 10


class Absence(Record):
    """A person is away for some time; a deputy is asked in their place."""

    id: str
    person: str
    since: int
    until: int
    """The first moment at which they are back."""
    deputy: str | None = None
    note: str = ""


class Away:
    """Who is away at one moment.

    Args:
        inactive: people who have left; they stand in for nobody.
        deputies: whether anybody stands in for anybody.
    """

    def __init__(
        self,
        absences: Iterable[Absence],
        at: int,
        *,
        inactive: frozenset[str] = frozenset(),
        deputies: bool = True,
    ) -> None:
        self._inactive = inactive
        self._deputies = deputies
        self._absences: dict[str, Absence] = {}
        # Of two that overlap, the one with a deputy holds; of two such, the one made first.
        for one in sorted(absences, key=lambda one: (one.deputy is None, one.id)):
            if one.since <= at < one.until:
                self._absences.setdefault(one.person, one)

    def __contains__(self, person: str) -> bool:
        return person in self._absences

    def absence(self, person: str) -> Absence | None:
        """Return the absence that holds for a person now."""
        return self._absences.get(person)

    def deputy(self, person: str, barred: str | None = None) -> str | None:
        """Return who stands in for somebody who is away.

        A deputy who is away as well is followed to theirs. Nobody stands in where that leads in a
        circle or too far, to nobody, to somebody who has left, or to whom duties bar from it.
        """
        seen = {person}
        while self._deputies and len(seen) <= LONGEST_CHAIN + 1:
            absence = self._absences.get(person)
            if absence is None:
                return None if person in self._inactive or person == barred else person
            if absence.deputy is None or absence.deputy in seen:
                return None
            person = absence.deputy
            seen.add(person)
        return None

    def represented_by(self, person: str) -> list[str]:
        """Return for whom this person stands in, in the order of their names."""
        if person in self._absences:
            return []
        return [one for one in sorted(self._absences) if self.deputy(one) == person]
