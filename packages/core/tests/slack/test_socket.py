"""Socket mode: slack-sdk's own client against a websocket server on a loopback address."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from ..server.house import ANA, database_in, opened
from .conftest import UANA, Office, by_hand, until
from .fake import APP_TOKEN, TOKEN, FakeSlack

pytestmark = pytest.mark.anyio


class Sockets:
    """Slack's end of socket mode: it says hello, sends envelopes, and keeps what comes back."""

    def __init__(self) -> None:
        self.open: list[ServerConnection] = []
        self.connections = 0
        self.answers: dict[str, dict[str, Any]] = {}
        self.server: Server = serve(self._talk, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self.server.socket.getsockname()[1]}/link?ticket=1"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def _talk(self, connection: ServerConnection) -> None:
        self.connections += 1
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        self.open.append(connection)
        try:
            for message in connection:
                if str(message).startswith("{"):
                    found = json.loads(message)
                    self.answers[found["envelope_id"]] = found
        except ConnectionClosed:
            pass
        self.open.remove(connection)

    def envelope(self, payload: dict[str, Any], envelope_id: str, **more: Any) -> None:
        body = {"envelope_id": envelope_id, "type": "interactive", "payload": payload, **more}
        self.open[-1].send(json.dumps(body))

    def close(self) -> None:
        for connection in list(self.open):
            connection.close()
        self.server.shutdown()
        self.thread.join()


@pytest.fixture
def sockets(slack: FakeSlack) -> Iterator[Sockets]:
    found = Sockets()
    slack.socket_url = found.url
    yield found
    found.close()


@pytest.fixture
async def listening(tmp_path: Path, slack: FakeSlack, sockets: Sockets) -> AsyncIterator[Office]:
    options = {
        "slack_bot_token": TOKEN,
        "slack_app_token": APP_TOKEN,
        "slack_api_url": slack.url,
        "public_url": "https://hold.acme.com",
    }
    async with opened(database_in(tmp_path), background=True, **options) as house:
        office = await by_hand(house, slack)
        await office.is_member(ANA, slack.join(UANA))
        await until(lambda: sockets.open)
        yield office


async def test_a_press_arrives_and_is_answered(listening: Office, sockets: Sockets) -> None:
    asked, card = await listening.ask()
    sockets.envelope(
        listening.slack.press(card, "Approve", UANA), "e-1", accepts_response_payload=True
    )
    answer = await until(lambda: sockets.answers.get("e-1"))
    assert "payload" not in answer
    await until(lambda: "Undo" in card.buttons)
    assert (await listening.house.look(asked))["steps"][0]["held"]["by"] == ANA


async def test_a_dialog_is_told_what_is_wrong(listening: Office, sockets: Sockets) -> None:
    _, card = await listening.ask(human_task={"required_comment": True})
    sockets.envelope(listening.slack.press(card, "Approve…", UANA), "e-1")
    (view,) = await until(lambda: listening.slack.views)
    sockets.envelope(listening.slack.submit(view, UANA), "e-2")
    answer = await until(lambda: sockets.answers.get("e-2"))
    assert "needs a comment" in answer["payload"]["errors"]["comment"]


async def test_an_envelope_that_comes_twice_decides_once(
    listening: Office, sockets: Sockets
) -> None:
    asked, card = await listening.ask()
    payload = listening.slack.press(card, "Approve", UANA)
    sockets.envelope(payload, "e-1")
    await until(lambda: sockets.answers.get("e-1"))
    sockets.envelope(payload, "e-2", retry_attempt=1, retry_reason="timeout")
    await until(lambda: sockets.answers.get("e-2"))
    assert (await listening.house.events(asked)).count("intent.answer_held") == 1


async def test_strangers_are_refused_here_too(listening: Office, sockets: Sockets) -> None:
    asked, card = await listening.ask()
    listening.slack.join("U0EVE")
    sockets.envelope(listening.slack.press(card, "Approve", "U0EVE"), "e-1")
    told = await until(lambda: listening.slack.whispered("U0EVE"))
    assert "does not know you" in told[0]
    assert "intent.answer_held" not in await listening.house.events(asked)


async def test_what_is_senseless_is_passed_over(listening: Office, sockets: Sockets) -> None:
    sockets.envelope({"type": "block_actions"}, "e-1")
    sockets.envelope({}, "e-2", type="slash_commands")
    await until(lambda: {"e-1", "e-2"} <= set(sockets.answers))
    asked, card = await listening.ask()
    sockets.envelope(listening.slack.press(card, "Reject", UANA), "e-3")
    await until(lambda: "Undo" in card.buttons)
    assert "intent.answer_held" in await listening.house.events(asked)


@pytest.mark.parametrize("kindly", [True, False])
async def test_a_connection_that_ends_is_made_again(
    listening: Office, sockets: Sockets, kindly: bool
) -> None:
    if kindly:
        sockets.open[0].send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))
    else:
        sockets.open[0].socket.shutdown(socket.SHUT_RDWR)
    await until(lambda: sockets.connections > 1 and sockets.open)
    _, card = await listening.ask()
    sockets.envelope(listening.slack.press(card, "Reject", UANA), "e-1")
    await until(lambda: "Undo" in card.buttons)


async def test_a_slack_that_is_away_does_not_keep_us_from_starting(
    tmp_path: Path, slack: FakeSlack, sockets: Sockets
) -> None:
    slack.fail("apps.connections.open", status=503)
    options = {
        "slack_bot_token": TOKEN,
        "slack_app_token": APP_TOKEN,
        "slack_api_url": slack.url,
    }
    async with opened(database_in(tmp_path), background=True, **options) as house:
        assert (await house.http.get("/health")).status_code in (200, 404)
        await until(lambda: sockets.open)


async def test_no_thread_is_left(tmp_path: Path, slack: FakeSlack, sockets: Sockets) -> None:
    options = {"slack_bot_token": TOKEN, "slack_app_token": APP_TOKEN, "slack_api_url": slack.url}
    before = set(threading.enumerate())
    async with opened(database_in(tmp_path), background=True, **options):
        await until(lambda: sockets.open)
    await until(
        lambda: not [
            one for one in set(threading.enumerate()) - before
            if "slack" in one.name.lower() or "IntervalRunner" in repr(one) or "_run" in one.name
        ]
    )  # fmt: skip
