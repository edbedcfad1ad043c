"""Where Slack posts what people do. It is answered within its three seconds, whatever happens."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from urllib.parse import parse_qs

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from holdshort.errors import HoldshortError
from holdshort.inbox.slack.acting import Interactions, Payload, Reply
from holdshort.inbox.slack.modals import Meta
from holdshort.inbox.web import PRIVATE, Page
from holdshort.notify.slack import SlackNotifier
from holdshort.server.body import parse_json
from holdshort.server.context import context

log = logging.getLogger("holdshort.slack")

#: When Slack is answered at the latest, done or not (seconds). It waits for three.
PATIENCE = 2.0
_LARGEST = 1024 * 1024
_DEEPEST = 64
_UNSIGNED = "This was not signed by Slack, or too long ago."


async def interactions(request: Request) -> Response:
    """Take a button or a dialog from Slack: signed, recent, and to the byte as it was signed."""
    ctx = context(request)
    slack = ctx.channels.get(SlackNotifier.name)
    if not isinstance(slack, SlackNotifier):
        return _plain(404, "Slack is not set up here.")
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _LARGEST:
            return _plain(413, "This is too large.")
    clock = ctx.engine.store.clock
    now = clock.now() / 1000 - clock.ahead_of_wall()
    timestamp = request.headers.get("x-slack-request-timestamp", "")
    signature = request.headers.get("x-slack-signature", "")
    if not slack.web.signed(raw, timestamp, signature, now=now):
        log.warning("refused an unsigned request to Slack's address")
        return _plain(401, _UNSIGNED)
    door = Interactions(ctx, slack)
    try:
        payload = payload_in(raw)
        work = asyncio.create_task(door.take(payload))
        reply, rest = await answered(door, payload, work)
    except (HoldshortError, ValueError, KeyError, TypeError) as error:
        log.warning("a signed request from Slack could not be read: %r", error)
        return _plain(400, "This is no interaction with a card.")
    after = BackgroundTask(rest)
    if reply is None:
        return Response(b"", 200, PRIVATE, background=after)
    return JSONResponse(reply, 200, PRIVATE, background=after)


def payload_in(raw: bytes) -> Payload:
    """Return the payload of a form as Slack posts it. Raises ValueError or InvalidRequest."""
    form = parse_qs(raw.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=10)
    (text,) = form["payload"]
    found = parse_json(text.encode(), max_depth=_DEEPEST)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


async def answered(
    door: Interactions, payload: Payload, work: asyncio.Task[Reply]
) -> tuple[dict[str, Any] | None, Any]:
    """Return what Slack is answered in time, and what is to be run after that.

    What was asked for is committed before Slack is answered, wherever that is quick enough.
    """
    done, _ = await asyncio.wait({work}, timeout=PATIENCE)
    late = not done
    body = None if late else work.result().body

    async def rest() -> None:
        try:
            reply = await work
            if late and reply.problem:
                await door.voice.tell(payload, _channel(payload), reply.problem)
            for step in reply.later:
                await step()
        except Exception as error:
            log.error("an interaction with Slack failed", exc_info=error)

    return body, rest


def _channel(payload: Payload) -> str:
    view = payload.get("view")
    if isinstance(view, dict):
        return Meta.load(str(view.get("private_metadata", ""))).channel
    return str((payload.get("container") or {}).get("channel_id", ""))


def _plain(status: int, text: str) -> Response:
    return Response(text, status, PRIVATE, "text/plain; charset=utf-8")


PAGES: tuple[tuple[str, str, Page], ...] = (("POST", "/slack/interactions", interactions),)
