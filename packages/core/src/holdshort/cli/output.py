"""What a command shows: tables and lines for people, one JSON document for scripts.

Text that agents or reviewers wrote goes through `escape` on its way to a terminal, and no text is
read as markup. Nothing is cut: what does not fit is wrapped.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from holdshort.durations import spell
from holdshort.visible import visible

if TYPE_CHECKING:
    from rich.console import Console


def escape(text: Any) -> str:
    """Return a value as one line that is safe on a terminal; nothing at all for None."""
    return "" if text is None else visible(str(text))


def line(text: str = "") -> None:
    """Print a line of our own making, at once: somebody may be following."""
    print(text, flush=True)


def note(text: str) -> None:
    """Say something beside the result, on standard error."""
    print(text, file=sys.stderr)


def complain(text: str) -> None:
    """Say what went wrong, on standard error."""
    print(f"error: {text}", file=sys.stderr)


def document(value: Any, *, indent: int | None = 2) -> None:
    """Print one JSON document; in ASCII, so that it too is safe to look at."""
    print(json.dumps(value, indent=indent), flush=True)


def _console() -> Console:
    from rich.console import Console

    # What is read by a program has lines as long as they are; a person's are folded.
    width = None if sys.stdout.isatty() else 100_000
    return Console(width=width, markup=False, highlight=False, emoji=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table; cells are escaped and never cut: what is too wide for the terminal is printed
    row by row instead, one cell a line."""
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    cells = [[escape(cell) for cell in row] for row in rows]
    console = _console()
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    if sum(widths) + 3 * len(widths) > console.width:
        _print_rows(columns, cells)
        return
    style = "none" if os.environ.get("NO_COLOR") else "bold"
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style=style)
    for name in columns:
        shown.add_column(Text(name), overflow="fold")
    for row in cells:
        shown.add_row(*map(Text, row))
    console.print(shown)


def _print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    width = max(map(len, columns))
    for row in rows:
        for name, cell in zip(columns, row, strict=True):
            if cell:
                print(f"{name:<{width}}  {cell}")
        print()


def quote(title: str, lines: Iterable[str]) -> None:
    """Print somebody else's words in a box that says whose they are."""
    from rich.panel import Panel
    from rich.text import Text

    console = _console()
    text = Text("\n".join(escape(one) for one in lines), overflow="fold")
    width = None if sys.stdout.isatty() else 100
    console.print(Panel(text, title=Text(escape(title)), title_align="left", width=width))


def paragraphs(text: str) -> list[str]:
    """Return a text's own lines: line breaks stay, whatever else does not show is escaped later."""
    return text.split("\n")


def pretty(value: Any) -> list[str]:
    """Return a JSON value as lines; what JSON escapes stays escaped."""
    return json.dumps(value, indent=2, ensure_ascii=False).split("\n")


def when(iso: str | None) -> str:
    """Return a time with how far away it is: `2026-01-02 12:00:00Z (in 8 h)`."""
    if not iso:
        return ""
    return f"{iso[:10]} {iso[11:19]}Z ({away(iso)})"


def away(iso: str | None) -> str:
    """Return how far away a time is: `in 8 h`, `3 min ago`."""
    if not iso:
        return ""
    apart = datetime.fromisoformat(iso).timestamp() - time.time()
    distance = spell(round(abs(apart)))
    return f"in {distance}" if apart > 0 else f"{distance} ago"


def compact(value: Any) -> str:
    """Return a JSON value on one line."""
    return json.dumps(value, ensure_ascii=False)
