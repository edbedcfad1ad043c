"""The writer: one thread that commits whatever has queued up while the last commit ran."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Sequence

from holdshort.engine.batch import Batch
from holdshort.engine.work import Item
from holdshort.errors import HoldshortError, InvalidRequest, Unavailable
from holdshort.models import Directory, Intent
from holdshort.notify.routing import Reach
from holdshort.store.base import Delivery, Down, Ref, Refused, Stale, Store

#: The most items in one transaction: bounds how long the first of them waits for the last.
LARGEST_BATCH = 512

#: For how long a write is tried again while the database cannot be written to (seconds).
PATIENCE = 5.0


class Writer:
    """Takes work from any thread, commits it in batches, answers each piece.

    Args:
        store: where to.
        directory_of: the tenant's directory.
        link: where a person looks at an intent.
        reach: by which channels people are told.
        committed: called after each commit, on the writer's thread, with the items, the intents
            that changed and the deliveries that were written.
    """

    def __init__(
        self,
        store: Store,
        directory_of: Callable[[str], Directory],
        link: Callable[[str], str | None],
        reach: Callable[[], Reach],
        committed: Callable[[Sequence[Item], dict[Ref, Intent], list[Delivery]], None],
    ) -> None:
        self._store = store
        self._directory_of = directory_of
        self._link = link
        self._reach = reach
        self._committed = committed
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="holdshort-writer", daemon=True)
        self.commits = 0
        self.items = 0
        self.commit_seconds = 0.0
        self.down_since: float | None = None

    def start(self) -> None:
        self._thread.start()

    def put(self, item: Item) -> None:
        self._queue.put(item)

    def stop(self) -> None:
        """Commit what is queued, then end."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            items, last = self._take()
            if items:
                self._commit(items)
            if last:
                return

    def _take(self) -> tuple[list[Item], bool]:
        """Wait for work, then take all there is."""
        first = self._queue.get()
        items: list[Item] = []
        while first is not None:
            items.append(first)
            if len(items) >= LARGEST_BATCH:
                return items, False
            try:
                first = self._queue.get_nowait()
            except queue.Empty:
                return items, False
        return items, True

    def _commit(self, items: Sequence[Item]) -> None:
        """Commit a batch; replay it one by one where the database refuses it, to find the one at
        fault.
        """
        try:
            self._try(items)
        except Refused as refused:
            if len(items) > 1:
                for item in items:
                    self._commit([item])
                return
            _fail(items, InvalidRequest(f"the database does not take this: {refused}"))
            self._committed(items, {}, [])
        except HoldshortError as error:
            _fail(items, error)
            self._committed(items, {}, [])
        except Exception as error:
            # A defect must not end the thread that everybody waits for: each caller is told.
            if len(items) > 1:
                for item in items:
                    self._commit([item])
                return
            _fail(items, _defect(error))
            self._committed(items, {}, [])

    def _try(self, items: Sequence[Item]) -> None:
        give_up = time.monotonic() + PATIENCE
        tries = 0
        while True:
            started = time.perf_counter()
            try:
                with self._store.transaction() as tx:
                    batch = Batch(tx, self._directory_of, self._link, self._reach())
                    batch.run(items)
                break
            except (Stale, Down) as error:
                tries += 1
                if isinstance(error, Down):
                    self.down_since = self.down_since or time.time()
                if time.monotonic() > give_up:
                    raise Unavailable(
                        f"the database cannot be written to right now ({error}). "
                        "It is not known to have taken this; asking again is safe."
                    ) from error
                # Full jitter, so that replicas that collided do not collide again.
                time.sleep(random.uniform(0, min(0.5, 0.005 * 2**tries)))
        self.down_since = None
        self.commits += 1
        self.items += len(items)
        self.commit_seconds += time.perf_counter() - started
        self._committed(items, batch.touched, batch.changes.deliveries)


def _fail(items: Sequence[Item], error: HoldshortError) -> None:
    for item in items:
        item.result.value, item.result.error = None, error


def _defect(error: Exception) -> HoldshortError:
    wrapped = HoldshortError("something went wrong inside Holdshort; nothing was changed")
    wrapped.__cause__ = error
    return wrapped
