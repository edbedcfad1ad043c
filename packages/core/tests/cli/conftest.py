"""The command line in this process and in processes of its own, on both kinds of place."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import holdshort
from holdshort.cli import main

ADMIN = "ana@acme.com"


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output; anything beside it fails the test."""
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test has an empty folder, and nothing of the caller's environment."""
    for name in [*os.environ]:
        if name.startswith("HOLDSHORT_") or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    # Children find the same source, also where it is named by a relative path.
    source = str(Path(holdshort.__file__).parents[1].resolve())
    monkeypatch.setenv("PYTHONPATH", source)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process."""

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        code = main(arguments)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def ok(run: Run) -> Run:
    """Run a command that has to succeed."""

    def run_ok(*arguments: str) -> Done:
        done = run(*arguments)
        assert done.code == 0, done.err
        return done

    return run_ok


def spawn(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start a command as a process of its own."""
    command = [sys.executable, "-m", "holdshort.cli", *arguments]
    return subprocess.Popen(command, encoding="utf-8", **options)


@dataclass
class Server:
    """A real `holdshort up`."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    def environment(self) -> dict[str, str]:
        keys = self.ready["keys"]
        return {
            "HOLDSHORT_URL": self.url,
            "HOLDSHORT_API_KEY": keys["agent"],
            "HOLDSHORT_PERSON_KEY": keys["person"],
            "HOLDSHORT_SERVICE_KEY": keys["service"],
        }

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(20)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


def start_server(folder: Path, port: int = 0) -> Server:
    """Start a server on a database in this folder; return once it listens."""
    source = str(Path(holdshort.__file__).parents[1].resolve())
    process = spawn(
        "up", "--json", "--port", str(port), "--admin", ADMIN,
        "--database", f"sqlite:///{folder / 'server.db'}",
        env={**os.environ, "PYTHONPATH": source},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"it ended with {process.wait(20)}"
    return Server(process, json.loads(line))


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start_server(tmp_path_factory.mktemp("up"))
    yield server
    server.stop()


@pytest.fixture
def on_server(shared_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Commands act on a real server, as the keys of its first start."""
    for name, value in shared_server.environment().items():
        monkeypatch.setenv(name, value)
    return shared_server


@pytest.fixture
def on_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Commands act on an embedded database, as the person ADMIN."""
    database = f"sqlite:///{tmp_path / 'hs.db'}"
    monkeypatch.setenv("HOLDSHORT_DATABASE", database)
    monkeypatch.setenv("HOLDSHORT_PERSON", ADMIN)
    monkeypatch.setenv("HOLDSHORT_CONSOLE", "false")
    return database


@pytest.fixture(params=["on_database", "on_server"])
def place(request: pytest.FixtureRequest) -> str:
    """Each of the two, in turn."""
    request.getfixturevalue(request.param)
    return str(request.param)


@pytest.fixture
def send(ok: Run) -> Callable[..., str]:
    """File an intent for ADMIN; return its id."""

    def send(*arguments: str, intent_type: str = "intent.test.v1") -> str:
        return ok("intents", "send", intent_type, "--to", ADMIN, *arguments).out.strip()

    return send
