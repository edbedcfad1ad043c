"""From the decision to the agent's having it, one at a time, beside the bare commit."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import psycopg

from benchmarks.cast import hire
from benchmarks.choices import Choices
from benchmarks.cycles import generate, orders_for
from benchmarks.databases import Database, Databases
from benchmarks.report import Aim, Section, Table, percentile
from benchmarks.server import Server

#: Between asking and deciding (seconds): long enough for all that follows an ask to be over.
PAUSE = 0.02
#: The decision may take so much longer than a bare commit (milliseconds).
AIM = 3.0
# What a decision writes: the intent as it is then, and the events after the five of asking.
_SIZES = """
SELECT
    (SELECT avg(length(state)) FROM intents WHERE status = 'COMPLETED'),
    (SELECT avg(size) FROM (
        SELECT sum(length(line) + length(hash)) AS size FROM events
        WHERE seq > 5 GROUP BY intent_id) AS each)
"""


def measure(databases: Databases, choices: Choices) -> Section:
    """Measure on every store."""
    section = Section("latency")
    columns = ("store", "samples", "answer p50 ms", "p99 ms", "bare commit p50 ms", "p99 ms")
    table = Table("From decision to answer, one at a time", (*columns, "over it, p50 ms"))
    table.notes = [
        f"from sending the decision until the waiting agent has it, {PAUSE * 1000:g} ms after it "
        "began to wait, so that nothing else is under way",
        "bare commit: one row as large as what a decision writes, in the same database, from a "
        "process that does nothing else, right afterwards",
    ]
    for store in choices.stores:
        database = databases.make(store)
        with Server(database.url, databases.folder) as server:
            orders = orders_for(server, database, hire(server, 1), choices)
            # The time is a bound that is not reached: the number of samples ends the run.
            run = generate(
                replace(orders, samples=choices.samples, seconds=choices.samples, pause=PAUSE)
            )
        bare = sorted(_bare(database, choices.samples))
        waits = [wait * 1000 for wait in run.waits]
        ours, theirs = (
            [percentile(values, percent) for percent in (50, 99)] for values in (waits, bare)
        )
        over = ours[0] - theirs[0]
        figures = (f"{one:.2f}" for one in (*ours, *theirs, over))
        table.rows.append((store, str(len(waits)), *figures))
        section.figures[store] = {
            "answer_p50_ms": ours[0],
            "answer_p99_ms": ours[1],
            "bare_commit_p50_ms": theirs[0],
            "bare_commit_p99_ms": theirs[1],
            "samples": len(waits),
        }
        section.aims.append(
            Aim(
                f"decision to answer: {store}",
                f"within {AIM:g} ms of the bare commit (p50)",
                f"{over:+.2f} ms",
                over <= AIM,
            )
        )
    section.tables.append(table)
    return section


def _bare(database: Database, samples: int) -> list[float]:
    """Return how long each commit took, in milliseconds."""
    if database.store == "sqlite":
        with closing(sqlite3.connect(database.path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            text = _as_large_as(connection.execute(_SIZES).fetchone())
            connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, body TEXT)")

            def commit() -> None:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO bare (body) VALUES (?)", (text,))
                connection.execute("COMMIT")

            return _timed(commit, samples)
    with psycopg.connect(database.url, autocommit=True) as session:
        session.execute("SET search_path = holdshort")
        large = _as_large_as(session.execute(_SIZES).fetchone())
        session.execute(
            "CREATE TABLE bare (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body TEXT)"
        )
        # In autocommit mode the statement is the transaction: one round trip.
        return _timed(
            lambda: session.execute("INSERT INTO bare (body) VALUES (%s)", (large,)), samples
        )


def _as_large_as(sizes: tuple[float, float] | None) -> str:
    """Return a text that does not compress, as large as what a decision writes."""
    assert sizes is not None
    return os.urandom(int(sum(sizes)) // 2).hex()


def _timed(commit: Callable[[], object], samples: int) -> list[float]:
    spent = []
    for _ in range(samples):
        started = time.perf_counter()
        commit()
        spent.append((time.perf_counter() - started) * 1000)
        # As far apart as the decisions: what the disk does when it is left alone counts for both.
        time.sleep(PAUSE)
    return spent
