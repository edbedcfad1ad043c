"""A store that counts its commits and kills its own process at one of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from holdshort.store.base import Store, Tx

Point = tuple[int, str]
"""The number of a transaction, and a moment of it."""
MOMENTS = ("before BEGIN", "before COMMIT", "after COMMIT")


class CountingStore:
    """Another store, which writes down each point that it passes and dies at the one given.

    Args:
        store: does the work.
        passed: the file that names every point that was passed.
        deadly: where the process ends, by kill -9.
    """

    def __init__(self, store: Store, passed: Path, deadly: Point | None) -> None:
        self._store = store
        self._passed = passed.open("a", encoding="utf-8", buffering=1)
        self._deadly = deadly
        self._count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        number, self._count = self._count, self._count + 1
        self._pass(number, MOMENTS[0])
        with self._store.transaction() as tx:
            yield tx
            # A read sends what was held back for COMMIT: by now the database has all writes.
            tx.load([("nobody", "nothing")])
            self._pass(number, MOMENTS[1])
        self._pass(number, MOMENTS[2])

    def _pass(self, number: int, moment: str) -> None:
        self._passed.write(f"{number} {moment}\n")
        if (number, moment) == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)
