"""`holdshort mail receive`: how a mail server passes a reply on."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from holdshort.store.sqlite import SqliteStore

from ..server.house import ANA, BO, database_in, opened
from .conftest import Done, Run

Pipe = Callable[..., Done]


@pytest.fixture
def asked(tmp_path: Path) -> tuple[str, str]:
    """An intent that waits for Ana, and the address that her mail is replied to."""

    async def make() -> tuple[str, str]:
        async with opened(database_in(tmp_path)) as house:
            intent_id = await house.ask()
            token = await house.holdshort.desk.reply_token("default", ANA, intent_id)
            return intent_id, f"decide+{token}@acme.com"

    return asyncio.run(make())


@pytest.fixture
def pipe(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pipe:
    """Pass a mail to the command."""

    def pipe(to: str, *options: str, sender: str = ANA, text: str = "approve", **more: str) -> Done:
        message = EmailMessage()
        message["From"], message["To"] = sender, to
        for name, value in more.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
        stdin = io.TextIOWrapper(io.BytesIO(message.as_bytes()))
        monkeypatch.setattr(sys, "stdin", stdin)
        return run("mail", "receive", "--database", database_in(tmp_path), *options)

    return pipe


def comments(tmp_path: Path, intent_id: str) -> list[str]:
    store = SqliteStore(str(tmp_path / "holdshort.db"))
    try:
        events = store.events("default", intent_id)
        return [one.line for one in events if one.event_type == "intent.commented"]
    finally:
        store.close()


def test_a_reply_becomes_a_comment(pipe: Pipe, asked: tuple[str, str], tmp_path: Path) -> None:
    intent_id, to = asked
    done = pipe(to, "--mailbox", "decide@acme.com")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"A comment of {ANA} on {intent_id}\n"
    (line,) = comments(tmp_path, intent_id)
    assert f'"actor":"person:{ANA}"' in line
    assert '"text":"approve"' in line


def test_for_scripts(pipe: Pipe, asked: tuple[str, str]) -> None:
    intent_id, to = asked
    done = pipe(to, "--json")
    assert done.json["intent"]["intent_id"] == intent_id
    assert done.json["intent"]["status"] == "WAITING"
    assert "sent by itself" in pipe(to, "--json", Auto_Submitted="auto-replied").json["ignored"]


def test_what_is_no_comment_is_ignored_and_not_sent_back(
    pipe: Pipe, asked: tuple[str, str], tmp_path: Path
) -> None:
    intent_id, to = asked
    for why, done in {
        "sent by itself": pipe(to, Auto_Submitted="auto-replied"),
        "from somebody else": pipe(to, sender=BO),
        "none of our mails": pipe("decide@acme.com"),
        "no words of its own": pipe(to, text="> approve"),
        "no mail of ours": pipe(f"decide+{'a' * 32}@acme.com"),
        "does not say who sent it": pipe(to, "--vouched-by", "mx.acme.com"),
    }.items():
        assert done.code == 0, "another code would make the mail server send a bounce"
        assert done.err.startswith("ignored: ")
        assert why in done.err
        assert done.out == ""
    assert comments(tmp_path, intent_id) == []


def test_what_went_wrong_is_tried_again(pipe: Pipe, asked: tuple[str, str]) -> None:
    done = pipe(asked[1], "--url", "http://127.0.0.1:9")
    assert done.code != 0
