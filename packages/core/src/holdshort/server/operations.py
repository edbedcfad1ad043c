"""Routes for those who run it: deliveries, audit export, health, readiness, metrics."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from holdshort import audit
from holdshort.errors import NotFound
from holdshort.models import iso
from holdshort.server import views
from holdshort.server.auth import require
from holdshort.server.context import Context, context, query_choice, query_limit
from holdshort.server.metrics import exposition
from holdshort.server.replies import Json
from holdshort.store.base import Down

_PAGE = 200


async def list_deliveries(request: Request) -> Response:
    """List deliveries, newest first; `state=dead` for those that were given up."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    limit = query_limit(request)
    found = await ctx.engine.read(
        ctx.engine.store.deliveries,
        principal.tenant,
        intent_id=request.query_params.get("intent_id"),
        state=query_choice(request, "state", ("pending", "sent", "dead")),
        before=request.query_params.get("cursor"),
        limit=limit,
        heavy=True,
    )
    return Json(
        {
            "ok": True,
            "deliveries": [views.delivery(one) for one in found],
            "next_cursor": found[-1].id if len(found) == limit else None,
        }
    )


async def retry_delivery(request: Request) -> Response:
    """Send a delivery again, from the first try on. Its id stays the same."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    delivery_id = request.path_params["delivery_id"]
    store = ctx.engine.store
    found = await ctx.engine.read(store.delivery, principal.tenant, delivery_id)
    if found is None:
        raise NotFound("there is no such delivery")
    again = found.but(state="pending", attempts=0, next_at=0, last_error=None)
    await ctx.engine.update_deliveries([again])
    return Json({"ok": True, "delivery": views.delivery(again)})


async def export(request: Request) -> Response:
    """Export the tenant's log as JSON lines, for `holdshort audit verify`; with `intent_id`, one
    intent's."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    one = request.query_params.get("intent_id")
    if one is not None:
        await ctx.intent(principal, one)
    return StreamingResponse(
        _export(ctx, principal.tenant, one),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="holdshort-audit.jsonl"'},
    )


async def _export(ctx: Context, tenant: str, only: str | None) -> AsyncIterator[str]:
    engine, store = ctx.engine, ctx.engine.store
    heads: dict[str, str] = {}
    before = None
    while True:
        if only is not None:
            intent = await engine.read(store.intent, tenant, only)
            page = [intent] if intent else []
        else:
            page = await engine.read(store.intents, tenant, before=before, limit=_PAGE, heavy=True)
        for intent in page:
            since = 0
            # Up to the head that was read: what is appended meanwhile belongs to the next export.
            while since < intent.seq:
                events = await engine.read(
                    store.events,
                    tenant,
                    intent.id,
                    since=since,
                    limit=intent.seq - since,
                    heavy=True,
                )
                for event in events:
                    yield json.dumps({"hash": event.hash, "event": event.line}) + "\n"
                if not events:
                    break
                since = events[-1].seq
            yield (
                json.dumps({"intent_id": intent.id, "seq": intent.seq, "head": intent.head}) + "\n"
            )
            heads[intent.id] = intent.head
        if only is not None or len(page) < _PAGE:
            break
        before = page[-1].id
    root = audit.root_of(heads)
    yield (
        json.dumps({"root": root, "intents": len(heads), "at": iso(round(time.time() * 1000))})
        + "\n"
    )


async def health(request: Request) -> Response:
    """Say that the process is alive."""
    return Json({"ok": True, "service": "holdshort"})


async def ready(request: Request) -> Response:
    """Say whether the database can be read and written to: 200, or 503 with the reason."""
    ctx = context(request)
    down_since = ctx.engine.writer.down_since
    problem = None
    try:
        await ctx.engine.read(ctx.engine.store.tenants, heavy=True)
    except Down as error:
        problem = str(error)
    if down_since is not None:
        problem = problem or f"writes have failed for {time.time() - down_since:.0f} s"
    return Json({"ok": problem is None, "problem": problem}, 503 if problem else 200)


async def metrics(request: Request) -> Response:
    """Prometheus metrics."""
    ctx = context(request)
    counts = await ctx.engine.read(ctx.engine.store.counts, heavy=True)
    return PlainTextResponse(
        exposition(ctx.engine, counts), media_type="text/plain; version=0.0.4; charset=utf-8"
    )
