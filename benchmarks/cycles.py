"""Full cycles a second over HTTP, and what each costs: CPU, commits, fsyncs."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.cast import Cast, hire
from benchmarks.choices import Choices
from benchmarks.databases import Database, Databases
from benchmarks.load import Findings, Orders
from benchmarks.report import Aim, Section, Table, middle, percentile
from benchmarks.server import PATIENCE, Failed, Server

#: The fastest of the other engines at 32 concurrent on 2 cores (issue 2, section 4).
FASTEST_OTHER = 830
CPU_AIM = 1.2
FSYNC_AIM = 0.2


@dataclass(frozen=True)
class Level:
    """All runs at one number of agents on one database."""

    store: str
    agents: int
    runs: list[Findings]
    commits: float
    """A cycle."""
    fsyncs: float | None
    """A cycle, as PostgreSQL counts; None where nobody counts."""

    def each(self, value: str) -> list[float]:
        """Return a figure of each run: `rate`, or CPU milliseconds a cycle."""
        if value == "rate":
            return [run.cycles / run.seconds for run in self.runs]
        return [getattr(run, value) / run.cycles * 1000 for run in self.runs]


def measure(databases: Databases, choices: Choices) -> Section:
    """Measure every level on every store; then count fsyncs on SQLite, where strace is there."""
    section = Section("cycles")
    columns = (
        *("store", "agents", "cycles/s", "answer p50, p99 ms", "server CPU ms/cycle"),
        *("database CPU ms/cycle", "generator CPU ms/cycle", "busy: server, generator, others"),
        *("commits/cycle", "fsyncs/cycle"),
    )
    table = Table("Cycles: ask, wait, decide, answer received", columns)
    levels = []
    for store in choices.stores:
        for agents in choices.agents:
            level = _level(databases.make(store), databases.folder, agents, choices)
            levels.append(level)
            table.rows.append(_row(level))
            print(f"  {store}, {agents} agents: {table.rows[-1][2]} cycles/s", file=sys.stderr)
    table.notes = [
        f"median (lowest-highest) of {choices.runs} runs of {choices.seconds:g} s, each after "
        f"{choices.warm_up:g} s of warm-up; every answer was checked: approved, and the right one",
        "busy: share of one core; whoever is near 100 % is what the rate is bounded by. Others: "
        "what else this machine did, PostgreSQL not counted; where it is much, the rates are low",
        "commits: from /metrics; fsyncs on PostgreSQL: from pg_stat_io, checkpoints included",
    ]
    section.tables.append(table)
    section.figures["levels"] = [
        {**asdict(level), "runs": [_without_waits(run) for run in level.runs]} for level in levels
    ]
    counted = None
    if "sqlite" in choices.stores:
        counted = _traced(databases, choices, section)
    for level in levels:
        section.aims += _aims(level, counted)
    return section


def generate(orders: Orders) -> Findings:
    """Run the load generator in a process of its own. Raises Failed if anything went wrong."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(orders)),
        capture_output=True,
        text=True,
        timeout=orders.warm_up + orders.seconds + PATIENCE,
        check=False,
    )
    if done.returncode:
        raise Failed(f"the load generator ended with {done.returncode}:\n{done.stderr[-4000:]}")
    findings = Findings(**json.loads(done.stdout))
    if findings.errors:
        raise Failed(f"{findings.errors} errors, the first of them: {'; '.join(findings.told)}")
    if not findings.cycles:
        raise Failed("not one cycle was finished in the time that counts")
    return findings


def orders_for(server: Server, database: Database, cast: Cast, choices: Choices) -> Orders:
    """Return orders for a run in which all of this cast take part."""
    return Orders(
        host=server.host,
        port=server.port,
        agent_keys=cast.agents,
        reviewer_keys=cast.reviewers,
        reviewers=cast.addresses,
        warm_up=choices.warm_up,
        seconds=choices.seconds,
        server_pid=server.pid,
        database_pid=database.pid,
    )


def _level(database: Database, folder: Path, agents: int, choices: Choices) -> Level:
    with Server(database.url, folder) as server:
        cast = hire(server, agents)
    # PostgreSQL's processes report what they counted when they end, which is why the server is
    # started anew: what it did to get the keys made is no part of a cycle.
    syncs = database.fsyncs()
    with server:
        orders = orders_for(server, database, cast, choices)
        commits = server.metrics()["holdshort_commits_total"]
        runs = [generate(orders) for _ in range(choices.runs)]
        commits = server.metrics()["holdshort_commits_total"] - commits
    cycles = sum(run.all_cycles for run in runs)
    after = database.fsyncs()
    fsyncs = None if syncs is None or after is None else (after - syncs) / cycles
    return Level(database.store, agents, runs, commits / cycles, fsyncs)


def _row(level: Level) -> Sequence[str]:
    waits = sorted(wait * 1000 for run in level.runs for wait in run.waits)
    busy = [
        statistics.median(spent / run.seconds for run, spent in zip(level.runs, each, strict=True))
        for each in (
            [run.server_cpu for run in level.runs],
            [run.own_cpu for run in level.runs],
            [max(0.0, run.machine_cpu - _ours(run)) for run in level.runs],
        )
    ]
    return (
        level.store,
        str(level.agents),
        middle(level.each("rate")),
        f"{percentile(waits, 50):.1f}, {percentile(waits, 99):.1f}",
        middle(level.each("server_cpu"), 2),
        "-" if level.store == "sqlite" else middle(level.each("database_cpu"), 2),
        middle(level.each("own_cpu"), 2),
        ", ".join(f"{share:.0%}" for share in busy),
        f"{level.commits:.2f}",
        "-" if level.fsyncs is None else f"{level.fsyncs:.2f}",
    )


def _ours(run: Findings) -> float:
    return run.server_cpu + run.database_cpu + run.own_cpu


def _aims(level: Level, counted: float | None) -> list[Aim]:
    at = f"{level.store}, {level.agents} agents"
    aims = []
    if level.agents == 32:
        rate = statistics.median(level.each("rate"))
        aims.append(
            Aim(
                f"cycles/s: {at}",
                f"more than any other engine ({FASTEST_OTHER})",
                f"{rate:,.0f}",
                rate > FASTEST_OTHER,
            )
        )
    if level.agents == 256:
        cost = statistics.median(level.each("server_cpu"))
        aims.append(
            Aim(f"server CPU: {at}", f"{CPU_AIM} ms/cycle", f"{cost:.2f} ms", cost <= CPU_AIM)
        )
        fsyncs = counted if level.store == "sqlite" else level.fsyncs
        if fsyncs is not None:
            aims.append(
                Aim(f"fsyncs: {at}", f"{FSYNC_AIM}/cycle", f"{fsyncs:.2f}", fsyncs <= FSYNC_AIM)
            )
    return aims


def _traced(databases: Databases, choices: Choices, section: Section) -> float | None:
    """Count fsyncs on SQLite with strace, in a run that is not timed; return fsyncs a cycle at the
    most agents."""
    strace = shutil.which("strace")
    table = Table("fsyncs on SQLite", ("agents", "commits/cycle", "fsyncs/cycle", "fsyncs/commit"))
    section.tables.append(table)
    if strace is None:
        table.notes.append("strace is not there, so nobody counted: WAL syncs once a commit (FULL)")
        return None
    counted = None
    for agents in choices.agents:
        database = databases.make("sqlite")
        found = databases.folder / "strace"
        around = [strace, "-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync,fdatasync"]
        with Server(database.url, databases.folder, around=[*around, "-o", str(found)]) as server:
            cast = hire(server, agents)
            at_first = _lines(found)
            commits = server.metrics()["holdshort_commits_total"]
            run = generate(orders_for(server, database, cast, choices))
            commits = server.metrics()["holdshort_commits_total"] - commits
            fsyncs = _lines(found) - at_first
        counted = fsyncs / run.all_cycles
        each = (commits / run.all_cycles, counted, fsyncs / commits)
        table.rows.append((str(agents), *(f"{one:.2f}" for one in each)))
        section.figures.setdefault("traced", []).append(
            {"agents": agents, "commits": commits, "fsyncs": fsyncs, "cycles": run.all_cycles}
        )
    table.notes.append("counted by strace in a run of its own; checkpoints are the part above 1")
    return counted


def _lines(path: Path) -> int:
    """Return how many calls were written down, each counted once where strace split it in two."""
    return sum("resumed>" not in line for line in path.read_text().splitlines())


def _without_waits(run: Findings) -> dict[str, Any]:
    figures = asdict(run)
    waits = figures.pop("waits")
    return figures | {
        "answer_p50_ms": percentile(waits, 50) * 1000,
        "answer_p99_ms": percentile(waits, 99) * 1000,
    }
