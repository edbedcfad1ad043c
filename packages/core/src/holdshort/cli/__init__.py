"""The command line: `holdshort`."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (0 done, 1 refused or failed, 2 usage, 130 Ctrl-C)."""
    from holdshort.cli.main import run

    return run(arguments)
