"""Ends the requests that only wait for news, so that a stop need not wait for them."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdshort.errors import Unavailable
from holdshort.server.problems import problem


class Drain:
    """An ASGI application around another. `begin` answers what waits: 503, ask again; a stream of
    events ends. Clients go on where they were, at the next server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._stopping = False
        self._waiting: set[asyncio.Task[object]] = set()

    def begin(self) -> None:
        """Stop waiting from now on. Called on the event loop."""
        self._stopping = True
        for task in self._waiting:
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if task is None or scope["type"] != "http" or not _may_wait(scope):
            await self._app(scope, receive, send)
            return
        begun = ended = False

        async def note(message: Message) -> None:
            nonlocal begun, ended
            begun = True
            ended = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        try:
            if self._stopping:
                raise asyncio.CancelledError
            self._waiting.add(task)
            await self._app(scope, receive, note)
        except asyncio.CancelledError:
            if not self._stopping or ended:
                raise
            task.uncancel()
            if begun:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await problem(Unavailable("Holdshort is stopping; ask again"))(scope, receive, send)
        finally:
            self._waiting.discard(task)


def _may_wait(scope: Scope) -> bool:
    # A lease says in its body how long it waits, a stream waits by itself.
    path = scope["path"]
    return (
        b"wait_seconds" in scope["query_string"]
        or path.endswith("/events/stream")
        or path == "/v1/leases"
    )
