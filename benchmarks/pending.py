"""What pending intents cost: memory, timers, coming back after a crash. On one SQLite file that is
filled further and further.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from statistics import median

from benchmarks import passes, restart
from benchmarks.cast import Cast, hire
from benchmarks.choices import Choices
from benchmarks.cycles import generate, orders_for
from benchmarks.databases import Database, Databases
from benchmarks.report import Aim, Section, Table
from benchmarks.seed import Seed
from benchmarks.server import Failed, Server
from holdshort import audit

#: Agents that keep the server busy before its memory is read a second time.
BUSY = 32
#: How long a server is left alone before its memory is read (seconds): until its timers and outbox
#: have looked at the database.
SETTLE = 2.0
#: More memory than this between the last two steps would be growth (bytes): SQLite's page caches
#: fill up, at most 16 MB for each connection.
BOUND = 32 * 2**20
#: A pass with as much due may take so many times longer when far more is pending.
PASS_BOUND = 1.5
RESTART_AIM = 2.0
_MB = 2**20


def measure(databases: Databases, choices: Choices) -> Section:
    """Fill, and measure at every step; what is dear only at the largest."""
    section = Section("pending")
    database = databases.make("sqlite")
    server = Server(database.url, databases.folder)
    with server:
        cast = hire(server, BUSY)
    seed = Seed(database.path)
    memory = _Memory(server, database, cast, choices, section)
    timed: dict[int, passes.Passes] = {}
    for count in choices.pending:
        started = time.monotonic()
        seed.fill(count)
        print(f"  {count:,} pending ({time.monotonic() - started:.0f} s)", file=sys.stderr)
        memory.measure(count)
        # At a hundredth of the largest, and at the largest.
        if count and count in (choices.pending[-1], max(choices.pending[-1] // 100, 1000)):
            timed[count] = passes.measure(database, choices.due, choices.passes)
    with server:
        _check(server, seed)
    section.tables += [memory.table, _passes(timed, section)]
    memory.judge()
    largest = choices.pending[-1]
    section.tables.append(_restart(server, database, cast, choices, largest, section))
    size = database.path.stat().st_size
    section.tables[0].notes.append(f"the file with all of them: {size / 1e9:.2f} GB")
    return section


class _Memory:
    """Resident memory at every step, fresh and after some work."""

    def __init__(
        self, server: Server, database: Database, cast: Cast, choices: Choices, section: Section
    ) -> None:
        self._server = server
        self._database = database
        self._cast = cast
        self._choices = choices
        self._section = section
        self._found: dict[int, dict[str, float]] = {}
        columns = ("pending", "fresh, MB", "after work, MB", "after /metrics, MB")
        self.table = Table(
            "Resident memory of the server (SQLite)",
            (*columns, "growth for each pending, bytes", "GET /metrics, ms"),
        )
        self.table.notes = [
            "the rows were written in bulk, exactly as the engine writes them (seed.py), and the "
            "server was started on them; some were then read, their logs verified, and decided",
            f"fresh: {SETTLE:g} s after the start; after work: when {BUSY} agents had worked for "
            f"{choices.seconds:g} s, which fills SQLite's page caches",
            "growth: fresh, after work, after /metrics, which counts all that is stored",
        ]

    def measure(self, count: int) -> None:
        with self._server as server:
            time.sleep(SETTLE)
            found: dict[str, float] = {"fresh": server.resident_bytes()}
            generate(orders_for(server, self._database, self._cast, self._choices))
            found["worked"] = server.resident_bytes()
            started = time.perf_counter()
            server.metrics()
            found["metrics_ms"] = (time.perf_counter() - started) * 1000
            found["asked"] = server.resident_bytes()
            self._found[count] = found

    def judge(self) -> None:
        """Fill the table, and say whether memory grows with what is pending."""
        none, states = self._found[0], ("fresh", "worked", "asked")
        for count, found in self._found.items():
            each = (f"{(found[s] - none[s]) / count:,.1f}" if count else "-" for s in states)
            memory = (f"{found[state] / _MB:.1f}" for state in states)
            self.table.rows.append(
                (f"{count:,}", *memory, ", ".join(each), f"{found['metrics_ms']:.0f}")
            )
        counts = list(self._found)
        before, after = (self._found[count]["asked"] for count in counts[-2:])
        self._section.figures["memory"] = {str(n): found for n, found in self._found.items()}
        self._section.aims.append(
            Aim(
                f"memory, {counts[-2]:,} to {counts[-1]:,} pending",
                f"no growth with pending intents (page caches: {BOUND // _MB} MB)",
                f"{(after - before) / _MB:+.1f} MB",
                after - before < BOUND,
            )
        )


def _passes(timed: dict[int, passes.Passes], section: Section) -> Table:
    columns = ("pending", "due", "wall ms", "CPU ms", "nothing due: wall ms", "CPU ms")
    table = Table("One pass of the timers (SQLite)", columns)
    for count, found in timed.items():
        costs = (f"{median(one):.2f}" for one in (found.wall, found.cpu))
        idle = (f"{median(one):.3f}" for one in (found.idle_wall, found.idle_cpu))
        table.rows.append((f"{count:,}", str(found.due), *costs, *idle))
    table.notes.append(
        "median; a pass finds what is due, writes a reminder for each (event, state, delivery) and "
        "commits once, in a process that does nothing else; CPU over all its threads"
    )
    section.figures["timers"] = {
        str(count): {
            "due": found.due,
            "wall_ms": found.wall,
            "cpu_ms": found.cpu,
            "idle_wall_ms": found.idle_wall,
            "idle_cpu_ms": found.idle_cpu,
        }
        for count, found in timed.items()
    }
    few, many = min(timed), max(timed)
    at_few, at_many = timed[few], timed[many]
    ratio = median(at_many.cpu) / median(at_few.cpu)
    section.aims.append(
        Aim(
            f"timer pass, {at_many.due} due of {many:,}",
            f"costs what is due: CPU at most {PASS_BOUND} times that of {few:,} pending",
            f"{ratio:.2f} times ({median(at_many.cpu):.0f} ms)",
            ratio <= PASS_BOUND,
        )
    )
    return table


def _restart(
    server: Server,
    database: Database,
    cast: Cast,
    choices: Choices,
    pending: int,
    section: Section,
) -> Table:
    columns = ("pending", "run", "listening, s", "first intent accepted, s", "GET /ready, s")
    table = Table("From kill -9 to serving again (SQLite)", columns)
    table.notes.append("killed under load, with a write-ahead log that had to be recovered")
    work = replace(choices, seconds=min(choices.seconds, 3.0))
    found = []
    for run in range(choices.restarts):
        back = restart.measure(server, lambda s: generate(orders_for(s, database, cast, work)))
        found.append(back)
        times = (f"{one:.2f}" for one in (back.listening, back.accepted, back.ready))
        table.rows.append((f"{pending:,}", str(run + 1), *times))
    serving = median(max(back.accepted, back.ready) for back in found)
    section.figures["restart_seconds"] = [
        [back.listening, back.accepted, back.ready] for back in found
    ]
    section.aims.append(
        Aim(
            f"serving again after kill -9, {pending:,} pending",
            f"under {RESTART_AIM:g} s",
            f"{serving:.2f} s",
            serving < RESTART_AIM,
        )
    )
    return table


def _check(server: Server, seed: Seed) -> None:
    """Ask the server for some of what was written: all as if it had been filed over HTTP."""
    some = seed.written[:: max(1, len(seed.written) // 5)]
    for intent_id in some:
        found = server.call("GET", f"/v1/intents/{intent_id}", role="agent")
        if found["status"] != "WAITING" or found["intent"]["assigned"] != ["admin@localhost"]:
            raise Failed(f"{intent_id} is not as it was written: {found}")
        server.call(
            "POST", f"/v1/intents/{intent_id}/decision", {"outcome": "approved"}, role="person"
        )
        log: str = server.call("GET", f"/v1/audit/export?intent_id={intent_id}")
        verified = audit.verify(log.splitlines())
        if verified.broken is not None or verified.intents != 1:
            raise Failed(f"the log of {intent_id} does not hold together: {verified}")
