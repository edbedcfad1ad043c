"""Runs a page of the documentation as a reader would: its blocks in order, in an empty folder.

What a block needs besides itself stands above it in the page, as a comment that readers of the
source see and `test_docs.py` obeys:

    <!-- test: file ask.py -->                  the block is put into this file, not run
    <!-- test: ana@acme.com approves -->        somebody else, in another process, does this while
    <!-- test: ana@acme.com rejects "no" -->    the block runs; a text is the comment, an object
    <!-- test: ana@acme.com submits submitted {"size": 3} -->      is what was edited or filled in
    <!-- test: keeps running -->                the last command is left running behind what follows
    <!-- test: it is stopped -->                the newest of those is stopped with Ctrl-C first
    <!-- test: prints -->                       the block is what the block before it printed
    <!-- test: goes on -->                      the block is what the running command prints next
    <!-- test: exits 1 -->                      the last command ends with this code
    <!-- test: 01a2… is the newest intent -->   this id in the page stands for that intent's
    <!-- test: a new process -->                the Python blocks go on in another process

What is shown below a command must be what it prints; `…` stands for anything. Ports 8100 and 8200
stand for free ones, `hs_agent_…` (`hs_person_…`, `hs_service_…`, `whsec_…`) for the secret of this
kind that was shown last, and `postgresql://localhost/holdshort` for a real and empty database.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from holdshort import Reviewer

from .docs_processes import PATIENCE, PageError, Python, Running, pattern, plain

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "packages" / "core" / "src"
#: Commands that are for the reader's own machine: they install, fetch, or run all tests.
NOT_RUN = ("make", "git clone", "pip install", "python3 -m venv")
#: Blocks that are looked at and not run.
SHOWN = ("text", "mermaid", "json")
DATABASE = "postgresql://localhost/holdshort"

_FENCE = re.compile(
    r"^(?P<ticks>```+)(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=ticks)$", re.M | re.S
)
_NOTE = re.compile(r"<!-- test: (?P<text>.*?) -->")
_SECRET = re.compile(r"(hs_agent_|hs_person_|hs_service_|whsec_)[A-Za-z0-9_+/=-]{40,}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DOES = re.compile(
    r"(?P<who>\S+@\S+) (?P<verb>approves|rejects|submits)"
    r"(?: (?P<outcome>[a-z_]+))?(?: (?P<said>.+))?"
)


@dataclass(frozen=True)
class Block:
    """A fenced block, and the notes above it."""

    language: str
    text: str
    line: int
    notes: tuple[str, ...]


def blocks(text: str) -> Iterator[Block]:
    """Find the blocks of a page. Raises PageError for a note that stands above no block."""
    at, notes = 0, []
    for found in _FENCE.finditer(text):
        notes = _NOTE.findall(text[at : found.start()])
        line = text.count("\n", 0, found.start()) + 2
        yield Block(found["language"].strip(), found["text"], line, tuple(notes))
        at = found.end()
    if left := _NOTE.findall(text[at:]):
        raise PageError(f"no block comes after the note {left[0]!r}")


class Page:
    """A page while it is run."""

    def __init__(self, path: Path, folder: Path, database: str | None = None) -> None:
        self.name = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
        self.text = path.read_text(encoding="utf-8")
        self.ran = 0
        self._folder = folder / "work"
        self._folder.mkdir()
        self._environment = _environment(folder)
        self._stands_for = {"8100": self._environment["HOLDSHORT_PORT"], "8200": str(_free_port())}
        if database is not None:
            self._stands_for[DATABASE] = shlex.quote(database)
        self._secrets: dict[str, str] = {}
        self._python: Python | None = None
        self._running: list[Running] = []
        self._printed = ""
        self._seen: set[str] = set()

    def run(self) -> None:
        """Run all blocks. Raises PageError for the first that is not as the page says."""
        try:
            for block in blocks(self.text):
                try:
                    self._run(block)
                except PageError as error:
                    if self._python is not None:
                        self._python.kill()  # it may wait for an answer that will not come
                        self._python = None
                    raise PageError(f"{self.name}:{block.line}: {error}") from None
        finally:
            if self._python is not None:
                self._python.stop()
            for one in reversed(self._running):
                one.stop()

    def _run(self, block: Block) -> None:
        notes = [note for note in block.notes if not self._obey(note)]
        actions = [_Action(found) for note in notes if (found := _DOES.fullmatch(note))]
        notes = [note for note in notes if not _DOES.fullmatch(note)]
        with _Others(actions, self._reviewer) as others:
            match block.language, notes:
                case ("python" | "json" | "text" | "yaml", [note]) if note.startswith("file "):
                    target = self._folder / note.removeprefix("file ")
                    target.write_text(self._meant(block.text), encoding="utf-8")
                case ("python", []):
                    self._run_python(block, others)
                case ("console", _):
                    self._run_console(block.text, notes)
                case ("text", ["prints"]):
                    self._check(self._printed, self._meant(block.text))
                case ("text", ["goes on"]):
                    self._running[-1].wait_for(self._meant(block.text))
                case ("json", []):
                    json.loads(block.text)
                case ("mermaid", []):
                    head = block.text.split(maxsplit=1)[0]
                    if head not in ("flowchart", "sequenceDiagram", "stateDiagram-v2"):
                        raise PageError(f"a diagram of unknown kind: {head}")
                case ("text", []):
                    pass
                case _:
                    raise PageError(f"a block of {block.language!r} with {notes} is not understood")

    def _obey(self, note: str) -> bool:
        """Do what a note says is to be done before its block; return whether it was such a one."""
        if note == "it is stopped":
            self._running.pop().stop()
        elif note == "a new process":
            if self._python is not None:
                self._python.stop()
                self._python = None
        elif note.endswith(" is the newest intent"):
            self._name_newest(note.removesuffix(" is the newest intent"))
        else:
            return False
        return True

    def _run_python(self, block: Block, others: _Others) -> None:
        if self._python is None:
            self._python = Python(self._environment, self._folder)
        code = "\n" * (block.line - 1) + self._typed(block.text)  # for the lines in a traceback
        self._printed = self._python.run(self.name, code, self._environment, others.check)
        self.ran += 1

    def _run_console(self, text: str, notes: list[str]) -> None:
        commands = _commands(text)
        for index, (command, shown) in enumerate(commands):
            said = notes if index == len(commands) - 1 else []
            if command.startswith(NOT_RUN):
                continue
            self.ran += 1
            typed, wanted = self._typed(command), self._meant(shown)
            if found := re.fullmatch(r"export (\w+)=(.*)", typed):
                self._environment[found[1]] = shlex.split(found[2], comments=True)[0]
            elif said == ["keeps running"]:
                self._running.append(Running(typed, self._environment, self._folder))
                self._remember_secrets(self._running[-1].wait_for(wanted))
                self._printed = ""
            else:
                code = int(said[0].removeprefix("exits ")) if said else 0
                self._printed = self._shell(typed, code)
                self._remember_secrets(self._printed)
                if shown.strip():
                    self._check(self._printed, wanted)

    def _shell(self, command: str, code: int) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode != code:
            raise PageError(f"`{command}` ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def _check(self, printed: str, wanted: str) -> None:
        if not re.fullmatch(pattern(wanted), plain(printed)):
            raise PageError(f"printed was\n{printed}\nand not\n{wanted}")

    def _typed(self, text: str) -> str:
        """Return what a reader would type, who has the secrets at hand."""
        for shown, meant in self._secrets.items():
            text = text.replace(shown, meant)
        return self._meant(text)

    def _meant(self, text: str) -> str:
        """Put in what the page's examples stand for."""
        for shown, meant in self._stands_for.items():
            text = text.replace(shown, meant)
        return text

    def _remember_secrets(self, text: str) -> None:
        for found in _SECRET.finditer(text):
            self._secrets[f"{found[1]}…"] = found[0]

    def _name_newest(self, shown: str) -> None:
        if not _UUID.fullmatch(shown):
            raise PageError(f"{shown} is no id")
        ends = time.monotonic() + PATIENCE
        while True:
            listed = subprocess.run(
                ["holdshort", "intents", "list", "--json", "--limit", "1"],
                cwd=self._folder,
                env=self._environment,
                capture_output=True,
                encoding="utf-8",
                timeout=PATIENCE,
                check=False,
            )
            if listed.returncode == 0 and (found := json.loads(listed.stdout)["intents"]):
                intent_id = str(found[0]["intent_id"])
                if intent_id not in self._seen:
                    break
            if time.monotonic() > ends:
                raise PageError(f"there is no new intent for {shown}: {listed.stderr}")
        self._seen.add(intent_id)
        self._stands_for[shown] = intent_id
        self._stands_for[shown[-8:]] = intent_id[-8:]

    def _reviewer(self, person: str) -> Reviewer:
        url, key = (self._environment.get(f"HOLDSHORT_{n}") for n in ("URL", "PERSON_KEY"))
        if url:
            return Reviewer(url, api_key=key)
        default = f"sqlite:///{self._folder}/.holdshort/holdshort.db"
        return Reviewer(self._environment.get("HOLDSHORT_DATABASE", default), person=person)


class _Action:
    """What somebody else does while a block runs."""

    def __init__(self, note: re.Match[str]) -> None:
        self.who, self._verb, self._outcome = note["who"], note["verb"], note["outcome"]
        said = json.loads(note["said"]) if note["said"] else None
        self._comment = said if isinstance(said, str) else None
        self._data = said if isinstance(said, dict) else None

    def do(self, reviewer: Reviewer, over: threading.Event) -> None:
        """Answer the first task that waits for this person."""
        ends = time.monotonic() + PATIENCE
        while not (waiting := reviewer.tasks()):
            if over.wait(0.01) or time.monotonic() > ends:
                raise PageError(f"{self.who} was asked nothing")
        intent_id = waiting[0]["intent_id"]
        if self._verb == "approves":
            reviewer.approve(intent_id, comment=self._comment, arguments=self._data)
        elif self._verb == "rejects":
            reviewer.reject(intent_id, comment=self._comment)
        else:
            reviewer.submit(intent_id, self._outcome, comment=self._comment, data=self._data)


class _Others:
    """Lets others act while a block runs, one after another; all must have acted by its end."""

    def __init__(self, actions: list[_Action], reviewer: Callable[[str], Reviewer]) -> None:
        self._actions, self._reviewer = actions, reviewer
        self._error: BaseException | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._act, daemon=True)

    def _act(self) -> None:
        try:
            for action in self._actions:
                with self._reviewer(action.who) as reviewer:
                    action.do(reviewer, self._over)
        except BaseException as error:  # told to the test, which runs on another thread
            self._error = error

    def check(self) -> None:
        """Raise PageError where one of them could not act."""
        if self._error is not None:
            raise PageError(f"the reviewer could not act: {self._error}")

    def __enter__(self) -> _Others:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        if kind is not None:
            self._over.set()
        self._thread.join(PATIENCE)
        if kind is None:
            self.check()


def _environment(folder: Path) -> dict[str, str]:
    """The reader's: nothing of ours is set, and `holdshort` and `python` are on the path."""
    programs = folder / "bin"
    programs.mkdir()
    python = shlex.quote(sys.executable)
    for name, command in {"holdshort": f"{python} -m holdshort.cli", "python": python}.items():
        script = programs / name
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    # Line by line, as on a terminal: unbuffered, the pieces of one print let others in between.
    (programs / "sitecustomize.py").write_text(
        "import sys\nsys.stdout.reconfigure(line_buffering=True)\n", encoding="utf-8"
    )
    own = {n: v for n, v in os.environ.items() if not n.startswith(("HOLDSHORT_", "PYTHONUNBUF"))}
    return own | {
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": f"{SOURCE}{os.pathsep}{programs}",
        "NO_COLOR": "1",
        "HOLDSHORT_PORT": str(_free_port()),
    }


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _commands(text: str) -> list[tuple[str, str]]:
    """Split a console block into commands and what is shown below each."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append([line.removeprefix("$ "), ""])
        elif found and found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1][0] += f"\n{line}"
        elif found:
            found[-1][1] += f"{line}\n"
        else:
            raise PageError(f"a console block begins with a command: {line!r}")
    return [(command, shown) for command, shown in found]
