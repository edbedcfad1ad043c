"""The server under test: `holdshort up` in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from benchmarks import processes

HOW = (
    "`holdshort up` in a process of its own (uvloop, httptools, no access log), rate limit off, "
    "notifications through the console channel into a file"
)
#: How long a start, an answer or a stop may take (seconds).
PATIENCE = 120.0


class Failed(Exception):
    """A measurement that went wrong: its figures would be worth nothing."""


class Server:
    """`holdshort up` on the same port and database however often it is started.

    Args:
        database: URL.
        folder: for its log.
        around: a command that runs it, such as strace with its options.
    """

    def __init__(self, database: str, folder: Path, *, around: Sequence[str] = ()) -> None:
        self.database = database
        self.log = folder / "server.log"
        self.host = "127.0.0.1"
        self.port = 0
        self.pid = 0
        self.keys: dict[str, str] = {}
        self._around = list(around)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Server:
        """Return when it listens."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HOLDSHORT_")}
        command = [sys.executable, "-m", "holdshort.cli", "up", "--json", "--host", self.host]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [*self._around, *command, "--port", str(self.port), "--database", self.database],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment | {"HOLDSHORT_RATE_LIMIT": "0"},
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"the server did not start:\n{self.log.read_text()[-4000:]}")
        ready = json.loads(line)
        self.port = urlsplit(ready["url"]).port or 0
        self.pid = ready["pid"]
        self.keys = ready["keys"] or self.keys
        return self

    def stop(self) -> None:
        """End it as an operator would; what it is tracing or being traced by ends with it."""
        if self._process is None:
            return
        if self._process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
        self._close()

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)
        self._close()

    def _close(self) -> None:
        assert self._process is not None
        try:
            self._process.wait(PATIENCE)
        finally:
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def cpu_seconds(self) -> float:
        return processes.cpu_seconds(self.pid)

    def resident_bytes(self) -> int:
        return processes.resident_bytes(self.pid)

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection for calls that are not measured."""
        return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: str = "service",
        over: http.client.HTTPConnection | None = None,
    ) -> Any:
        """Call it with one of the first start's keys; return the answer. Raises Failed for an
        error."""
        connection = over or self.connect()
        headers = {"authorization": f"Bearer {self.keys[role]}", "content-type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        with connection.getresponse() as response:
            text = response.read().decode()
        if over is None:
            connection.close()
        if response.status != 200:
            raise Failed(f"{method} {path}: {response.status} {text[:500]}")
        return json.loads(text) if response.headers["content-type"] == "application/json" else text

    def metrics(self) -> dict[str, float]:
        """Return its Prometheus metrics by name with labels."""
        text: str = self.call("GET", "/metrics")
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in (x.rpartition(" ") for x in lines)}
