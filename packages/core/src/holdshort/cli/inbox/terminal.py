"""The terminal: keys as they are pressed, lines as they are typed, and its size.

What was typed before something was shown is thrown away: a key pressed twice must not answer the
card that comes next.
"""

from __future__ import annotations

import os
import select
import shutil
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

_ARROWS = {b"[A": "k", b"[B": "j", b"[C": "\n", b"[D": "k", b"[6~": " "}
#: How long the rest of an arrow key may take to arrive (seconds).
_ESCAPE = 0.05


class Gone(Exception):
    """There is nobody at the terminal any more."""


class Terminal:
    """A person's terminal."""

    def __init__(self) -> None:
        self._in = sys.stdin.fileno()

    @property
    def width(self) -> int:
        """How many columns there are; never too few to show a word."""
        return max(30, shutil.get_terminal_size().columns)

    @property
    def height(self) -> int:
        return max(8, shutil.get_terminal_size().lines)

    def say(self, text: str = "") -> None:
        """Print a line. What is foreign in it was escaped by whoever made it."""
        print(text, flush=True)

    def forget_typed(self) -> None:
        """Throw away what was typed so far."""
        termios.tcflush(self._in, termios.TCIFLUSH)

    def key(self, wait: float) -> str | None:
        """Return the next key that is pressed, or None where there was none for so many seconds.

        Raises KeyboardInterrupt for Ctrl-C, Gone where the terminal is closed.
        """
        with self._keys():
            if not select.select([self._in], [], [], wait)[0]:
                return None
            first = os.read(self._in, 1)
            if first == b"\x1b":
                return self._escape()
            while first and first[0] >= 0xC0 and len(first) < 4:
                first += os.read(self._in, 1)
                if _whole(first):
                    break
        if not first or first == b"\x04":
            raise Gone
        text = first.decode(errors="replace")
        return "\n" if text == "\r" else text

    def _escape(self) -> str | None:
        """Return what an arrow stands for; None for any other sequence, which is swallowed."""
        rest = b""
        while len(rest) < 8 and select.select([self._in], [], [], _ESCAPE)[0]:
            rest += os.read(self._in, 1)
        return _ARROWS.get(rest)

    def line(self, prompt: str) -> str:
        """Ask for a line; return it without blanks around. Raises KeyboardInterrupt and Gone."""
        self.forget_typed()
        print(prompt, end="", flush=True)
        text = sys.stdin.readline()
        if not text:
            raise Gone
        return text.strip()

    @contextmanager
    def _keys(self) -> Iterator[None]:
        """Have keys come one by one and unseen; put everything back afterwards."""
        before = termios.tcgetattr(self._in)
        try:
            tty.setcbreak(self._in, termios.TCSANOW)
            yield
        finally:
            termios.tcsetattr(self._in, termios.TCSANOW, before)


def _whole(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
