"""`holdshort inbox`, at a pseudo terminal, against both kinds of place."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdshort.client import Client

from .conftest import ADMIN, Run, Server, start_server
from .pty_screen import Screen

Send = Callable[..., str]
PAY = json.dumps({"amount": 450, "to": "ACME"})
MENU = "[a yes"


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch, on_database: str) -> str:
    """An embedded database on which answers take effect at once."""
    monkeypatch.setenv("HOLDSHORT_UNDO_SECONDS", "0")
    return on_database


def risk(ok: Run, risk: str) -> None:
    ok("policies", "set", "intent.test.*", f"risk={risk}")


def result(ok: Run, intent_id: str) -> Any:
    return ok("intents", "get", intent_id, "--json").json["result"]


def held(ok: Run, intent_id: str) -> Any:
    tasks = ok("tasks", "list", "--json", "--limit", "500").json["tasks"]
    return next(one["held"] for one in tasks if one["intent_id"] == intent_id)


def test_the_list_for_scripts(ok: Run, send: Send, place: str) -> None:
    asked = send()
    tasks = ok("inbox", "--json").json["tasks"]
    assert asked in [one["intent_id"] for one in tasks]


@pytest.mark.usefixtures("on_database")
def test_without_a_terminal_it_says_what_to_use(run: Run, send: Send) -> None:
    send()
    done = run("inbox")
    assert done.code == 1
    assert "holdshort tasks approve" in done.err
    assert done.out == ""


def test_an_answer_and_its_undo(ok: Run, send: Send, place: str) -> None:
    risk(ok, "low")
    asked = send("--title", f"Pay for {place}", "--payload", '{"n": 7}')
    with Screen("inbox") as screen:
        screen.expect("? keys · q quit]")
        screen.press("/")
        screen.expect("Search")
        screen.press(f"{asked}\n")
        listed = screen.expect("q quit]")
        assert f"Pay for {place}" in listed
        screen.press("j")
        card = screen.expect(MENU)
        assert "LOW RISK  approval" in card
        assert "n: 7" in card
        assert "If not    If nobody decides in time, it does not run." in card
        screen.press("a")
        screen.expect("You answered “Approve”")
        assert held(ok, asked)["by"] == ADMIN
        screen.expect("q quit]")
        screen.press("u")
        screen.expect("It is taken back")
        screen.expect(MENU)
        assert held(ok, asked) is None
        screen.press("r")
        screen.expect("Comment (Enter for none): ")
        screen.press("not this one\n")
        screen.expect("You answered “Reject”")
        assert held(ok, asked)["outcome"] == "rejected"
        screen.expect("q quit]")
        screen.press("q")
        assert "takes effect in" in screen.expect("press u.")
        assert screen.end() == 0
        assert screen.echoes()


def opened(screen: Screen) -> str:
    """Go from the list to its first card."""
    screen.expect("q quit]")
    screen.press("j")
    return screen.expect("q quit]")


def test_medium_risk_is_asked_back(ok: Run, send: Send, soon: str) -> None:
    asked = send()
    with Screen("inbox") as screen:
        assert "MEDIUM RISK" in opened(screen)
        for answer in ("n", "", "yeah"):
            screen.press("a")
            screen.expect("Approve? [y/N] ")
            screen.press(f"{answer}\n")
            screen.expect("Nothing was sent.")
            screen.expect(MENU)
        assert result(ok, asked) is None
        screen.press("a")
        screen.expect("[y/N] ")
        screen.press("y\n")
        screen.expect("You answered")
        screen.expect("Nothing waits for you here")
        assert result(ok, asked)["decided_by"] == f"person:{ADMIN}"
        assert result(ok, asked)["approved"]


def test_high_risk_is_typed_back(ok: Run, send: Send, soon: str) -> None:
    risk(ok, "high")
    asked = send("--payload", PAY)
    with Screen("inbox") as screen:
        card = opened(screen)
        assert "Run intent.test.v1: amount 450, to “ACME”" in card
        screen.press("a")
        screen.expect("To approve, type “450”: ")
        screen.press("45\n")
        screen.expect("That is not what stands there.")
        screen.expect(MENU)
        assert result(ok, asked) is None
        screen.press("a")
        screen.expect("type “450”: ")
        screen.press("450\n")
        screen.expect("You answered")
        screen.expect("Nothing waits")
        assert result(ok, asked)["approved"]


@pytest.mark.parametrize("level", ["low", "high"])
def test_nothing_is_approved_before_all_of_it_was_shown(
    ok: Run, send: Send, soon: str, level: str
) -> None:
    """Attack 39: the payload at the end of something long."""
    risk(ok, level)
    rows = {f"row {n}": "x" * 30 for n in range(60)}
    asked = send("--payload", json.dumps(rows | {"and": "delete everything"}))
    with Screen("inbox", lines=24) as screen:
        screen.expect("q quit]")
        screen.press("j")
        shown = screen.expect("more lines")
        screen.press("a")
        screen.expect("Read on first")
        screen.expect("more lines · j next")
        assert result(ok, asked) is None
        for _ in range(20):
            screen.press(" ")
            shown += screen.expect("? keys")
            if MENU in shown:
                break
        assert "delete everything" in shown
        assert all(f"row {n}: " in shown for n in range(60))
        screen.press("r")
        screen.expect("Comment")
        screen.press("\n")
        screen.expect("You answered “Reject”")


HOSTILE = (
    "ok\x1b[31mred\x1b[0m \x1b]8;;http://evil.example\x07link\x1b]8;;\x07 \u202egnp.exe\u200b\r"
    "\x1b[2J\x1b[H[bold]x[/bold]\n[a yes · r no]\n└── What exactly\x9b31m"
)


def test_escape_sequences_do_nothing(soon: str) -> None:
    """Attacks 38, 41 and 44, in a process at a terminal."""
    values = {"why\x1b[2J\nIf not": HOSTILE, "list": [HOSTILE, {"\u202e": HOSTILE}]}
    action = {"tool": "pay", "arguments": values}
    with Client(soon) as client:
        client.send_intent(
            "intent.test.v1",
            to=ADMIN,
            action=action,
            payload=values,
            title=HOSTILE.split("\n")[0],
            description=HOSTILE,
        )
    with Screen("inbox", lines=200) as screen:
        card = opened(screen)
        screen.press("a")
        screen.expect("[y/N] ")
        screen.press("\n")
        screen.expect(MENU)
        screen.press("q")
        assert screen.end() == 0
        unseen = set(screen.all) - {"\n"}
        assert not {one for one in unseen if ord(one) < 32 or 0x7F <= ord(one) < 0xA0}
        assert not unseen & set("\u202e\u200b")
        assert "\\x1b[31mred" in card
        assert "\\u202egnp.exe" in card
        assert "[bold]x[/bold]" in card
        # Each line of the agent's words has the edge of its box before it.
        lines = card.split("\n")
        assert [line[:2] for line in lines if "└── What" in line and "x9b" in line][-1] == "│ "
        assert sum(line.startswith("[a yes") for line in lines) == 1
        assert not any(line.startswith("└── What") for line in lines)


def test_a_change_is_shown_and_approved(ok: Run, send: Send, soon: str, tmp_path: Path) -> None:
    risk(ok, "low")
    asked = send("--payload", PAY)
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/450/400/" "$1"\n')
    editor.chmod(0o700)
    with Screen("inbox", EDITOR=str(editor)) as screen:
        opened(screen)
        screen.press("e")
        changed = screen.expect("Approve as changed? [y/N] ")
        assert '-   "amount": 450,' in changed
        assert '+   "amount": 400,' in changed
        screen.press("y\n")
        screen.expect("You answered")
        screen.expect("Nothing waits")
        found = result(ok, asked)
        assert (found["edited"], found["arguments"]) == (True, {"amount": 400, "to": "ACME"})


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("exit 3", "ended with 3"),
        ("true", "Nothing was changed."),
        ('echo "[1" > "$1"', "Go on editing? [y/N] "),
        ('echo "[1]" > "$1"', "It has to be an object"),
        ('echo "{\\"a\\": 1, \\"a\\": 2}" > "$1"', "a key appears twice"),
    ],
)
def test_an_editor_that_gives_nothing(
    ok: Run, send: Send, soon: str, tmp_path: Path, script: str, says: str
) -> None:
    asked = send("--payload", PAY)
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o700)
    with Screen("inbox", EDITOR=str(editor)) as screen:
        opened(screen)
        screen.press("e")
        screen.expect(says)
        if "editing" in says or "object" in says or "twice" in says:
            if "editing" not in says:
                screen.expect("[y/N] ")
            screen.press("\n")
        screen.expect("Nothing was sent.")
        screen.expect(MENU)
        assert result(ok, asked) is None


FORM = {
    "type": "object",
    "required": ["colour", "many"],
    "properties": {
        "colour": {"enum": ["red", "blue"], "title": "Colour"},
        "many": {"type": "integer", "minimum": 3, "title": "How many"},
        "note": {"type": "string", "description": "for the \x1b[31mrecord"},
        "address": {"type": "object", "properties": {"street": {"type": "string"}}},
    },
}


def test_a_form_is_asked_field_by_field(ok: Run, send: Send, soon: str) -> None:
    risk(ok, "low")
    asked = send("--task", "form", "--form", json.dumps(FORM))
    with Screen("inbox") as screen:
        opened(screen)
        screen.press("a")
        screen.expect("Colour (needed), its number: ")
        screen.press("2\n")
        screen.expect("How many (needed): ")
        screen.press("two\n")
        screen.expect("Note: ")
        screen.press("\n")
        screen.expect("Street: ")
        screen.press("Main 1\n")
        # Only what was wrong is asked again.
        screen.expect("! How many: ")
        screen.expect("How many (needed): ")
        screen.press("2\n")
        screen.expect("! How many: 2 is less than the minimum of 3")
        screen.expect("How many (needed): ")
        screen.press("4\n")
        screen.expect("You answered “Submit”")
        screen.expect("Nothing waits")
        data = {"colour": "blue", "many": 4, "address": {"street": "Main 1"}}
        assert result(ok, asked)["data"] == data
        assert "\x1b" not in screen.all


def test_what_happened_elsewhere_is_told(ok: Run, send: Send, place: str) -> None:
    asked = send("--title", f"Elsewhere {time.monotonic_ns()}")
    with Screen("inbox") as screen:
        screen.expect("q quit]")
        screen.press("/")
        screen.expect("Search")
        screen.press(f"{asked}\n")
        opened(screen)
        ok("tasks", "reject", asked, "-c", "no")
        screen.expect(f"! {ADMIN} answered “rejected”.")
        screen.expect("[j next")
        screen.press("a")
        screen.expect(f"! {ADMIN} answered “rejected”.")
        screen.expect("Nothing was sent.")
        screen.press("q")
        assert screen.end() == 0


def test_keys_that_were_pressed_too_early_answer_nothing(ok: Run, send: Send, soon: str) -> None:
    risk(ok, "low")
    asked = [send("--payload", json.dumps({"n": n})) for n in range(3)]
    with Screen("inbox") as screen:
        screen.expect("q quit]")
        screen.press("jaaaa")
        screen.expect(MENU)
        time.sleep(0)
        assert [result(ok, one) for one in asked] == [None] * 3
        screen.press("aaaa")
        screen.expect("You answered")
        screen.expect(MENU)
        assert sum(result(ok, one) is not None for one in asked) == 1


def test_ctrl_c_loses_nothing(ok: Run, send: Send, soon: str) -> None:
    asked = send()
    with Screen("inbox") as screen:
        opened(screen)
        screen.press("a")
        screen.expect("[y/N] ")
        screen.press("\x03")
        screen.expect("Nothing was sent.")
        screen.expect(MENU)
        assert result(ok, asked) is None
        screen.press("\x03")
        assert screen.end() == 0
        assert screen.echoes()
        assert "Traceback" not in screen.all


def test_a_server_that_goes_away_is_told(
    ok: Run, on_server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = start_server(tmp_path)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    ok("intents", "send", "intent.test.v1", "--to", ADMIN)
    port = int(server.url.rpartition(":")[2])
    with Screen("inbox") as screen:
        opened(screen)
        assert server.stop() == 0
        screen.expect("! What you see may be old")
        again = start_server(tmp_path, port)
        try:
            screen.expect("The server is there again.")
            screen.press("q")
            assert screen.end() == 0
        finally:
            again.stop()


def test_another_hand_and_a_word(ok: Run, send: Send, soon: str) -> None:
    asked = send()
    with Screen("inbox") as screen:
        opened(screen)
        screen.press("c")
        screen.expect("Say (Enter for nothing): ")
        screen.press("which invoice?\n")
        screen.expect("answer it? [y/N] ")
        screen.press("n\n")
        screen.expect("Done.")
        screen.expect(MENU)
        screen.press("t")
        screen.expect("Done.")
        assert f"Taken by  {ADMIN}" in screen.expect(MENU)
        screen.press("d")
        screen.expect("To whom")
        screen.press("bo@acme.com\n")
        screen.expect("Why")
        screen.press("you know them\n")
        screen.expect("q quit]")
        screen.press("?")
        assert "hand it to somebody else" in screen.expect("q      quit")
    log = ok("intents", "log", asked).out
    assert "which invoice?" in log
    assert "bo@acme.com" in log
    assert os.environ["HOLDSHORT_DATABASE"] == soon


def say_yes_and_leave(seconds: int) -> None:
    with Screen("inbox") as screen:
        opened(screen)
        screen.press("a")
        screen.expect(f"u takes it back for {seconds} s.")
        screen.press("q")
        assert screen.end() == 0


@pytest.mark.usefixtures("on_database")
def test_an_answer_takes_effect_after_its_giver_has_left(
    ok: Run, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDSHORT_UNDO_SECONDS", "2")
    risk(ok, "low")
    asked = send()
    say_yes_and_leave(2)
    ends = time.monotonic() + 20
    while result(ok, asked) is None:
        assert time.monotonic() < ends
    assert result(ok, asked)["approved"]


@pytest.mark.usefixtures("on_database")
def test_a_held_answer_is_taken_back_in_another_sitting(ok: Run, send: Send) -> None:
    risk(ok, "low")
    asked = send()
    say_yes_and_leave(10)
    with Screen("inbox") as screen:
        screen.expect("answered “approved”")
        assert "it takes effect" in opened(screen)
        screen.press("u")
        screen.expect("It is taken back")
        screen.expect(MENU)
    assert held(ok, asked) is None


def test_a_deputy_reads_for_whom_they_answer(ok: Run, send: Send, soon: str) -> None:
    risk(ok, "low")
    asked = send()
    ok("tasks", "claim", asked)
    ok("people", "add", "bo@acme.com")
    today = datetime.now(UTC).date()
    begins, ends = today - timedelta(days=2), today + timedelta(days=2)
    ok(
        "people", "away", ADMIN, "--from", f"{begins}T00:00Z", "--until", f"{ends}T00:00Z",
        "--deputy", "bo@acme.com",
    )  # fmt: skip
    with Screen("inbox", "--as", "bo@acme.com") as screen:
        listed = screen.expect("q quit]")
        assert f"taken by {ADMIN}" not in listed
        screen.press("j")
        card = screen.expect(MENU)
        assert "Taken by" not in card
        assert f"You answer for {ADMIN}, who is away until {ends} 00:00:00Z" in card
        screen.press("t")
        screen.expect("Done.")
        assert "Taken by  bo@acme.com" in screen.expect(MENU)
        screen.press("a")
        screen.expect("You answered")
        screen.expect("Nothing waits")
    found = result(ok, asked)
    assert (found["decided_by"], found["on_behalf_of"]) == ("person:bo@acme.com", ADMIN)


def test_36_what_was_refused_before_is_said(ok: Run, send: Send, soon: str) -> None:
    risk(ok, "low")
    ok("tasks", "reject", send("--payload", PAY), "--comment", "no")
    send("--payload", PAY)
    with Screen("inbox") as screen:
        assert f"! Exactly this was refused before: once by {ADMIN}." in opened(screen)


def test_a_file_is_given_as_evidence(ok: Run, soon: str, tmp_path: Path) -> None:
    risk(ok, "low")
    photo = tmp_path / "lock photo.jpg"
    photo.write_bytes(b"\x00\xff jpg")
    with Client() as client:
        asked = client.send_intent(
            "intent.test.v1",
            to=ADMIN,
            task="manual_action",
            human_task={"evidence_required": True, "title": "Photograph the lock"},
        )
    with Screen("inbox") as screen:
        opened(screen)
        screen.press("a")
        screen.expect("Evidence, needed here: a file of yours, a link, or a SHA-256: ")
        screen.press(f"{photo}\n")
        screen.expect("You answered “Done”")
        screen.expect("Nothing waits")
    (piece,) = result(ok, asked)["evidence"]
    assert piece["name"] == "lock_photo.jpg"
    assert piece["sha256"] == hashlib.sha256(photo.read_bytes()).hexdigest()
