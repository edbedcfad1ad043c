"""`holdshort worker` and `holdshort runs`: from a user's module to a resumed run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Done, spawn

SHOP = """
from holdshort import Client, Worker
from holdshort.adapters import open_run, tool_intent, Gate

client = Client("sqlite:///shop.db")

class Refunds:
    name = "refunds"
    client = client

    def resume(self, run):
        (decision,) = run.decisions(run.waits).values()
        run.finish(decision.outcome)

class Late(Refunds):
    name = "late"

app = Refunds()
both = [app, Late()]
worker = Worker(client, apps=[app])
nothing = object()

def make():
    return app

def ask():
    run = open_run(client, "r-1", app="refunds")
    gate = Gate(to="ana@acme.com")
    return run.suspend(1, [tool_intent(gate, key="k", tool="pay", arguments={"n": 1})])[0]
"""
ASK = "import shop; print(shop.ask())"
PLACE = ("--database", "sqlite:///shop.db")


@pytest.fixture
def asked(tmp_path: Path, ok: Callable[..., Done]) -> str:
    """The id of what the run `r-1` waits for, asked by another process."""
    (tmp_path / "shop.py").write_text(SHOP)
    done = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.split()[-1]


def worker(*arguments: str) -> tuple[int, str, str]:
    """Run a worker in a process of its own: what it imports stays there."""
    process = spawn("worker", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, errors = process.communicate(timeout=60)
    return process.returncode, out, errors


@pytest.mark.parametrize("target", ["shop:app", "shop:both", "shop:worker", "shop:make"])
def test_resumes_what_was_decided(target: str, asked: str, ok: Callable[..., Done]) -> None:
    ok("tasks", "approve", asked, "--as", "ana@acme.com", *PLACE)
    code, out, errors = worker(target, "--once")
    assert (code, out) == (0, "finished 1\n"), errors
    listed: Any = ok("runs", "list", *PLACE, "--json").json
    (run,) = listed["runs"]
    assert (run["status"], run["result"]) == ("done", "approved")


def test_leaves_what_is_open(asked: str, ok: Callable[..., Done]) -> None:
    code, out, _ = worker("shop:app", "--once", "--json")
    assert code == 0
    assert '"finished": 0' in out
    shown = ok("runs", "list", "--status", "suspended", *PLACE).out
    assert "r-1" in shown
    assert asked in shown


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("shop", "write module:name"),
        ("shop:", "write module:name"),
        ("shop:missing", "nothing named 'missing'"),
        ("nowhere:app", "no module 'nowhere'"),
        ("shop:nothing", "is no application"),
    ],
)
def test_says_what_is_wrong(target: str, says: str, asked: str) -> None:
    code, _, errors = worker(target, "--once")
    assert code != 0
    assert says in errors
    assert "Traceback" not in errors


def test_an_empty_list_says_so(ok: Callable[..., Done], asked: str) -> None:
    assert "no such runs" in ok("runs", "list", "--app", "other", *PLACE).out
