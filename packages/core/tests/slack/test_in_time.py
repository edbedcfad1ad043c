"""Slack waits for three seconds: it is answered within them, whatever holds us up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from holdshort.app import Holdshort
from holdshort.errors import ConfigurationError
from holdshort.settings import Settings

from ..server.house import database_in, opened
from .conftest import UANA, Office
from .fake import TOKEN, signed

pytestmark = pytest.mark.anyio


async def answered_in(office: Office, payload: dict[str, Any]) -> tuple[float, asyncio.Task[Any]]:
    """Post as Slack does; return how long the answer took (seconds), and what still goes on."""
    body, headers = signed(payload, office.house.clock.now() / 1000)
    done = asyncio.Event()
    scope = {
        "type": "http", "method": "POST", "path": "/slack/interactions", "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
        elif not message.get("more_body"):
            done.set()

    began = time.monotonic()
    task = asyncio.create_task(office.house.holdshort.asgi(scope, receive, send))
    await asyncio.wait_for(done.wait(), 10)
    return time.monotonic() - began, task


async def test_a_slow_slack_does_not_hold_up_the_answer(office: Office) -> None:
    asked, card = await office.ask()
    office.slack.before["users.info"] = office.slack.hang
    took, rest = await answered_in(office, office.slack.press(card, "Approve", UANA))
    assert took < 3
    assert (await office.house.look(asked))["steps"][0]["held"] is None
    office.slack.over.set()
    await rest
    assert "Undo" in card.buttons
    assert (await office.settled(asked))["approved"]


async def test_what_a_dialog_cannot_be_told_any_more_is_whispered(office: Office) -> None:
    _, card = await office.ask(human_task={"required_comment": True})
    await office.press(card, "Approve…")
    office.slack.before["users.info"] = office.slack.hang
    took, rest = await answered_in(office, office.slack.submit(office.slack.views[-1], UANA))
    assert took < 3
    office.slack.over.set()
    await rest
    assert "needs a comment" in office.slack.whispered(UANA)[-1]


async def test_a_press_is_committed_before_slack_is_answered(office: Office) -> None:
    asked, card = await office.ask()
    office.slack.before["chat.update"] = office.slack.hang
    took, rest = await answered_in(office, office.slack.press(card, "Approve", UANA))
    assert took < 2
    assert "intent.answer_held" in await office.house.events(asked)
    office.slack.over.set()
    await rest


async def test_a_dialog_that_does_not_open_is_said(office: Office) -> None:
    _, card = await office.ask()
    payload = office.slack.press(card, "Change it first…", UANA)
    office.slack.triggers.clear()
    await office.post(payload)
    assert "did not open the dialog" in office.slack.whispered(UANA)[-1]


async def test_without_slack_there_is_no_such_page(tmp_path: Path) -> None:
    async with opened(database_in(tmp_path)) as house:
        sent = await house.http.post("/slack/interactions", content=b"payload={}")
        assert sent.status_code == 404
        assert (await house.http.get("/slack/interactions")).status_code in (404, 405)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"slack_bot_token": TOKEN}, "SIGNING_SECRET"),
        ({"slack_app_token": "xapp-1"}, "needs HOLDSHORT_SLACK_BOT_TOKEN"),
    ],
)
def test_half_a_setup_is_refused(tmp_path: Path, options: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Holdshort(Settings(database=database_in(tmp_path), **options))


def test_it_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['slack_sdk'] = None\n"
        "from holdshort.app import Holdshort; from holdshort.settings import Settings\n"
        "try: Holdshort(Settings(database=sys.argv[1], slack_bot_token='x',"
        " slack_signing_secret='y'))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    command = [sys.executable, "-c", program, database_in(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "ConfigurationError Slack needs slack-sdk: pip install 'holdshort[slack]'"
    )


async def test_what_is_too_large_is_not_read(office: Office) -> None:
    sent = await office.send(b"payload=" + b"x" * 1024 * 1024, {})
    assert sent.status_code == 413


async def test_the_tokens_are_shown_nowhere(office: Office) -> None:
    settings = office.house.holdshort.settings
    for secret in (settings.slack_bot_token, settings.slack_signing_secret):
        assert secret is not None
        assert secret.get_secret_value() not in repr(settings)
