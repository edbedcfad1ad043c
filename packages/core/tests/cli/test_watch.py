"""`intents watch` on an embedded database, and Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable

import pytest

from holdshort.cli.watch import Frames
from holdshort.client import Client

from .conftest import ADMIN, Run, spawn

Send = Callable[..., str]


def test_it_hears_of_a_decision_by_another_process_and_ends(
    ok: Run, send: Send, on_database: str
) -> None:
    intent_id = send()
    watcher = spawn("intents", "watch", intent_id, stdout=subprocess.PIPE)
    assert watcher.stdout is not None
    assert "created" in watcher.stdout.readline()
    ok("tasks", "reject", intent_id, "-c", "no")
    rest, _ = watcher.communicate(timeout=30)
    assert watcher.returncode == 0
    assert rest.splitlines()[-1].split()[3:] == [
        "completed", f"person:{ADMIN}", "outcome:", "rejected",
    ]  # fmt: skip


def test_while_it_runs_it_sends_what_is_due(
    on_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client() as client:
        intent_id = client.send_intent("intent.test.v1", to=ADMIN, remind_after=1, deadline=2)
    monkeypatch.delenv("HOLDSHORT_CONSOLE")
    watcher = spawn(
        "intents", "watch", intent_id, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, errors = watcher.communicate(timeout=30)
    assert watcher.returncode == 0
    types = [json.loads(line)["event_type"] for line in out.splitlines()]
    assert types[-2:] == ["intent.reminder", "intent.timed_out"]
    assert f"reminded {ADMIN}" in errors


def test_an_ended_intent_is_shown_and_left(ok: Run, send: Send, on_database: str) -> None:
    intent_id = send()
    ok("tasks", "approve", intent_id)
    whole = ok("intents", "watch", intent_id).out.splitlines()
    assert len(whole) == len(ok("intents", "log", intent_id).out.splitlines())
    assert ok("intents", "watch", intent_id, "--since", "2").out.splitlines() == whole[2:]


def test_what_is_not_there_is_not_waited_for(run: Run, send: Send, on_database: str) -> None:
    send()
    done = run("intents", "watch", "00000000-0000-7000-8000-000000000000")
    assert done.code == 1
    assert "(not_found)" in done.err


@pytest.mark.parametrize("place", ["on_database", "on_server"])
def test_ctrl_c_ends_with_130(request: pytest.FixtureRequest, place: str) -> None:
    request.getfixturevalue(place)
    send = request.getfixturevalue("send")
    watcher = spawn("intents", "watch", send(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert watcher.stdout is not None
    watcher.stdout.readline()
    watcher.send_signal(signal.SIGINT)
    _, errors = watcher.communicate(timeout=30)
    assert watcher.returncode == 130
    assert "Traceback" not in errors


def test_frames_are_found_wherever_the_stream_is_cut() -> None:
    stream = (
        'id: 1\nevent: a\ndata: {"x": "ü"}\n\n: still waiting\n\nevent: b\ndata: {"y": 2}\n\n'
    ).encode()
    for size in range(1, len(stream)):
        frames, found = Frames(), []
        for at in range(0, len(stream), size):
            found += list(frames.feed(stream[at : at + size]))
        assert found == [("a", {"x": "ü"}), ("b", {"y": 2})]
