"""What a waiting client costs: memory, and CPU while nothing happens."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.choices import Choices
from benchmarks.databases import Databases
from benchmarks.report import Aim, Section, Table
from benchmarks.seed import Seed
from benchmarks.server import PATIENCE, Failed, Server

_MB = 2**20


def measure(databases: Databases, choices: Choices) -> Section:
    """Measure each number of waiters on a fresh server (SQLite)."""
    section = Section("waiters")
    columns = ("waiting", "resident, MB", "for each, KB", "CPU while nothing happens, % of a core")
    table = Table("Waiting long polls (SQLite)", columns)
    table.notes.append(
        "each on an intent and a connection of its own, all held by another process; for each: "
        f"connection, request and waiter together; CPU over {choices.watched:g} s"
    )
    database = databases.make("sqlite")
    server = Server(database.url, databases.folder)
    with server:
        pass
    seed = Seed(database.path)
    seed.fill(max(choices.waiters))
    found: dict[int, tuple[int, float]] = {}
    for count in choices.waiters:
        with server, _holding(server, seed.written[:count]):
            time.sleep(1.0)
            memory, cpu = server.resident_bytes(), server.cpu_seconds()
            time.sleep(choices.watched)
            found[count] = (memory, (server.cpu_seconds() - cpu) / choices.watched)
    for count, (memory, share) in found.items():
        each = f"{_each(found, count) / 1024:.1f}" if count else "-"
        table.rows.append((f"{count:,}", f"{memory / _MB:.1f}", each, f"{share * 100:.1f}"))
    section.tables.append(table)
    section.figures = {
        str(count): {"resident_bytes": memory, "cpu_share": share}
        for count, (memory, share) in found.items()
    }
    most = max(found)
    section.aims.append(
        Aim(
            f"memory a waiting client, {most:,} of them",
            "none set (Restate: 69 KB)",
            f"{_each(found, most) / 1024:.1f} KB",
            None,
        )
    )
    return section


def _each(found: dict[int, tuple[int, float]], count: int) -> float:
    return (found[count][0] - found[0][0]) / count


@contextmanager
def _holding(server: Server, intents: Sequence[str]) -> Iterator[None]:
    """Have a client wait for each of these; return when the server knows of all of them."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.hold"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        orders = {
            "host": server.host,
            "port": server.port,
            "key": server.keys["agent"],
            "intents": list(intents),
        }
        print(json.dumps(orders), file=holder.stdin, flush=True)
        if holder.stdout.readline().strip() != "waiting":
            raise Failed("the process that holds the waiters has ended")
        ends = time.monotonic() + PATIENCE
        while server.metrics()["holdshort_waiters"] != len(intents):
            if time.monotonic() > ends:
                raise Failed(f"the server does not know of {len(intents)} waiters")
            time.sleep(0.1)
        yield
        holder.stdin.close()
        if holder.stdout.readline().strip() != "held":
            raise Failed("a waiter was answered or lost, though nobody decided")
