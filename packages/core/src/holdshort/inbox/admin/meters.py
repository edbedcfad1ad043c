"""How much of its limits an agent has used, as a bar and as words."""

from __future__ import annotations

from dataclasses import dataclass

from holdshort.limits import Limits, Usage, hour_of, spelled

#: From this share on a bar says that the limit is near.
_NEAR = 0.8


@dataclass(frozen=True)
class Meter:
    """One limit, and what is used of it."""

    label: str
    text: str
    share: float
    """0 to 1: what is beyond a limit fills its bar."""
    stands: str
    """`free`, `near` or `full`."""


def meters(used: Usage, limits: Limits | None, now: int) -> tuple[Meter, ...]:
    """Return one meter for each limit that is set; none where nothing is counted."""
    if limits is None:
        return ()
    hour, day, currency = used.in_hour(hour_of(now)), used.total, limits.currency
    return (
        *_count("Intents this hour", hour.intents, limits.intents_per_hour),
        *_count("Intents today", day.intents, limits.intents_per_day),
        *_cost("Cost this hour", hour.micros, limits.micros_per_hour, currency),
        *_cost("Cost today", day.micros, limits.micros_per_day, currency),
    )


def _count(label: str, used: int, limit: int | None) -> tuple[Meter, ...]:
    if limit is None:
        return ()
    return (_meter(label, used, limit, f"{used:,} of {limit:,}"),)


def _cost(label: str, used: int, limit: int | None, currency: str) -> tuple[Meter, ...]:
    if limit is None:
        return ()
    # What was paid back to the agent by a run that cost less than reserved never shows as less
    # than nothing.
    so_far = spelled(max(0, used), currency).removesuffix(f" {currency}")
    text = f"{so_far} of {spelled(limit, currency)}"
    return (_meter(label, used, limit, text),)


def _meter(label: str, used: int, limit: int, text: str) -> Meter:
    share = 1.0 if used >= limit else max(0.0, used / limit)
    stands = "full" if share >= 1 else "near" if share >= _NEAR else "free"
    return Meter(label, text, round(share, 3), stands)
