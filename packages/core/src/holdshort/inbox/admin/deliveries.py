"""Deliveries: what was told to whom, what could not be, and trying that again."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import HoldshortError
from holdshort.inbox.admin.door import admin_page, administrator, administrators_form
from holdshort.inbox.admin.start import LOOK_BACK
from holdshort.inbox.web import one
from holdshort.server.context import Context, query_choice
from holdshort.server.figures import DAY
from holdshort.server.operations import send_again, send_all_again
from holdshort.server.sessions import Visitor
from holdshort.store.base import DeliveryCount

STATES = ("pending", "sent", "dead")
_PAGE = 50


async def show(request: Request) -> Response:
    """Show deliveries, newest first."""
    ctx, who = await administrator(request)
    return await _page(request, ctx, who)


async def again(request: Request) -> Response:
    """Try one delivery again, or all that a channel has given up. Its id stays the same, so
    whoever has it already can tell."""
    ctx, who, posted = await administrators_form(request)
    delivery, channel = one(posted, "delivery"), one(posted, "channel")
    tenant = who.principal.tenant
    try:
        if delivery is not None:
            await send_again(ctx.engine, tenant, delivery)
            done = "It is tried again."
        else:
            count = await send_all_again(ctx.engine, tenant, channel or "")
            what = "delivery is" if count == 1 else "deliveries are"
            done = f"{count} {what} tried again."
    except HoldshortError as error:
        return await _page(request, ctx, who, status=error.status, problem=error.message)
    return await _page(request, ctx, who, done=done)


async def _page(
    request: Request, ctx: Context, who: Visitor, status: int = 200, **more: Any
) -> Response:
    tenant, store, read = who.principal.tenant, ctx.engine.store, ctx.engine.read
    state = query_choice(request, "state", STATES)
    channel = request.query_params.get("channel") or None
    found = await read(
        store.deliveries,
        tenant,
        state=state,
        channel=channel,
        before=request.query_params.get("cursor"),
        limit=_PAGE,
        heavy=True,
    )
    since = store.clock.now() - LOOK_BACK * DAY
    counts = await read(store.delivery_counts, tenant, since, heavy=True)
    return admin_page(
        request,
        "deliveries",
        who,
        status,
        deliveries=found,
        cursor=found[-1].id if len(found) == _PAGE else None,
        state=state,
        channel=channel,
        states=STATES,
        days=LOOK_BACK,
        channels=_by_channel(counts),
        webhooks=await _webhooks(ctx, tenant, counts),
        **more,
    )


def _by_channel(counts: list[DeliveryCount]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for one_count in counts:
        found[one_count.channel][one_count.state] += one_count.count
    return dict(found)


async def _webhooks(ctx: Context, tenant: str, counts: list[DeliveryCount]) -> list[dict[str, Any]]:
    entries = await ctx.engine.read(ctx.engine.store.entries, tenant, "webhook")
    found = []
    for entry in entries:
        own = {one.state: one for one in counts if one.endpoint == entry.name}
        sent, dead = own.get("sent"), own.get("dead")
        stands = "nothing was sent yet"
        if sent is not None:
            stands = "works"
        if dead is not None and (sent is None or dead.last_at > sent.last_at):
            stands = "does not take what is sent"
        if not entry.doc.get("active", True):
            stands = "switched off"
        found.append(
            {
                "name": entry.name,
                "url": entry.doc.get("url", ""),
                "events": entry.doc.get("events", ["*"]),
                "stands": stands,
                "counts": {state: own[state].count if state in own else 0 for state in STATES},
                "last_at": sent.last_at if sent else None,
            }
        )
    return found


PAGES = (
    ("GET", "/admin/deliveries", show),
    ("POST", "/admin/deliveries/again", again),
)
