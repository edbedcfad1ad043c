"""Routes of the log of what administrators did."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.engine import ledger
from holdshort.models import StoredEvent
from holdshort.server.auth import require
from holdshort.server.context import Context, context, query_limit, query_number
from holdshort.server.replies import Json

_LAST = 2**53


async def list_(request: Request) -> Response:
    """List what administrators did, newest first: who made which key, changed which policy, killed
    which agent. `before` is the `seq` of the last entry of the page before."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    before = round(query_number(request, "before", _LAST, lowest=1, highest=_LAST))
    found = await entries(ctx, principal.tenant, query_limit(request), before)
    return Json({"ok": True, "entries": found})


async def entries(
    ctx: Context, tenant: str, limit: int, before: int = _LAST
) -> list[dict[str, Any]]:
    """Return entries of the log, newest first."""
    store, read = ctx.engine.store, ctx.engine.read
    head = await read(ledger.head_of, store, tenant)
    last = min(head[0] if head else 0, before - 1)
    first = max(0, last - limit)
    found = await read(store.events, tenant, ledger.LEDGER, since=first, limit=max(1, last - first))
    return [_shown(one) for one in reversed(found) if one.seq <= last]


def _shown(event: StoredEvent) -> dict[str, Any]:
    line = json.loads(event.line)
    names = ("seq", "at", "event_type", "about", "actor", "via")
    return {name: line[name] for name in names} | {
        "details": line.get("details", {}),
        "prev": line["prev"],
        "hash": event.hash,
    }
