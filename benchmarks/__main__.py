"""The command."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks import cycles, gate, latency, pending, waiters
from benchmarks.choices import FULL, QUICK, Choices
from benchmarks.databases import STORES, Databases, databases, durability
from benchmarks.machine import machine, versions
from benchmarks.report import Report, Section
from benchmarks.server import HOW, Failed, Server

MEASUREMENTS: dict[str, Callable[[Databases, Choices], Section]] = {
    "cycles": cycles.measure,
    "latency": latency.measure,
    "waiters": waiters.measure,
    "pending": pending.measure,
    "gate": gate.measure,
}


def main() -> int:
    """Measure, print, and say 1 where something went wrong."""
    asked = _arguments()
    choices = _choices(asked)
    # A waiter costs two open files: one in the server and one in who measures.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    started = time.monotonic()
    with databases() as made:
        report = Report(
            machine(), versions(), {s: _durability(made, s) for s in choices.stores}, [HOW]
        )
        print(report.head(), flush=True)
        try:
            for name in asked.only or MEASUREMENTS:
                begun = time.monotonic()
                section = MEASUREMENTS[name](made, choices)
                print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
                report.sections.append(section)
                for table in section.tables:
                    print(f"\n{table.markdown()}", flush=True)
        except Failed as failure:
            print(f"FAILED: {failure}", file=sys.stderr)
            return 1
    print(f"\n{report.aims()}")
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    _write(asked, report)
    return 0


def _write(asked: argparse.Namespace, report: Report) -> None:
    targets: list[Path] = [asked.json] if asked.json else []
    if asked.save:
        day = report.machine["measured"].partition(" ")[0]
        folder = Path(__file__).parent / "results"
        folder.mkdir(exist_ok=True)
        targets.append(folder / f"{day}-{report.machine['cores']}core.json")
    for target in targets:
        target.write_text(json.dumps(report.document(), indent=1) + "\n")
        print(f"written to {target}", file=sys.stderr)


def _durability(made: Databases, store: str) -> dict[str, str]:
    database = made.make(store)
    with Server(database.url, made.folder):
        pass  # so that the database is one that Holdshort made
    return durability(database)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller counts: under 2 minutes")
    parser.add_argument(
        "--only", action="append", choices=list(MEASUREMENTS), help="one measurement; repeatable"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    parser.add_argument(
        "--save", action="store_true", help="write them to benchmarks/results/ as well"
    )
    parser.add_argument("--store", action="append", choices=STORES, help="repeatable")
    parser.add_argument("--agents", type=int, action="append", help="at once; repeatable")
    parser.add_argument("--seconds", type=float, help="of each run of cycles")
    parser.add_argument("--runs", type=int, help="of cycles, for their median")
    return parser.parse_args()


def _choices(asked: argparse.Namespace) -> Choices:
    choices = QUICK if asked.quick else FULL
    if asked.store:
        choices = replace(choices, stores=tuple(asked.store))
    if asked.agents:
        choices = replace(choices, agents=tuple(asked.agents))
    if asked.seconds:
        choices = replace(choices, seconds=asked.seconds)
    if asked.runs:
        choices = replace(choices, runs=asked.runs)
    return choices


if __name__ == "__main__":
    sys.exit(main())
