"""Whom a message is for, and how they stand to what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdshort.models import Directory, Intent, Principal
from holdshort.policy.eligible import claimed_by, seat_of, why_not


@dataclass(frozen=True)
class Reader:
    """A recipient. Where a message is written from a notification, this is how it was then."""

    person: str
    on_behalf_of: str | None = None
    """Who is away, and whose place the reader takes here."""
    away_until: int | None = None
    """When that person is back (milliseconds UTC)."""
    claimed_by: str | None = None
    """Who has taken it, and keeps it."""
    why_not: str | None = None
    """Why the reader cannot answer, where that is known."""

    @classmethod
    def told(cls, person: str, data: dict[str, Any]) -> Reader:
        """Return the reader of a notification, from its data. Raises ValueError for a time that is
        none."""
        until = data.get("away_until")
        return cls(
            person,
            on_behalf_of=data.get("on_behalf_of"),
            away_until=round(datetime.fromisoformat(until).timestamp() * 1000) if until else None,
            claimed_by=data.get("claimed_by"),
        )

    @classmethod
    def now(cls, principal: Principal, intent: Intent, directory: Directory) -> Reader:
        """Return how a person stands to an open intent at this moment, by the rules that answers
        are taken by."""
        seat = seat_of(principal.id, intent, directory)
        return cls(
            principal.id,
            on_behalf_of=seat.on_behalf_of if seat is not None else None,
            away_until=seat.away_until if seat is not None else None,
            claimed_by=claimed_by(intent.current, directory),
            why_not=why_not(principal, intent, directory),
        )
