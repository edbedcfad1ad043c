"""kill -9 before and after every commit there is: nothing lost, nothing doubled, nobody needed."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .crash.points import MOMENTS, Point
from .postgres import Postgres

WORKERS = max(2, min(8, os.cpu_count() or 2))


class Zygote:
    """A process that has everything imported and forks a life for each order."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "crash" / "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def live(self, database: str, folder: Path, life: int, deadly: Point | None = None) -> int:
        """Live once; return the exit status, negative for the signal that ended it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        job = {"database": database, "folder": str(folder), "life": life, "deadly": deadly}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        ended: int = json.loads(self._process.stdout.readline())["ended"]
        return ended

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.communicate(timeout=30)


class Databases:
    """Empty databases of one kind, one after another."""

    def __init__(self, kind: str, postgres: Postgres | None) -> None:
        self._postgres = postgres if kind == "postgres" else None

    def open(self, folder: Path) -> str:
        if self._postgres is None:
            return f"sqlite:///{folder}/holdshort.db"
        return self._postgres.make()

    def close(self, url: str) -> None:
        if self._postgres is not None:
            self._postgres.empty(url)


@pytest.fixture(params=["sqlite", "postgres"])
def databases(request: pytest.FixtureRequest) -> Databases:
    kind: str = request.param
    return Databases(kind, request.getfixturevalue("postgres") if kind == "postgres" else None)


@pytest.fixture
def zygotes() -> Iterator[queue.SimpleQueue[Zygote]]:
    with ExitStack() as stack:
        free: queue.SimpleQueue[Zygote] = queue.SimpleQueue()
        for _ in range(WORKERS):
            free.put(stack.enter_context(Zygote()))
        yield free


@pytest.mark.parametrize("moment", MOMENTS)
def test_no_crash_loses_or_doubles_anything(
    moment: str,
    databases: Databases,
    zygotes: queue.SimpleQueue[Zygote],
    tmp_path: Path,
    subtests: pytest.Subtests,
) -> None:
    def run(name: str, deadly: Point | None) -> list[str]:
        """Play the story with a crash at this point; return what is wrong afterwards."""
        folder = tmp_path / name
        folder.mkdir()
        database = databases.open(folder)
        zygote = zygotes.get()
        try:
            return _crash(zygote, database, folder, deadly)
        finally:
            zygotes.put(zygote)
            databases.close(database)

    assert run("whole", None) == []
    passed = (tmp_path / "whole" / "passed-0").read_text(encoding="utf-8").splitlines()
    points: list[Point] = []
    for line in passed:
        number, _, found = line.partition(" ")
        if found == moment:
            points.append((int(number), moment))
    assert points == [(number, moment) for number in range(len(points))]
    assert 3 * len(points) == len(passed)
    assert len(points) > 30, "the story should have dozens of commits"

    with ThreadPoolExecutor(WORKERS) as pool:
        names = [f"killed-{number}" for number, _ in points]
        for point, wrong in zip(points, pool.map(run, names, points), strict=True):
            with subtests.test("killed", transaction=point[0]):
                assert wrong == []


def _crash(zygote: Zygote, database: str, folder: Path, deadly: Point | None) -> list[str]:
    ended = zygote.live(database, folder, 0, deadly)
    wanted = 0 if deadly is None else -signal.SIGKILL
    if ended != wanted:
        return [f"the first life ended with {ended}", _log(folder, 0)]
    if deadly is not None and zygote.live(database, folder, 1) != 0:
        return ["the second life did not come to the end", _log(folder, 1)]
    problems: list[Any] = json.loads((folder / "problems").read_text(encoding="utf-8"))
    return problems


def _log(folder: Path, life: int) -> str:
    return (folder / f"log-{life}").read_text(encoding="utf-8")[-4000:]
