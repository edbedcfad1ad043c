"""What one agent may ask for: how often, for how much, and what at all.

Amounts are whole millionths of the currency's unit (`micros`), so that sums are exact. An hour and
a day are those of UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Literal

from pydantic import Field

from holdshort.record import Record

MICROS = 1_000_000
HOUR = 3_600_000
DAY = 24 * HOUR
#: No single amount is larger than this (micros): sums of them stay whole numbers everywhere.
LARGEST = 10**12 * MICROS

EVERY_AGENT = "*"
"""Under this name stands what holds for agents that have no limits of their own."""

Breach = Literal["block", "alert", "require_approval"]


class Cost(Record):
    """What something may cost, or has cost."""

    micros: int
    currency: str
    bound: bool = False
    """Whether it stands in what is approved: then a report can only add to it."""


class Scope(Record):
    """Which names are allowed: those of `allow`, or all where it is empty, but none of `deny`. A
    `*` at the end of a pattern stands for any rest."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def permits(self, name: str) -> bool:
        if any(_matches(pattern, name) for pattern in self.deny):
            return False
        return not self.allow or any(_matches(pattern, name) for pattern in self.allow)


class Limits(Record):
    """The limits of one agent; None is no limit."""

    intents_per_hour: int | None = None
    intents_per_day: int | None = None
    micros_per_hour: int | None = None
    micros_per_day: int | None = None
    currency: str = "USD"
    on_breach: Breach = "block"
    approvers: tuple[str, ...] = ()
    """Who is asked, or told, where a limit is passed; none: the tenant's default reviewers."""
    require_cost: bool = False
    """Whether an intent with an action has to say what it may cost."""
    intent_types: Scope = Scope()
    tools: Scope = Scope()

    @property
    def counts(self) -> bool:
        """Whether anything has to be counted for these limits."""
        return any(
            one is not None
            for one in (
                self.intents_per_hour,
                self.intents_per_day,
                self.micros_per_hour,
                self.micros_per_day,
            )
        )

    @property
    def caps_cost(self) -> bool:
        return self.micros_per_hour is not None or self.micros_per_day is not None


class Tally(Record):
    """What was asked for in one hour: how many intents, and for how much."""

    intents: int = 0
    micros: int = 0


class Usage(Record):
    """What one agent asked for on one day, hour by hour (0 to 23)."""

    hours: dict[int, Tally] = Field(default_factory=dict)

    def plus(self, hour: int, *, intents: int = 0, micros: int = 0) -> Usage:
        """Return this with something added to (or, where negative, taken from) one hour."""
        known = self.hours.get(hour, Tally())
        tally = Tally(intents=known.intents + intents, micros=known.micros + micros)
        return Usage(hours=self.hours | {hour: tally})

    def in_hour(self, hour: int) -> Tally:
        return self.hours.get(hour, Tally())

    @property
    def total(self) -> Tally:
        """The whole day."""
        return Tally(
            intents=sum(one.intents for one in self.hours.values()),
            micros=sum(one.micros for one in self.hours.values()),
        )


def day_of(moment: int) -> int:
    """Return the day, in days since 1970, of a moment (milliseconds UTC)."""
    return moment // DAY


def hour_of(moment: int) -> int:
    """Return the hour of the day, 0 to 23 UTC, of a moment (milliseconds UTC)."""
    return moment % DAY // HOUR


def micros_of(amount: object) -> int:
    """Return an amount in micros.

    Raises ValueError for what is negative, no number, not finite, too large, or finer than a
    millionth.

    Example:
        >>> micros_of(0.1), micros_of("12.50")
        (100000, 12500000)
    """
    if isinstance(amount, bool) or not isinstance(amount, int | float | str | Decimal):
        raise ValueError("an amount is a number, such as 12.5")
    try:
        exact = Decimal(str(amount).strip())
    except InvalidOperation:
        raise ValueError(f"{amount!r:.40} is no amount: write a number, such as 12.5") from None
    if not exact.is_finite():
        raise ValueError(f"{amount!r:.40} is no amount: write a number, such as 12.5")
    if exact < 0:
        raise ValueError("an amount is never negative: nothing is earned by asking")
    if exact > LARGEST // MICROS:
        raise ValueError(f"an amount is at most {LARGEST // MICROS}")
    micros = exact * MICROS
    if micros != micros.to_integral_value():
        raise ValueError("an amount has at most six decimals")
    return int(micros)


def amount_of(micros: int) -> float:
    """Return micros as a number of units, as the API shows it."""
    return float(Decimal(micros) / MICROS)


def spelled(micros: int, currency: str) -> str:
    """Return an amount in words for people, exact.

    Example:
        >>> spelled(12_500_000, "USD"), spelled(3_000_000, "EUR")
        ('12.50 USD', '3 EUR')
    """
    exact = Decimal(micros) / MICROS
    whole = exact == exact.to_integral_value()
    plain = f"{exact:,.0f}" if whole else f"{exact.normalize():,f}"
    if not whole and len(plain.partition(".")[2]) == 1:
        plain += "0"
    return f"{plain} {currency}"


def ends(moment: int, span: int) -> str:
    """Return when the hour or the day (`HOUR`, `DAY`) of a moment ends, in RFC 3339."""
    end = (moment // span + 1) * span
    return datetime.fromtimestamp(end // 1000, UTC).isoformat().replace("+00:00", "Z")


def _matches(pattern: str, name: str) -> bool:
    prefix = pattern.removesuffix("*")
    return name == pattern or (prefix != pattern and name.startswith(prefix))
