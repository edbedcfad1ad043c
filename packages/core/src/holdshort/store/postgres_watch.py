"""Hearing of other replicas' commits: LISTEN on a connection and a thread of its own."""

from __future__ import annotations

import json
import logging
import random
import selectors
import socket
import threading
from collections.abc import Callable, Sequence

import psycopg

from holdshort.store.base import Down, Ref
from holdshort.store.postgres_link import Connection, connect, translated

log = logging.getLogger("holdshort.store")

#: The longest pause between tries to reach the database again (seconds).
LONGEST_PAUSE = 2.0


class Listener:
    """Calls `changed` for every commit that this process did not make itself.

    Args:
        info: the connection string.
        own: the backend that this process writes through; what it sends is not news here.
        changed: gets the intents that changed, or None after notifications may have been lost.
    """

    def __init__(
        self,
        info: str,
        own: Callable[[], int | None],
        changed: Callable[[Sequence[Ref] | None], None],
    ) -> None:
        self._info = info
        self._own = own
        self._changed = changed
        self._stopped = threading.Event()
        self._bell, self._rope = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="holdshort-listen", daemon=True)
        self._connection = self._try()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and give its connection back."""
        self._stopped.set()
        self._rope.send(b"!")
        self._thread.join()
        self._bell.close()
        self._rope.close()

    def _try(self) -> Connection | None:
        try:
            with translated():
                connection = connect(self._info)
                connection.execute("LISTEN holdshort")
                return connection
        except Down as error:
            log.warning("not hearing of other replicas' changes for now: %s", error)
            return None

    def _run(self) -> None:
        pause = 0.05
        while not self._stopped.is_set():
            if self._connection is None:
                self._connection = self._try()
                if self._connection is None:
                    # Jitter, so that replicas do not all come back to a restarted server at once.
                    self._stopped.wait(pause * random.uniform(0.5, 1.0))
                    pause = min(LONGEST_PAUSE, pause * 2)
                    continue
                pause = 0.05
                self._changed(None)
            self._hear(self._connection)
            self._connection.close()
            self._connection = None

    def _hear(self, connection: Connection) -> None:
        """Pass on what comes in, until told to stop or the connection breaks."""
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            selector.register(self._bell, selectors.EVENT_READ)
            while not self._stopped.is_set():
                try:
                    for notification in connection.notifies(timeout=0):
                        if notification.pid != self._own():
                            self._changed(_refs(notification.payload))
                except psycopg.Error as error:
                    log.warning("the connection that hears of changes broke: %s", error)
                    return
                selector.select()


def payloads(refs: Sequence[Ref], largest: int = 7900) -> list[str]:
    """Return the notifications for these intents; PostgreSQL takes less than 8000 bytes in each.

    >>> payloads([("acme", "1"), ("acme", "2")])
    ['[["acme","1"],["acme","2"]]']
    """
    chunks: list[list[str]] = []
    room = 0
    for ref in refs:
        text = json.dumps(ref, separators=(",", ":"))
        room -= len(text) + 1
        if room < 0:
            chunks.append([])
            room = largest - len(text) - 3
        chunks[-1].append(text)
    return [f"[{','.join(chunk)}]" for chunk in chunks]


def _refs(payload: str) -> list[Ref] | None:
    try:
        return [(tenant, intent_id) for tenant, intent_id in json.loads(payload)]
    except (TypeError, ValueError):
        return None  # a newer Holdshort's; it could be any
