"""Routes for those who run it: deliveries, audit export, health, readiness, metrics."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from holdshort.engine.engine import Engine
from holdshort.errors import NotFound
from holdshort.server import export, views
from holdshort.server.auth import require
from holdshort.server.context import context, query_choice, query_limit
from holdshort.server.metrics import exposition
from holdshort.server.replies import Json
from holdshort.store.base import Delivery, Down


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
    again = await send_again(ctx.engine, principal.tenant, delivery_id)
    return Json({"ok": True, "delivery": views.delivery(again)})


async def send_again(engine: Engine, tenant: str, delivery_id: str) -> Delivery:
    """Send a delivery again; return it as it stands now. Raises NotFound."""
    found = await engine.read(engine.store.delivery, tenant, delivery_id)
    if found is None:
        raise NotFound("there is no such delivery")
    again: Delivery = _fresh(found)
    await engine.update_deliveries([again])
    return again


async def send_all_again(engine: Engine, tenant: str, channel: str) -> int:
    """Send all again that a channel has given up; return how many."""
    sent, before = 0, None
    while True:
        found = await engine.read(
            engine.store.deliveries,
            tenant,
            state="dead",
            channel=channel,
            before=before,
            limit=500,
            heavy=True,
        )
        if not found:
            return sent
        await engine.update_deliveries([_fresh(one) for one in found])
        sent, before = sent + len(found), found[-1].id


def _fresh(found: Delivery) -> Delivery:
    fresh: Delivery = found.but(state="pending", attempts=0, next_at=0, last_error=None)
    return fresh


async def export_log(request: Request) -> Response:
    """Export the tenant's log as JSON lines, for `holdshort audit verify`; with `intent_id`, one
    intent's."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    one = request.query_params.get("intent_id")
    if one is not None:
        await ctx.intent(principal, one)
    return StreamingResponse(
        export.streamed(ctx.engine, export.lines(ctx.engine.store, principal.tenant, one)),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="holdshort-audit.jsonl"'},
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
