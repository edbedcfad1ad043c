"""Routes of webhook events that a service publishes to an agent's subscriptions.

Only service keys publish, and never what becomes of an intent: a receiver would take it for what
happened here. Each message says who published it.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from holdshort import ids
from holdshort.errors import InvalidRequest, KeyConflict, NotFound
from holdshort.models import iso
from holdshort.notify.threads import CHANNEL, SOURCE, body_of
from holdshort.protocol.body import Lenient
from holdshort.protocol.webhooks import (
    ELSEWHERE,
    MOST,
    THREADS,
    caller,
    id_of,
    owner_in,
    owner_named,
    subscriptions_of,
)
from holdshort.server.auth import require
from holdshort.server.context import Context
from holdshort.server.replies import Json
from holdshort.store.base import Delivery

#: How a delivery stands that is to be sent from its first try on.
_AGAIN: dict[str, Any] = {
    "state": "pending",
    "attempts": 0,
    "next_at": 0,
    "sent_at": None,
    "last_error": None,
    "receipt": None,
}


class NewEvent(Lenient):
    """An event that a service publishes."""

    event_type: str
    source: Annotated[str, Field(min_length=2, max_length=100)]
    payload: dict[str, Any]
    owner_agent: str | None = None


async def publish(request: Request) -> Response:
    """Send an event of a service's own to an agent's subscriptions."""
    ctx, principal = await caller(request)
    require(principal, "service")
    body = await ctx.body(request, NewEvent)
    owner = owner_named(request, principal, body.owner_agent)
    _check_event(body)
    store, now = ctx.engine.store, ctx.engine.store.clock.now()
    key = request.headers.get("idempotency-key")
    event_id = ids.new_id(now) if key is None else id_of(principal.tenant, principal.id, key)
    said = body_of(
        event_id,
        body.event_type,
        body.source,
        owner,
        now,
        body.payload,
        published_by=principal.actor,
    )
    earlier = await ctx.engine.read(store.delivery, principal.tenant, event_id)
    if earlier is not None:
        return Json(await _published(ctx, _same(earlier, said)))
    to = [
        one.name
        for one in await subscriptions_of(ctx, principal.tenant, owner)
        if one.doc["active"] and body.event_type in one.doc["event_types"]
    ]
    # The event itself, which goes nowhere: it is kept to be replayed.
    event = Delivery(
        tenant=principal.tenant,
        id=event_id,
        intent_id=event_id,
        reason=body.event_type,
        channel=CHANNEL,
        recipient=owner,
        body=said,
        state="sent",
        next_at=now,
        created_at=now,
    )
    sent = [event.but(id=ids.new_id(now), recipient=one, **_AGAIN) for one in to]
    try:
        await ctx.engine.update_deliveries([], [event, *sent])
    except InvalidRequest:
        # The database has this id: another try of the same came in between.
        earlier = await ctx.engine.read(store.delivery, principal.tenant, event_id)
        if earlier is None:
            raise
        event = _same(earlier, said)
    return Json(await _published(ctx, event))


async def replay(request: Request) -> Response:
    """Send an event again to whom it was sent, under the ids that it had."""
    ctx, principal = await caller(request)
    owner = owner_in(request, principal)
    store, now = ctx.engine.store, ctx.engine.store.clock.now()
    event_id = request.path_params["event"]
    event = await ctx.engine.read(store.delivery, principal.tenant, event_id)
    if event is None or event.channel != CHANNEL:
        raise NotFound("there is no such event")
    said = json.loads(event.body)
    if owner is not None and said["owner_agent"] != owner:
        raise NotFound("there is no such event")
    sent = await _deliveries(ctx, event)
    await ctx.engine.update_deliveries([one.but(**_AGAIN) for one in sent])
    counts = _counts([one.but(**_AGAIN) for one in sent])
    return Json(
        {
            "ok": True,
            "event_id": event_id,
            "owner_agent": said["owner_agent"],
            "event_type": said["event_type"],
            **counts,
            "replayed_at": iso(now),
        }
    )


async def _published(ctx: Context, event: Delivery) -> dict[str, Any]:
    said = json.loads(event.body)
    return {
        "ok": True,
        "accepted_at": said["occurred_at"],
        "event_type": said["event_type"],
        "source": said["source"],
        "owner_agent": said["owner_agent"],
        "event_id": event.id,
        **_counts(await _deliveries(ctx, event)),
    }


async def _deliveries(ctx: Context, event: Delivery) -> list[Delivery]:
    """Return what was sent of an event: what happened here was sent under its own id, what was
    published once to each subscription."""
    if event.recipient != json.loads(event.body)["owner_agent"]:
        return [event]
    found = await ctx.engine.read(
        ctx.engine.store.deliveries, event.tenant, intent_id=event.id, limit=MOST + 1, heavy=True
    )
    return [one for one in found if one.id != event.id]


def _counts(sent: list[Delivery]) -> dict[str, int]:
    """Return how deliveries stand. They leave after the answer, so the first count has none that
    arrived."""
    states = [one.state for one in sent]
    return {
        "queued_deliveries": len(sent),
        "processed_deliveries": len(sent) - states.count("pending"),
        "delivered": states.count("sent"),
        "pending": states.count("pending"),
        "dead_lettered": states.count("dead"),
    }


def _same(earlier: Delivery, said: str) -> Delivery:
    """Return an event that was published before under the same key. Raises KeyConflict where it
    was another one."""
    times = {"occurred_at": None}
    if json.loads(earlier.body) | times != json.loads(said) | times:
        raise KeyConflict
    return earlier


def _check_event(body: NewEvent) -> None:
    if body.event_type not in THREADS | ELSEWHERE:
        raise InvalidRequest(
            f"{body.event_type!r:.100} cannot be published; what becomes of an intent is said by "
            f"Holdshort alone. There are {', '.join(sorted(THREADS | ELSEWHERE))}",
            problems=[{"field": "event_type", "problem": "cannot be published"}],
        )
    if body.source.strip().casefold() == SOURCE:
        raise InvalidRequest(
            f"source {SOURCE!r} is what Holdshort says itself; say whose event this is",
            problems=[{"field": "source", "problem": "is taken"}],
        )
