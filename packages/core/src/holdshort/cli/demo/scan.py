"""What personal data a CSV file holds: looked for in every cell, and counted."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

_PATTERNS = {
    "e-mail": re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"),
    "phone": re.compile(r"\+?\d[\d ()./-]{7,}\d"),
}
#: Two or three capitalised words and nothing else. Cities can be that as well, so a column counts
#: as names only where nearly every cell looks like one.
_WORD = r"[^\W\d_]+(?:[-'][^\W\d_]+)*"
_NAME = re.compile(rf"{_WORD}(?: {_WORD}){{1,2}}")
_NEARLY_ALL = 0.9


@dataclass(frozen=True)
class Found:
    """A file as it was scanned."""

    columns: list[str]
    rows: int
    sha256: str
    personal_data: dict[str, dict[str, int]]
    """By column: how many cells hold which kind of personal data."""


def scan(path: Path) -> Found:
    """Read the whole file and return what it holds."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    columns = list(reader.fieldnames or ())
    return Found(
        columns=columns,
        rows=len(rows),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        personal_data={
            column: kinds
            for column in columns
            if (kinds := _kinds([row[column] or "" for row in rows]))
        },
    )


def _kinds(cells: list[str]) -> dict[str, int]:
    counts = Counter(
        kind for cell in cells for kind, pattern in _PATTERNS.items() if pattern.search(cell)
    )
    names = sum(map(_is_name, cells))
    if cells and names >= _NEARLY_ALL * len(cells):
        counts["name"] = names
    return dict(counts)


def _is_name(cell: str) -> bool:
    return bool(_NAME.fullmatch(cell)) and all(word[0].isupper() for word in cell.split())
