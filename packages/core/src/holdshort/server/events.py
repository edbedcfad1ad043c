"""Routes of an intent's log: as a list, and as a stream (server-sent events)."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from holdshort.errors import InvalidRequest
from holdshort.models import Intent, StoredEvent
from holdshort.server import views
from holdshort.server.context import Context, context, query_number
from holdshort.server.replies import Json

PAGE = 1000
#: A comment line this often keeps proxies from closing a silent stream (seconds).
HEARTBEAT = 15.0


async def list_(request: Request) -> Response:
    """Return the events after `since` (exclusive), in order."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    found = await ctx.intent(principal, request.path_params["intent_id"])
    since = since_of(request)
    events = await ctx.engine.read(
        ctx.engine.store.events, found.tenant, found.id, since=since, limit=PAGE
    )
    return Json({"ok": True, "events": [views.event(one) for one in events]})


async def stream(request: Request) -> Response:
    """Stream the events after `since` (or after the header Last-Event-ID) as they happen, for at
    most `wait_seconds`; the stream ends after the last event of an intent that has ended."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    found = await ctx.intent(principal, request.path_params["intent_id"])
    seconds = query_number(request, "wait_seconds", 15, lowest=1, highest=60)
    return StreamingResponse(
        _events(ctx, found, since_of(request), seconds),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(ctx: Context, found: Intent, since: int, seconds: float) -> AsyncIterator[str]:
    engine, ref = ctx.engine, (found.tenant, found.id)
    ends = time.monotonic() + seconds
    silent_since = time.monotonic()
    with engine.wake.on(ref) as subscription:
        while True:
            events = await engine.read(engine.store.events, *ref, since=since, limit=PAGE)
            for one in events:
                yield _frame(one)
                since = one.seq
            now = time.monotonic()
            # Also where nothing was new: a client that comes back after the end is told so at once.
            latest = await engine.read(engine.store.intent, *ref)
            if latest is not None and latest.terminal and latest.seq <= since:
                return
            if events:
                silent_since = now
                if len(events) == PAGE:
                    continue
            if now >= ends:
                yield f"event: stream.timeout\ndata: {json.dumps({'next_seq': since})}\n\n"
                return
            if now - silent_since >= HEARTBEAT:
                silent_since = now
                yield ": still waiting\n\n"
            await subscription.wait(ends - now)


def _frame(event: StoredEvent) -> str:
    return f"id: {event.seq}\nevent: {event.event_type}\ndata: {json.dumps(views.event(event))}\n\n"


def since_of(request: Request) -> int:
    """Return after which event the caller wants to hear. Raises InvalidRequest."""
    text = request.query_params.get("since")
    if text is None:
        text = request.headers.get("last-event-id") or "0"
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise InvalidRequest(
            f"since is the number of an event, not {text!r}",
            problems=[{"field": "since", "problem": "not a whole number"}],
        )
    return int(text)
