"""Plots as data for an SVG that a template draws: no script, no style attribute, every number also
in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from holdshort.durations import spell
from holdshort.server.figures import Times

#: The size of a plot, in its own units.
WIDTH, HEIGHT = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 8, 18, 32
_WIDEST = 48
#: What an axis of time may end with (seconds).
_ENDS = (
    1, 3, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 28_800, 86_400,
    2 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400, 90 * 86_400,
)  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """One value: a thin bar to its 95th percentile, a thick one to its median."""

    label: str
    shown: bool
    """Whether there is room for the label."""
    x: float
    width: float
    p50_y: float
    p50_height: float
    p95_y: float
    p95_height: float
    title: str


@dataclass(frozen=True)
class Plot:
    """A plot with one bar for each value."""

    bars: tuple[Bar, ...]
    lines: tuple[tuple[float, str], ...]
    """(y, what stands there), from below."""
    base: float


def duration(milliseconds: int) -> str:
    """Return a time as people say it.

    >>> duration(1500)
    '1.5 s'
    """
    if 0 < milliseconds < 100:
        return "< 0.1 s"
    if milliseconds < 10_000 and milliseconds % 1000:
        return f"{milliseconds / 1000:.1f} s"
    return spell(round(milliseconds / 1000))


def times_plot(values: Sequence[tuple[str, Times]]) -> Plot:
    """Return the plot of how long answers took; labels that would overlap are left out."""
    top = max((times.p95 for _, times in values), default=0) / 1000
    end = next((one for one in _ENDS if one >= top), max(top, 1))
    room = HEIGHT - _TOP - _BOTTOM
    slot = (WIDTH - _LEFT - _RIGHT) / max(1, len(values))
    width = min(slot * 0.7, _WIDEST)
    every = -(-len(values) * 90 // (WIDTH - _LEFT))

    def height(milliseconds: int) -> float:
        # What is there is seen, however short it was.
        return max(2.0, round(room * milliseconds / 1000 / end, 1))

    bars = tuple(
        Bar(
            label=label,
            shown=number % max(1, every) == 0,
            x=round(_LEFT + slot * (number + 0.5) - width / 2, 1),
            width=round(width, 1),
            p50_y=_TOP + room - height(times.p50),
            p50_height=height(times.p50),
            p95_y=_TOP + room - height(times.p95),
            p95_height=height(times.p95),
            title=f"{label}: half within {duration(times.p50)}, 95 % within {duration(times.p95)}, "
            f"{times.count} answers",
        )
        for number, (label, times) in enumerate(values)
    )
    lines = tuple(
        (_TOP + room - room * share, duration(round(end * share * 1000)) if share else "0")
        for share in (0, 0.5, 1)
    )
    return Plot(bars, lines, _TOP + room)
