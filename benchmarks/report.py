"""What was found: tables for people, one document for programs, and where each figure stands."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

_MET = {True: "met", False: "**not met**", None: ""}


@dataclass
class Table:
    """One table: a row is the texts of its cells."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        lines = [f"### {self.title}", "", _row(self.columns), _row(["---"] * len(self.columns))]
        lines += [_row(row) for row in self.rows]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines)


@dataclass(frozen=True)
class Aim:
    """A figure beside what it should be. `met` is None where no aim was set."""

    what: str
    aim: str
    measured: str
    met: bool | None


@dataclass
class Section:
    """The outcome of one measurement: tables, aims, and all its figures."""

    name: str
    tables: list[Table] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass
class Report:
    """All sections of one run."""

    machine: Mapping[str, str]
    versions: Mapping[str, str]
    durability: dict[str, Mapping[str, str]]
    how: Sequence[str]
    sections: list[Section] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "durability": {store: dict(said) for store, said in self.durability.items()},
            "how": list(self.how),
            "aims": [asdict(aim) for section in self.sections for aim in section.aims],
            "figures": {section.name: section.figures for section in self.sections},
        }

    def head(self) -> str:
        """Return what it was measured on, as Markdown."""
        facts = [("machine", self.machine), ("versions", self.versions), *self.durability.items()]
        lines = [
            f"- {name}: " + ", ".join(f"{key} {value}" for key, value in said.items())
            for name, said in facts
        ]
        return "\n".join(["## Benchmarks", "", *lines, *(f"- {line}" for line in self.how)])

    def aims(self) -> str:
        """Return where each figure stands, as Markdown."""
        table = Table("Where each figure stands", ("figure", "aim", "measured", ""))
        table.rows = [
            (aim.what, aim.aim, aim.measured, _MET[aim.met])
            for section in self.sections
            for aim in section.aims
        ]
        return table.markdown()


def middle(values: Sequence[float], digits: int = 0) -> str:
    """Write the median of several runs, with the lowest and the highest."""
    text = f"{statistics.median(values):,.{digits}f}"
    if len(values) > 1:
        text += f" ({min(values):,.{digits}f}-{max(values):,.{digits}f})"
    return text


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return a percentile of values in order of size."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
