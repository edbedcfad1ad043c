"""Where the demo plays: a folder, its processes, and what is told about them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

#: For how long anything that has to happen is waited for (seconds); it takes two or three.
PATIENCE = 30.0


class Failed(Exception):
    """Something did not go as it has to."""


class Stage:
    """Runs the demo's commands in its folder, tells about them, and ends what is left running."""

    def __init__(self, folder: Path, told: TextIO) -> None:
        self.folder = folder
        self.database = f"sqlite:///{folder / 'holdshort.db'}"
        self.commands: list[str] = []
        self._told = told
        self._steps = 0
        self._children: list[Child] = []
        own = {
            name: value
            for name, value in os.environ.items()
            if "HOLDSHORT_" not in name or name == "HOLDSHORT_UNDO_SECONDS"
        }
        self._environment = own | {"HOLDSHORT_DATABASE": self.database, "NO_COLOR": "1"}

    def say(self, text: str = "") -> None:
        """Tell something."""
        print(text, file=self._told, flush=True)

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._steps += 1
        self.say(f"\n{self._steps}. {title}")

    def start(self, module: str, *arguments: str, on_line: Callable[[str], None]) -> Child:
        """Start a process of its own; every line that it writes is passed on as it comes."""
        shown = _shown(module, arguments)
        self.commands.append(shown)
        self.say(f"   $ {shown}")
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        child = Child(process, on_line)
        self._children.append(child)
        return child

    def run(self, module: str, *arguments: str, expect: int = 0) -> list[str]:
        """Run a process to its end, and tell what it writes. Raises Failed where it ends otherwise
        than expected."""
        child = self.start(module, *arguments, on_line=self.quote)
        code = child.end()
        if code != expect:
            raise Failed(f"`{_shown(module, arguments)}` ended with {code}, not with {expect}")
        return child.lines

    def holdshort(self, *arguments: str, expect: int = 0) -> list[str]:
        """Run a `holdshort` command, and tell what it writes."""
        return self.run("holdshort.cli", *arguments, expect=expect)

    def ask(self, *arguments: str) -> Any:
        """Return what a `holdshort … --json` command says, without telling."""
        done = subprocess.run(
            [sys.executable, "-m", "holdshort.cli", *arguments, "--json"],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            timeout=PATIENCE,
            check=True,
        )
        return json.loads(done.stdout)

    def quote(self, line: str) -> None:
        """Tell what a process wrote."""
        self.say(f"   | {line}")

    def close(self) -> None:
        """End every process that is still running, by its id."""
        for child in self._children:
            child.kill()


class Child:
    """A process and what it has written."""

    def __init__(self, process: subprocess.Popen[str], on_line: Callable[[str], None]) -> None:
        self._process = process
        self._on_line = on_line
        self._news = threading.Condition()
        self._over = False
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            line = text.rstrip("\n")
            self._on_line(line)
            with self._news:
                self.lines.append(line)
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def wait_for_line(self, part: str) -> str:
        """Return the first line that holds this. Raises Failed where none comes."""
        ends = time.monotonic() + PATIENCE
        with self._news:
            while True:
                for line in self.lines:
                    if part in line:
                        return line
                left = ends - time.monotonic()
                if self._over or left <= 0:
                    raise Failed(f"process {self.pid} never wrote {part!r}")
                self._news.wait(left)

    def end(self, patience: float | None = PATIENCE) -> int:
        """Return the exit code, once it has ended and all its lines are here."""
        try:
            code = self._process.wait(patience)
        except subprocess.TimeoutExpired:
            raise Failed(f"process {self.pid} has not ended after {patience:g} s") from None
        self._reader.join()
        return code

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._process.terminate()
        self.end()

    def kill(self) -> None:
        """`kill -9`, where it is still running."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _shown(module: str, arguments: tuple[str, ...]) -> str:
    """Return a command line as one would type it."""
    command = ["holdshort"] if module == "holdshort.cli" else ["python", "-m", module]
    return shlex.join([*command, *arguments])


@contextmanager
def stage(folder: Path, told: TextIO) -> Iterator[Stage]:
    """Open a stage; end its processes at the end of the block, however it ends."""
    opened = Stage(folder, told)
    try:
        yield opened
    finally:
        opened.close()
