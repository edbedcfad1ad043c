"""Programs of ours that run as processes of their own and tell us what they do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import holdshort

PROGRAMS = Path(__file__).parent / "programs"
#: Where the tests found Holdshort: a relative path would not lead there from another folder.
INSTALLED = str(Path(holdshort.__file__).resolve().parents[1])


class Child:
    """A program of `programs/`, which says what happens as lines of JSON.

    Args:
        name: of the program.
        arguments: what it gets.
        environment: further variables.
        folder: where it runs, and logs to.
    """

    def __init__(
        self, name: str, *arguments: str, folder: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.log = folder / f"{name}.log"
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAMS / f"{name}.py"), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": INSTALLED, **(environment or {})},
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def hear(self) -> dict[str, Any]:
        """Return the next thing that it says."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"it said nothing more:\n{self.log.read_text()[-4000:]}"
        said: dict[str, Any] = json.loads(line)
        return said

    def tell(self) -> None:
        """Let it go on."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def end(self) -> None:
        """kill -9, if it has not ended by itself."""
        if self._process.poll() is None:
            self.signal(signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()
