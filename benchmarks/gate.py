"""What is paid where no human is asked: the gate that lets a call pass, and the import."""

from __future__ import annotations

import statistics
import subprocess
import sys
import timeit

from benchmarks.choices import Choices
from benchmarks.databases import Databases
from benchmarks.report import Aim, Section, Table, middle
from holdshort import Client
from holdshort.gate import gate

CALLS = 200_000
ROUNDS = 7
IMPORTS = 9
IMPORT_AIM = 0.25
_IMPORT = """
import time
started = time.perf_counter()
from holdshort import Client
print(time.perf_counter() - started)
"""


def measure(databases: Databases, choices: Choices) -> Section:
    """Measure both."""
    section = Section("gate")
    bare, gated = _calls()
    imports = [_import() for _ in range(IMPORTS)]
    over = statistics.median(gated) - statistics.median(bare)
    table = Table("Where no human is asked", ("figure", "median (lowest-highest)"))
    table.rows = [
        ("call of the bare function, ns", middle(bare)),
        ("the same behind a gate whose `when` says no, ns", middle(gated)),
        ("`from holdshort import Client`, ms", middle([one * 1000 for one in imports])),
    ]
    section.tables.append(table)
    section.figures |= {"bare_ns": bare, "gated_ns": gated, "import_seconds": imports}
    typical = statistics.median(imports)
    section.aims = [
        Aim("gate on a call that needs no human", "none set", f"{over:,.0f} ns", None),
        Aim(
            "`from holdshort import Client`",
            f"under {IMPORT_AIM} s",
            f"{typical:.3f} s",
            typical < IMPORT_AIM,
        ),
    ]
    return section


def _calls() -> tuple[list[float], list[float]]:
    """Return nanoseconds a call: of a function, and of the same one behind a gate."""

    def pay(to: str, amount: int) -> int:
        return amount

    # Nothing is sent, so nobody need be there.
    with Client("http://127.0.0.1:9", api_key="unused") as client:
        guarded = gate(client, when=lambda to, amount: amount > 1000)(pay)
        return _timed(pay), _timed(guarded)


def _timed(call: object) -> list[float]:
    timer = timeit.Timer("call('ana', 10)", globals={"call": call})
    return [seconds / CALLS * 1e9 for seconds in timer.repeat(ROUNDS, CALLS)]


def _import() -> float:
    """Return how long it takes a fresh interpreter (seconds)."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True
    )
    return float(done.stdout)
