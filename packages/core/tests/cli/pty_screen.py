"""A real process at a pseudo terminal, and somebody who reads there and presses keys."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from typing import Any

#: How long something may take to appear (seconds).
PATIENCE = 30.0


class Screen:
    """`holdshort …` at a terminal of its own."""

    def __init__(self, *arguments: str, lines: int = 60, columns: int = 100, **env: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        without = {k: v for k, v in os.environ.items() if k not in ("LINES", "COLUMNS")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "holdshort.cli", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=without | {"TERM": "xterm", "PYTHONUTF8": "1"} | env,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self._theirs = theirs
        self.all = ""
        self._seen = 0

    def expect(self, text: str) -> str:
        """Wait until this appears; return what has come since the last time, up to its end."""
        ends = time.monotonic() + PATIENCE
        while (at := self.all.find(text, self._seen)) < 0:
            if not self._read(ends - time.monotonic()):
                raise AssertionError(f"{text!r} did not appear after:\n{self.all[self._seen :]}")
        found = self.all[self._seen : at + len(text)]
        self._seen = at + len(text)
        return found

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def echoes(self) -> bool:
        """Whether what is typed is shown: the terminal is as it was."""
        return bool(termios.tcgetattr(self._theirs)[3] & termios.ECHO)

    def end(self) -> int:
        """Wait for the process to end; return its exit code."""
        code = self.process.wait(PATIENCE)
        while self._read(0.2):
            pass
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._theirs)
        os.close(self._ours)

    def _read(self, wait: float) -> bool:
        if wait <= 0 or not select.select([self._ours], [], [], wait)[0]:
            return False
        try:
            piece = os.read(self._ours, 65536)
        except OSError:
            return False
        self.all += piece.decode(errors="replace").replace("\r\n", "\n")
        return bool(piece)

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
