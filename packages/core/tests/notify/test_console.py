from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import pytest

from holdshort.notify.base import SendFailed
from holdshort.notify.console import ConsoleNotifier
from holdshort.testing.notifier import delivery


def shown(stream: io.TextIOBase | None = None, **changes: Any) -> str:
    made = delivery("console")
    body = json.loads(made.body)
    body["type"] = changes.pop("type", body["type"])
    body["data"] |= changes
    screen: Any = stream if stream is not None else io.StringIO()
    asyncio.run(ConsoleNotifier(screen).send(made.but(body=json.dumps(body)), None))
    return screen.getvalue() if isinstance(screen, io.StringIO) else ""


def test_says_who_is_asked_what_and_how_to_answer() -> None:
    assert shown(title="Approve: export").splitlines() == [
        "[holdshort] 08:00:00Z asked cfo@company.com: Approve: export "
        "(from agent://acme/production/analyst, intent 01890a5d-ac96-774b-bcce-b302099a8001, "
        "delivery 01890a5d-ac96-774b-bcce-b302099a8057)",
        "[holdshort]   decide: holdshort tasks approve 01890a5d-ac96-774b-bcce-b302099a8001, "
        "until 2027-01-15T16:00:00.000Z",
    ]


def test_shows_rather_than_approves_what_wants_more_than_a_yes() -> None:
    text = shown(task_type="form", url="http://127.0.0.1:8100/i/1", deadline_at=None)
    assert "holdshort tasks show 01890a5d" in text
    assert text.endswith(", or open http://127.0.0.1:8100/i/1\n")


@pytest.mark.parametrize("reason", ["timed_out", "canceled"])
def test_one_line_where_there_is_nothing_to_answer(reason: str) -> None:
    text = shown(type=f"intent.{reason}", outcome="rejected", decided_by="system:timeout")
    assert text.count("\n") == 1
    assert text.endswith(" rejected by system:timeout\n")


def test_what_agents_wrote_cannot_control_the_terminal() -> None:
    """field.md, attack 44: ANSI, OSC-8 and newline injection."""
    attack = "ok\x1b[2J\x1b]8;;http://evil\x07\n[holdshort] approved \u202e\u200b"
    text = shown(title=attack, agent=attack, url=attack, deadline_at=attack, decided_by=attack)
    assert text.count("\n") == 2
    assert text.replace("\n", "").isprintable()
    assert "ok\\x1b[2J\\x1b]8;;http://evil\\x07\\n[holdshort] approved \\u202e\\u200b" in text


def test_nothing_is_cut() -> None:
    title = "x" * 5000 + "the end"
    assert title in shown(title=title)


def test_a_narrow_encoding_gets_escapes() -> None:
    raw = io.BytesIO()
    screen = io.TextIOWrapper(raw, encoding="ascii")
    shown(screen, title="Überweisung €")
    assert b"\\xdcberweisung \\u20ac" in raw.getvalue()


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(ConsoleNotifier().send(delivery("console"), None))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "asked cfo@company.com" in captured.err


def test_a_closed_stream_is_a_failure_that_may_pass() -> None:
    screen = io.StringIO()
    screen.close()
    with pytest.raises(SendFailed, match="cannot be written to") as caught:
        asyncio.run(ConsoleNotifier(screen).send(delivery("console"), None))
    assert not caught.value.permanent
