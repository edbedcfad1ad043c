"""The bench's processes, as the test holds them: fresh ones, and one that stays warm."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from holdshort.testing.adapter.live import environment

#: How long a step may take (seconds), slow imports of frameworks included.
PATIENCE = 90.0


class BenchFailed(AssertionError):
    """The bench's process ended, or did not answer."""


class BenchProcess:
    """`python bench.py …`: its answers come on stdout, the rest goes into a log.

    Args:
        bench: the script.
        arguments: of the script.
        log: file for what it prints.
    """

    def __init__(self, bench: Path, arguments: list[str], log: Path) -> None:
        self._log = log
        with log.open("a") as file:
            self._process = subprocess.Popen(
                [sys.executable, str(bench), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                bufsize=1,
                cwd=log.parent,
                env=environment(),
            )

    def tell(self, line: dict[str, Any]) -> None:
        """Send it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for its next line; return it. Raises BenchFailed, with the end of its log."""
        out = self._process.stdout
        assert out is not None
        readable, _, _ = select.select([out], [], [], PATIENCE)
        line = out.readline() if readable else ""
        if not line:
            self.kill()
            why = "it ended" if readable else f"no answer within {PATIENCE:g} s"
            raise BenchFailed(f"the bench failed: {why}\n{self._log.read_text()[-6000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def ended(self) -> int:
        """Wait for its end; return its exit status (-9 where it was killed)."""
        status = self._process.wait(PATIENCE)
        self.kill()
        return status

    def kill(self) -> None:
        """kill -9, if it has not ended."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


class WarmBench:
    """A process that has imported the framework already and answers one request after another."""

    def __init__(self, bench: Path, log: Path) -> None:
        self.log = log
        self._process = BenchProcess(bench, ["serve"], log)
        self._heard = False
        self._owes = False

    @property
    def idle(self) -> bool:
        """Whether it runs and owes no answer."""
        return self._process.alive and not self._owes

    def begin(self, verb: str, scene: Path) -> None:
        """Send a request."""
        if not self._heard:
            self._heard = bool(self._process.answer())
        self._process.tell({"verb": verb, "scene": str(scene)})
        self._owes = True

    def answer(self) -> dict[str, Any]:
        """Wait for the answer to the last request."""
        answer = self._process.answer()
        self._owes = False
        return answer

    def ask(self, verb: str, scene: Path) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        self.begin(verb, scene)
        return self.answer()

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
