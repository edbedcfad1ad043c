"""`LiveServer`: a real Holdshort in a process of its own, to be killed and started again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from holdshort.client import Client, Reviewer

T = TypeVar("T")

#: How long anything may take that is waited for (seconds).
PATIENCE = 30.0


def until(look: Callable[[], T | None], what: str) -> T:
    """Look again and again until there is something; return it. Fails when patience ends."""
    ends = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < ends, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.01)
    return found


def environment() -> dict[str, str]:
    """The variables of this process without those that tell Holdshort where to go."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HOLDSHORT_")}


class LiveServer:
    """`holdshort up` on a loopback port and an SQLite file, both the same however often it starts.

    >>> with LiveServer(tmp_path) as server:
    ...     server.client().send_intent(…)
    ...     server.kill()       # as a power failure does
    ...     server.start()
    ...     server.reviewer().approve(…)

    Args:
        folder: for its database and its log.
    """

    def __init__(self, folder: Path) -> None:
        self.database = folder / "holdshort.db"
        self.log = folder / "server.log"
        self.url = ""
        self.keys: dict[str, str] = {}
        """The keys of its first start: `agent`, `person` (the administrator's, who is asked by
        default) and `service`."""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Start it, again or for the first time; return when it answers."""
        port = self.url.rpartition(":")[2] or "0"
        settings = {"HOLDSHORT_CONSOLE": "0", "HOLDSHORT_RATE_LIMIT": "0"}
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "holdshort.cli", "up", "--json"),
                    *("--port", port, "--database", f"sqlite:///{self.database}"),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment() | settings,
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
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def restart(self) -> None:
        """Kill it, and start it on the same port and database."""
        self.kill()
        self.start()

    def new_agent(self, agent: str) -> str:
        """Return a key for an agent, `agent://…`."""
        made = self.admin("POST", "/v1/keys", {"role": "agent", "subject": agent})
        key: str = made["token"]
        return key

    def admin(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Call it with its service key; return the answer."""
        reply = httpx.request(
            method,
            self.url + path,
            json=body,
            headers={"Authorization": f"Bearer {self.keys['service']}"},
            timeout=PATIENCE,
        )
        reply.raise_for_status()
        answer: dict[str, Any] = reply.json()
        return answer

    def client(self) -> Client:
        """Return the agent's client; close it."""
        return Client(self.url, api_key=self.keys["agent"])

    def reviewer(self) -> Reviewer:
        """Return the administrator's; close it."""
        return Reviewer(self.url, api_key=self.keys["person"])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.kill()
