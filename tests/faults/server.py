"""A real server in a process of its own, to be killed, stopped and started again on its port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")

#: How long anything may take that is waited for (seconds).
PATIENCE = 30.0


def until(look: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """Look again and again until there is something; return it. Fails when patience ends."""
    ends = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < ends, f"not within {patience:g} s: {what}"
        time.sleep(0.005)
    return found


class Server:
    """`holdshort up`, on the same port and the same database however often it is started.

    Args:
        database: URL.
        folder: for its log.
        program: what to run in the place of `-m holdshort.cli`.
        environment: further variables.
    """

    def __init__(
        self,
        database: str,
        folder: Path,
        *,
        program: tuple[str, ...] = ("-m", "holdshort.cli"),
        environment: dict[str, str] | None = None,
    ) -> None:
        self.database = database
        self.log = folder / "server.log"
        self.keys: dict[str, str] = {}
        self.url = ""
        self._program = program
        self._environment = {
            **{name: value for name, value in os.environ.items() if "HOLDSHORT" not in name},
            "HOLDSHORT_CONSOLE": "0",
            "HOLDSHORT_RATE_LIMIT": "0",
            **(environment or {}),
        }
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> Server:
        """Return when it is ready."""
        port = self.url.rpartition(":")[2] or "0"
        where = ("--port", port, "--database", self.database)
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._program, "up", "--json", *where],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the server did not start:\n{self.log.read_text()[-4000:]}"
        ready = json.loads(line)
        self.url = ready["url"]
        self.keys = ready["keys"] or self.keys
        return self

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Call it with its service key; return the answer."""
        response = httpx.request(
            method,
            self.url + path,
            json=body,
            headers={"Authorization": f"Bearer {self.keys['service']}"},
            timeout=PATIENCE,
        )
        response.raise_for_status()
        return response.text if "ndjson" in response.headers["content-type"] else response.json()

    def person(self, address: str) -> str:
        """Make a person; return their key."""
        self.admin("PUT", f"/v1/people/{address}", {})
        made = self.admin("POST", "/v1/keys", {"role": "person", "subject": address})
        key: str = made["token"]
        return key

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            self.kill()
