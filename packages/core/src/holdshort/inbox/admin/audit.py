"""The log: whether it holds together, and a copy of it to keep."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from holdshort.errors import HoldshortError
from holdshort.inbox.admin import checking
from holdshort.inbox.admin.door import admin_page, administrator, administrators_form
from holdshort.inbox.web import PRIVATE, go, one
from holdshort.server import export
from holdshort.server.administration import entries
from holdshort.server.context import Context
from holdshort.server.sessions import Visitor
from holdshort.visible import visible

#: How many entries of the administrators' log one page shows.
MOST_ACTS = 50


async def show(request: Request) -> Response:
    """Show the last check, how far a running one is, and the ways to take the log out."""
    ctx, who = await administrator(request)
    return await _page(request, ctx, who)


async def begin(request: Request) -> Response:
    """Begin to check the log of one intent or of the whole tenant."""
    ctx, who, posted = await administrators_form(request)
    only = (one(posted, "intent") or "").strip().lower() or None
    try:
        if only is not None:
            await ctx.intent(who.principal, only)
        checking.begin(ctx.engine, who.principal.tenant, only)
    except HoldshortError as error:
        return await _page(request, ctx, who, status=error.status, problem=error.message)
    return go("/admin/audit")


async def stop(request: Request) -> Response:
    """Stop a check that runs."""
    ctx, who, _ = await administrators_form(request)
    check = checking.last(ctx.engine, who.principal.tenant)
    if check is not None:
        check.stop.set()
    return go("/admin/audit")


async def state(request: Request) -> Response:
    """Say how far the check is."""
    ctx, who = await administrator(request)
    check = checking.last(ctx.engine, who.principal.tenant)
    body = {
        "running": check is not None and check.running,
        "text": check.stands if check is not None else "",
    }
    return JSONResponse(body, headers=PRIVATE)


async def as_lines(request: Request) -> Response:
    """Give the whole log as JSON lines, for `holdshort audit verify`."""
    ctx, who = await administrator(request)
    rows = export.lines(ctx.engine.store, who.principal.tenant)
    return _download(ctx, rows, "application/x-ndjson", "holdshort-audit.jsonl")


async def as_table(request: Request) -> Response:
    """Give the whole log as CSV, in which no cell is read as a formula."""
    ctx, who = await administrator(request)
    rows = export.table(ctx.engine.store, who.principal.tenant)
    return _download(ctx, rows, "text/csv; charset=utf-8", "holdshort-audit.csv")


def _download(ctx: Context, rows: Any, media: str, name: str) -> Response:
    headers = PRIVATE | {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(export.streamed(ctx.engine, rows), 200, headers, media)


async def _page(
    request: Request, ctx: Context, who: Visitor, status: int = 200, **more: Any
) -> Response:
    check = checking.last(ctx.engine, who.principal.tenant)
    intent = request.query_params.get("intent", "")[:64]
    text = request.query_params.get("before", "")
    before = {"before": int(text[:15])} if text.isascii() and text.isdigit() else {}
    found = await entries(ctx, who.principal.tenant, MOST_ACTS, **before)
    acts = [_act(one) for one in found]
    values = {"check": check, "intent": intent, "acts": acts, "begun": bool(before)}
    return admin_page(request, "audit", who, status, **values, **more)


def _act(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry as the page shows it: nothing in it can hide, or turn round, another."""
    what = entry["event_type"].removeprefix("admin.").replace("_", " ").replace(".", " ")
    details = json.dumps(entry["details"], indent=2) if entry["details"] else None
    return entry | {"what": what, "about": visible(entry["about"]), "details": details}


PAGES = (
    ("GET", "/admin/audit", show),
    ("POST", "/admin/audit", begin),
    ("POST", "/admin/audit/stop", stop),
    ("GET", "/admin/audit/state", state),
    ("GET", "/admin/audit/holdshort-audit.jsonl", as_lines),
    ("GET", "/admin/audit/holdshort-audit.csv", as_table),
)
