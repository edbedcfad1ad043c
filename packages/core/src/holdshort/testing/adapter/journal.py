"""What processes leave behind: lines in files that outlive them, and faults that strike once."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Journal:
    """A file of JSON lines that several processes write to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, line: dict[str, Any]) -> None:
        """Write a line; it is there even where the process is killed right afterwards."""
        data = json.dumps({**line, "pid": os.getpid()}).encode() + b"\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(file, data)
        finally:
            os.close(file)

    def lines(self) -> list[dict[str, Any]]:
        """Return all lines so far."""
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines()]


class Faults:
    """The faults of a scene, written `point:name:kill` or `point:name:raise`. Each strikes once,
    whichever process comes to it first."""

    def __init__(self, folder: Path, faults: Sequence[str]) -> None:
        self._folder = folder
        self._faults = faults

    def meet(self, point: str, name: str, error: Exception) -> None:
        """Come to a point: die or raise there, where the scene wants it."""
        for how in ("kill", "raise"):
            fault = f"{point}:{name}:{how}"
            if fault in self._faults and self._first(fault):
                if how == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                raise error

    def _first(self, fault: str) -> bool:
        try:
            (self._folder / f"fault {fault.replace(':', ' ')}").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True
