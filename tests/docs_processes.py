"""The processes that a page of the documentation starts, and what they print."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

#: For how long anything that a page waits for is waited for (seconds).
PATIENCE = 30.0

_DRIVER = """
import contextlib, io, json, os, sys, traceback, types
orders, replies = os.fdopen(int(sys.argv[1])), os.fdopen(int(sys.argv[2]), "w")
page = sys.modules["__main__"] = types.ModuleType("__main__")
for line in orders:
    order = json.loads(line)
    os.environ.update(order["environment"])
    written, error = io.StringIO(), None
    try:
        with contextlib.redirect_stdout(written):
            exec(compile(order["code"], order["name"], "exec"), vars(page))
    except BaseException:
        error = traceback.format_exc()
    print(json.dumps({"error": error, "printed": written.getvalue()}), file=replies, flush=True)
"""


class PageError(AssertionError):
    """A page says what is not so."""


class Running:
    """A command that is left running."""

    def __init__(self, command: str, environment: dict[str, str], folder: Path) -> None:
        self.command = command
        self._process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self._news = threading.Condition()
        self._text = ""
        self._over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self._text += line
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def wait_for(self, wanted: str) -> str:
        """Wait until it has printed this, and return what it printed so far."""
        ends = time.monotonic() + PATIENCE
        with self._news:
            while not re.search(pattern(wanted), plain(self._text)):
                left = ends - time.monotonic()
                if self._over or left <= 0:
                    raise PageError(f"`{self.command}` printed\n{self._text}\nand not\n{wanted}")
                self._news.wait(left)
            return self._text

    def stop(self) -> None:
        """Ctrl-C, and wait for its end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise PageError(f"`{self.command}` does not stop") from None
        self._reader.join(PATIENCE)
        if self._reader.is_alive():
            raise PageError(f"`{self.command}` has left something running")
        assert self._process.stdout is not None
        self._process.stdout.close()


class Python:
    """One Python process, in which blocks run in one namespace."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        order_in, order_out = os.pipe()
        reply_in, reply_out = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _DRIVER, str(order_in), str(reply_out)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            pass_fds=(order_in, reply_out),
        )
        os.close(order_in)
        os.close(reply_out)
        self._orders = os.fdopen(order_out, "w")
        self._replies = os.fdopen(reply_in)

    def run(
        self, name: str, code: str, environment: dict[str, str], check: Callable[[], None]
    ) -> str:
        """Run code; return what it printed. Raises PageError with its traceback, or what `check`
        raises meanwhile."""
        own = {n: v for n, v in environment.items() if n.startswith("HOLDSHORT_")}
        print(
            json.dumps({"name": name, "code": code, "environment": own}),
            file=self._orders,
            flush=True,
        )
        ends = time.monotonic() + PATIENCE
        while not select.select([self._replies], [], [], 0.1)[0]:
            check()
            if time.monotonic() > ends:
                raise PageError("this block does not come to an end")
        reply = json.loads(self._replies.readline())
        if reply["error"]:
            raise PageError(reply["error"])
        return str(reply["printed"])

    def stop(self) -> None:
        self._orders.close()
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._replies.close()

    def kill(self) -> None:
        self._process.kill()
        self.stop()


def plain(text: str) -> str:
    """Return a text without what does not count: the widths of tables, spaces at the ends."""
    lines = [re.sub(r"[ \t]+", " ", line).strip() for line in text.strip().splitlines()]
    return "".join(re.sub("[─━]+", "─", line) + "\n" for line in lines)


def pattern(wanted: str) -> str:
    """Return what a shown output means as a pattern, for a `plain` text."""
    return "".join(
        "(?:.*\n)*?" if line == "…" else ".*?".join(map(re.escape, line.split("…"))) + "\n"
        for line in plain(wanted).splitlines()
    )
