"""Socket mode: the same interactions over a connection that we open, where Slack cannot reach us.

slack-sdk keeps the connection, on threads of its own. Slack knows us by the app's token; what comes
over this connection needs no signature.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from typing import Any

from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from holdshort.errors import HoldshortError
from holdshort.inbox.slack.acting import Interactions
from holdshort.inbox.slack.pages import PATIENCE, answered
from holdshort.notify.slack import SlackNotifier
from holdshort.notify.slack_web import new_client, quiet
from holdshort.server.context import Context
from holdshort.visible import visible

log = logging.getLogger("holdshort.slack")

#: How long is waited before a first connection is tried again (seconds).
_AGAIN = (1.0, 5.0, 15.0, 60.0)
#: How often the connection is tried (seconds). After four without an answer it is made anew.
_PING = 2.0


class SlackSocket:
    """Listens to Slack from `start` to `stop`. One that is cut off connects again by itself."""

    def __init__(self, ctx: Context, token: str) -> None:
        self._ctx = ctx
        self._token = token
        self._client: SocketModeClient | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._working: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.is_connected()

    def start(self) -> None:
        """Begin to connect. A Slack that is away holds up nobody's start."""
        self._loop = asyncio.get_running_loop()
        self._connecting = asyncio.create_task(self._connect(), name="holdshort-slack-socket")

    async def stop(self) -> None:
        """Close the connection, after what is being answered."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(_close, client)
        if self._working:
            await asyncio.wait(self._working, timeout=PATIENCE)
        for task in self._working:
            task.cancel()
        self._loop = None

    async def _connect(self) -> None:
        tries = 0
        while True:
            client = await asyncio.to_thread(self._new)
            connecting = asyncio.create_task(asyncio.to_thread(client.connect))
            try:
                await asyncio.shield(connecting)
                if client.is_connected():
                    self._client = client
                    return
                why = "no connection"
            except Exception as error:
                why = type(error).__name__
            finally:
                if self._client is not client:
                    # Where this was canceled in between it still connects: its threads are not
                    # left behind.
                    await asyncio.gather(connecting, return_exceptions=True)
                    await asyncio.shield(asyncio.to_thread(_close, client))
            log.warning("Slack's socket mode is not connected: %s", why)
            await asyncio.sleep(_AGAIN[min(tries, len(_AGAIN) - 1)])
            tries += 1

    def _new(self) -> SocketModeClient:
        web = new_client(None, self._ctx.settings.slack_api_url, timeout=5.0)
        client = SocketModeClient(self._token, logger=quiet(), web_client=web, ping_interval=_PING)
        client.socket_mode_request_listeners.append(self._arrived)
        return client

    def _arrived(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        """Called on a thread of slack-sdk's: hop to the loop, and answer from here."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return  # not answered, so Slack sends it to another of our processes
        future = asyncio.run_coroutine_threadsafe(self._answer(request), loop)
        with suppress(Exception):
            body = future.result(timeout=PATIENCE * 2)
            client.send_socket_mode_response(SocketModeResponse(request.envelope_id, body))

    async def _answer(self, request: SocketModeRequest) -> dict[str, Any] | None:
        slack = self._ctx.channels.get(SlackNotifier.name)
        if request.type != "interactive" or not isinstance(slack, SlackNotifier):
            return None
        payload: dict[str, Any] = request.payload or {}
        door = Interactions(self._ctx, slack)
        try:
            body, rest = await answered(door, payload, asyncio.create_task(door.take(payload)))
        except (HoldshortError, ValueError, KeyError, TypeError) as error:
            log.warning("a message of Slack's could not be read: %s", visible(repr(error)))
            return None
        task = asyncio.create_task(rest())
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return body


def _close(client: SocketModeClient) -> None:
    """Close a connection. slack-sdk would first wait three seconds for a message on it."""
    client.auto_reconnect_enabled = False
    session = client.current_session
    connection = None if session is None else session.sock
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    client.close()
