"""What reaches a terminal, and what reaches a script."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ADMIN, Run

Send = Callable[..., str]

HOSTILE = (
    "pay \x1b[31mred\x1b[0m \u202egnp.exe\u200b [bold]x[/bold] [link=http://evil]y[/link] \x07"
)
SHOWN = (
    "pay \\x1b[31mred\\x1b[0m \\u202egnp.exe\\u200b [bold]x[/bold] [link=http://evil]y[/link] \\x07"
)


@pytest.mark.usefixtures("place")
def test_a_hostile_title_is_shown_and_harmless(ok: Run, send: Send) -> None:
    intent_id = send("--title", HOSTILE, "--payload", json.dumps({"why\x1b[2J": HOSTILE}))
    for command in (
        ("tasks", "list"),
        ("tasks", "show", intent_id),
        ("intents", "list"),
        ("intents", "get", intent_id),
        ("intents", "log", intent_id),
        ("tasks", "list", "--json"),
        ("tasks", "show", intent_id, "--json"),
    ):
        out = ok(*command).out
        assert not set(out) & set("\x1b\x07\u202e\u200b"), command
    assert SHOWN in ok("tasks", "list", "--limit", "500").out
    assert ok("tasks", "show", intent_id, "--json").json["title"] == HOSTILE


@pytest.mark.usefixtures("on_database")
def test_a_hostile_reason_in_an_error_is_harmless(run: Run, send: Send) -> None:
    intent_id = send("--task", "form", "--form", json.dumps({"properties": {"a\x1b[2J": {}}}))
    done = run("tasks", "submit", intent_id, "--outcome", "submitted", "--data", "b=1")
    assert done.code == 2
    assert "\x1b" not in done.err


@pytest.mark.usefixtures("on_database")
def test_show_cuts_nothing(ok: Run, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    value = "x" * 5000 + "END"
    intent_id = send("--payload", json.dumps({"key": value}), "--description", "one\ntwo")
    out = ok("tasks", "show", intent_id).out
    assert value in out.replace("│", "").replace("\n", "").replace(" ", "")
    assert intent_id in out
    lines = [line.strip("│ ") for line in out.splitlines()]
    assert lines.index("two") == lines.index("one") + 1


@pytest.mark.usefixtures("place")
def test_json_is_one_document_and_nothing_else(ok: Run, send: Send) -> None:
    intent_id = send()
    for command in (
        ("tasks", "list"),
        ("tasks", "show", intent_id),
        ("tasks", "claim", intent_id),
        ("tasks", "comment", intent_id, "hm"),
        ("tasks", "approve", intent_id),
        ("intents", "list"),
        ("intents", "get", intent_id),
        ("intents", "log", intent_id),
        ("intents", "send", "intent.test.v1", "--to", ADMIN),
        ("people", "add", "ben@acme.com"),
        ("people", "list"),
        ("teams", "set", "legal", "ben@acme.com"),
        ("teams", "list"),
        ("policies", "set", "intent.json.*", "quorum=1"),
        ("policies", "list"),
        ("policies", "remove", "intent.json.*"),
        ("keys", "create", "--service", "ci"),
        ("keys", "list"),
        ("deliveries", "list"),
        ("webhooks", "list"),
        ("audit", "export", "--intent", intent_id, "-o", "log.jsonl"),
        ("audit", "verify", "log.jsonl"),
        ("doctor",),
    ):
        done = ok(*command, "--json")
        assert done.json is not None, command
        assert done.out.isascii(), command


@pytest.mark.usefixtures("on_database")
def test_notifications_of_a_command_itself_are_not_printed(
    ok: Run, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOLDSHORT_CONSOLE")
    done = ok("intents", "send", "intent.test.v1", "--to", ADMIN)
    assert "[holdshort]" not in done.err
    assert done.err.count(ADMIN) == 1
    assert "[holdshort]" not in ok("tasks", "approve", done.out.strip()).err


def on_a_terminal(*arguments: str, columns: int, **environment: str) -> str:
    """Run a command on a pseudo-terminal of this width; return what it wrote there."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "holdshort.cli", *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": str(columns), **environment},
    )
    os.close(terminal)
    written = b""
    while True:
        try:
            piece = os.read(controller, 4096)
        except OSError:  # Linux says so that the other side is closed
            break
        if not piece:
            break
        written += piece
    os.close(controller)
    assert process.wait(20) == 0
    return written.decode().replace("\r\n", "\n")


@pytest.mark.usefixtures("on_database")
def test_a_terminal_gets_style_unless_it_asks_for_none(send: Send) -> None:
    intent_id = send()
    assert "\x1b[" in on_a_terminal("tasks", "list", columns=300)
    plain = on_a_terminal("tasks", "list", columns=300, NO_COLOR="1")
    assert "\x1b" not in plain
    assert intent_id in plain
    # Too narrow for columns: row by row, and the id still in one piece.
    narrow = on_a_terminal("tasks", "list", columns=60)
    assert intent_id in narrow
    assert ADMIN in narrow


def test_help_is_quick_and_every_command_has_examples_and_json(ok: Run) -> None:
    commands = 0
    names = [row.split()[0] for row in ok("--help").out.split("Commands:\n")[1].splitlines() if row]
    assert {"up", "tasks", "intents", "keys", "people", "teams", "audit", "doctor", "demo"} < {
        *names
    }
    for name in names:
        text = ok(name, "--help").out
        below = text.split("Commands:\n")[1:]
        inner = (
            [row.split() for row in below[0].splitlines() if row.startswith("  ")] if below else []
        )
        paths = [[name, words[0]] for words in inner if words[0].islower()] or [[name]]
        for path in paths:
            shown = ok(*path, "--help").out
            assert "Examples:\n    holdshort" in shown, path
            assert "--json" in shown, path
            commands += 1
    assert commands >= 35


def test_the_version_is_said(ok: Run) -> None:
    assert ok("--version").out.startswith("holdshort ")


def test_errors_are_one_line_on_standard_error(run: Run) -> None:
    done = run("tasks", "list")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: there is no database at .holdshort/holdshort.db")
    assert done.err.count("\n") == 1
    assert not Path(".holdshort").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["tasks", "nonsense"], 2, "No such command"),
        (["tasks", "show"], 2, "Missing argument"),
        (
            ["tasks", "list", "--url", "http://127.0.0.1:9", "--database", "sqlite:///x"],
            2,
            "not both",
        ),
        (["tasks", "list", "--url", "ftp://x"], 2, "http://"),
        (["tasks", "list", "--api-key", "x"], 2, "--api-key is for a server"),
        (["tasks", "list", "--url", "http://127.0.0.1:9", "--as", ADMIN], 2, "--as is for"),
        (["tasks", "approve", "abcd", "--url", "http://127.0.0.1:9"], 1, "HOLDSHORT_PERSON_KEY"),
        (["keys", "list", "--url", "http://127.0.0.1:9"], 1, "HOLDSHORT_SERVICE_KEY"),
        (["keys", "create"], 2, "whose key"),
        (["intents", "send", "intent.x.v1", "--deadline", "soon"], 2, "not a duration"),
        (["intents", "send", "nonsense"], 1, "intent_type"),
        (["intents", "list", "--database", "mysql://x"], 1, "no database here"),
        (["audit", "verify", "missing.jsonl"], 1, "No such file"),
    ],
)
def test_exit_codes(run: Run, arguments: list[str], code: int, why: str) -> None:
    done = run(*arguments)
    assert (done.code, done.out) == (code, "")
    assert why in done.err
    assert "Traceback" not in done.err


def test_a_server_that_is_not_there_is_told_soon(run: Run) -> None:
    done = run("tasks", "list", "--url", "http://127.0.0.1:9", "--api-key", "x")
    assert done.code == 1
    assert "cannot reach http://127.0.0.1:9" in done.err
    assert "holdshort up" in done.err


@pytest.mark.usefixtures("on_database")
def test_deciding_needs_a_name(run: Run, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    intent_id = send()
    monkeypatch.delenv("HOLDSHORT_PERSON")
    done = run("tasks", "approve", intent_id)
    assert done.code == 1
    assert "--as ana@acme.com" in done.err
    assert run("tasks", "list").out.count(intent_id) == 1, "without a name: everybody's"
    assert intent_id not in run("tasks", "list", "--as", "eve@acme.com").out
    refused = run("tasks", "approve", intent_id, "--as", "eve@acme.com")
    assert refused.code == 1
    assert run("tasks", "approve", intent_id, "--as", "nobody").code == 2
