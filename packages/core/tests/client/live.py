"""Real servers: in a process that can be killed, and behind a line that breaks."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Self

import httpx

from holdshort import ids
from holdshort.models import DEFAULT_TENANT
from holdshort.server.auth import hash_of, new_key
from holdshort.store.base import Entry, KeyInfo
from holdshort.store.rows import SETTINGS
from holdshort.store.sqlite import SqliteStore

from ..loopback import Handler, Serving

SERVE = Path(__file__).with_name("serve.py")
AGENT = "agent://acme/production/analyst"
ANA = "ana@acme.com"
BO = "bo@acme.com"
TYPE = "intent.data.export_approval.v1"


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something that happens elsewhere."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.01)


@dataclass(frozen=True)
class Keys:
    agent: str
    ana: str
    bo: str
    admin: str


def seed(path: Path) -> Keys:
    """Make a database with a tenant and keys in it."""
    store = SqliteStore(path)
    store.migrate()
    secrets = {}
    with store.transaction() as tx:
        tx.put_entry(DEFAULT_TENANT, Entry(kind="settings", name=SETTINGS, doc={}))
        for name, role, subject in (
            ("agent", "agent", AGENT),
            ("ana", "person", ANA),
            ("bo", "person", BO),
            ("admin", "service", "admin"),
        ):
            secrets[name] = new_key(role)  # type: ignore[arg-type]
            info = KeyInfo(
                tenant=DEFAULT_TENANT,
                id=ids.new_id(tx.now()),
                role=role,  # type: ignore[arg-type]
                subject=subject,
                created_at=tx.now(),
            )
            tx.add_key(info, hash_of(secrets[name]))
    store.close()
    return Keys(**secrets)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    """A server that can be killed and started again on the same port."""

    def __init__(self, path: Path) -> None:
        self.database = f"sqlite:///{path}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        arguments = [sys.executable, str(SERVE), self.database, str(self.port)]
        self._process = subprocess.Popen(arguments)
        until(self._answers)
        return self

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the server ended"
        try:
            return httpx.get(f"{self.url}/health").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """As power failures do: with nothing in between."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def waiters(self) -> int:
        """How many requests are held for a decision."""
        text = httpx.get(f"{self.url}/metrics").text
        (line,) = [line for line in text.splitlines() if line.startswith("holdshort_waiters ")]
        return int(float(line.split()[1]))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


Fault = tuple[int, dict[str, str]] | str


class Line(Serving):
    """Stands before a server: passes on what it gets, but for the faults that it was given.

    A fault is a status with headers, or `cut` (the request is taken, and the connection closed),
    or `lost` (the request is passed on, and its answer lost).
    """

    def __init__(self, target: str, faults: list[Fault]) -> None:
        self.faults = deque(faults)
        self.requests: list[tuple[str, str, str | None]] = []
        """Method, path and idempotency key of all that came."""
        line = self

        class Passes(Handler):
            timeout = 60

            def do_GET(self) -> None:
                body = self.body()
                key = self.headers.get("idempotency-key")
                line.requests.append((self.command, self.path, key))
                fault = line.faults.popleft() if line.faults else None
                if fault == "cut":
                    self.close_connection = True
                    return
                if isinstance(fault, tuple):
                    self.answer(fault[0], fault[1], b"<html>not here</html>")
                    return
                found = httpx.request(
                    self.command,
                    target + self.path,
                    content=body,
                    headers={k: v for k, v in self.headers.items() if k.lower() != "host"},
                    timeout=60,
                )
                if fault == "lost":
                    self.close_connection = True
                    return
                self.answer(found.status_code, {"content-type": "application/json"}, found.content)

            do_POST = do_GET

        server = ThreadingHTTPServer(("127.0.0.1", 0), Passes)
        server.daemon_threads = True
        super().__init__(server)
        self.url = f"http://127.0.0.1:{self.port}"


class Later(threading.Thread):
    """Does something beside the test, and hands its result or its error back."""

    def __init__(self, what: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._what = what
        self._result: object = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._result = self._what()
        except BaseException as error:
            self._error = error

    def result(self, seconds: float = 30.0) -> object:
        self.join(seconds)
        assert not self.is_alive(), "it is still at it"
        if self._error is not None:
            raise self._error
        return self._result
