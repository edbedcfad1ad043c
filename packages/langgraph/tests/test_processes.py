"""A process that is really killed before it has asked. (The contract kills the others.)"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdshort import Client, Reviewer

STORY = Path(__file__).with_name("story.py")


@pytest.fixture
def story(tmp_path: Path, client: Client) -> Callable[..., int]:
    """Run one step of the story in an interpreter of its own; return its exit status."""

    def run(step: str, *how: str) -> int:
        command = [sys.executable, str(STORY), step, str(tmp_path), *how]
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode

    return run


@pytest.fixture
def until(client: Client, story: Callable[..., int]) -> Callable[..., dict[str, Any]]:
    """Let workers come and go until the run is as wanted: the lease of the dead has to end."""

    def wait(wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        ends = time.monotonic() + 30
        while time.monotonic() < ends:
            run = client.get_run("t1")
            if run is not None and wanted(run):
                return run
            story("work")
        raise AssertionError(client.get_run("t1"))

    return wait


def is_done(run: dict[str, Any]) -> bool:
    return bool(run["status"] == "done")


def test_a_process_that_dies_before_it_has_asked(
    tmp_path: Path, client: Client, ana: Reviewer, story: Any, until: Any
) -> None:
    assert story("start", "die") == -9
    run = until(lambda run: run["status"] == "suspended" and run["waits"])
    ana.approve(run["waits"][0])

    run = until(is_done)

    assert (tmp_path / "paid").read_text() == "b 5\n"
    assert run["result"]["messages"][-1]["content"] == "heard: paid b 5"
