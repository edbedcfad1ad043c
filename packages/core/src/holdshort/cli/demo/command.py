"""The command `holdshort demo`."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from holdshort.cli import output
from holdshort.cli.command import examples_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", epilog=examples_of(["holdshort demo", "holdshort demo --live"]))(demo)


def demo(
    live: Annotated[
        bool, typer.Option("--live", help="Stop at the decision, and let me decide.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the folder, to look at afterwards.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document at the end; the rest on stderr.")
    ] = False,
) -> None:
    """Show the whole way of one export, from the agent's question to the verified log.

    Real processes, a real kill -9, a file with (invented) personal data, in a temporary folder. It
    checks what it shows, and fails where that is not so.
    """
    from holdshort.cli.demo.play import play
    from holdshort.cli.demo.stage import Failed, stage

    def ended(number: int, frame: object) -> None:
        raise SystemExit(128 + number)  # so that the stage is cleared

    signal.signal(signal.SIGTERM, ended)
    folder = Path(tempfile.mkdtemp(prefix="holdshort-demo-")).resolve()
    began = time.monotonic()
    told = sys.stderr if as_json else sys.stdout
    try:
        with stage(folder, told) as here:
            try:
                found = play(here, live=live)
            except Failed as failure:
                keep = True
                output.complain(f"the demo failed: {failure}. Its folder is left: {folder}")
                raise typer.Exit(1) from None
            seconds = round(time.monotonic() - began, 1)
            if as_json:
                output.document(
                    {"ok": True, "seconds": seconds, **found, "commands": here.commands}
                )
            here.say(f"\nDone in {seconds:g} s." + (f" Left to look at: {folder}" if keep else ""))
    finally:
        if not keep:
            _remove(folder)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
