"""Routes of execution: consume the grant, report the run, lease decided intents."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import InvalidRequest
from holdshort.lifecycle import (
    Command,
    Consume,
    EndLease,
    RenewLease,
    Report,
    TakeLease,
    Transition,
)
from holdshort.limits import Cost
from holdshort.models import Intent, Principal, agent_address, iso
from holdshort.requests import ConsumeRequest, LeaseChange, LeaseRequest, ReportRequest
from holdshort.server import runs, views
from holdshort.server.auth import require
from holdshort.server.context import Context, context
from holdshort.server.replies import Json


async def consume(request: Request) -> Response:
    """Ask, right before acting, whether the action may run now. Yes once."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent")
    body = await ctx.body(request, ConsumeRequest)
    command = Consume(principal, body.digest, body.attempt_id)
    found = await ctx.act_first(principal, request.path_params["intent_id"], command)
    stored = await ctx.engine.read(ctx.engine.store.body, found.tenant, found.id)
    return Json(views.permit(found, stored))


async def report(request: Request) -> Response:
    """Say how the run ended."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent")
    body = await ctx.body(request, ReportRequest)
    command = Report(
        principal,
        body.attempt_id,
        body.succeeded,
        body.result,
        body.error,
        body.began,
        Cost(micros=body.cost.micros, currency=body.cost.currency) if body.cost else None,
    )
    found = await ctx.act_first(principal, request.path_params["intent_id"], command)
    assert found.grant is not None
    return Json({"ok": True, "intent_id": found.id, "state": found.grant.state})


async def lease(request: Request) -> Response:
    """Take decided intents to go on with, and runs that can go on; with `wait_seconds`, as soon as
    there is one."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent")
    body = await ctx.body(request, LeaseRequest)
    if not body.intent_types and not body.apps:
        raise InvalidRequest("say what to lease: intent_types, or apps")
    ends = time.monotonic() + body.wait_seconds
    with ctx.engine.wake.on_resumable() as subscription:
        while True:
            killed = (await ctx.engine.directory_now(principal.tenant)).killed
            if agent_address(principal.id) in killed:  # there is no work for it
                taken, going = [], []
            else:
                taken = await _take(ctx, principal, body)
                going = await runs.take(ctx, principal, body, body.limit - len(taken))
            left = ends - time.monotonic()
            if taken or going or left <= 0:
                break
            await subscription.wait(left)
    return Json(
        {
            "ok": True,
            "jobs": [await _job(ctx, intent) for intent in taken],
            "runs": [await runs.leased(ctx, run) for run in going],
        }
    )


async def _take(ctx: Context, principal: Principal, body: LeaseRequest) -> list[Intent]:
    if not body.intent_types:
        return []
    done: list[Transition] = await ctx.engine.sweep(
        lambda tx: tx.leasable(
            principal.tenant, principal.id, body.intent_types, tx.now(), body.limit
        ),
        TakeLease(principal, body.worker, body.seconds),
    )
    # A run that was lost in mid-flight is asked about first; such an intent is not handed out.
    return [t.intent for t in done if t.intent.lease_at is not None]


async def _job(ctx: Context, found: Intent) -> dict[str, object]:
    body = await ctx.engine.read(ctx.engine.store.body, found.tenant, found.id)
    assert found.lease is not None
    return {
        "intent_id": found.id,
        "intent_type": found.intent_type,
        "attempt_id": found.id,
        "delivery": found.lease.epoch,
        "epoch": found.lease.epoch,
        "leased_until": iso(found.lease.until),
        "payload": views.intent(found, body)["payload"],
        "decision": views.decision(found, body)["decision"],
    }


async def renew(request: Request) -> Response:
    """Keep a lease."""
    return await _change(request, lambda p, b: RenewLease(p, b.worker, b.epoch, b.seconds))


async def finish(request: Request) -> Response:
    """The work is done; it is not delivered again."""
    return await _change(request, lambda p, b: EndLease(p, b.worker, b.epoch))


async def give_back(request: Request) -> Response:
    """The work could not be done now; deliver it again after `seconds`."""
    return await _change(request, lambda p, b: EndLease(p, b.worker, b.epoch, again_in=b.seconds))


async def _change(
    request: Request, command: Callable[[Principal, LeaseChange], Command]
) -> Response:
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent")
    body = await ctx.body(request, LeaseChange)
    found = await ctx.act(principal, request.path_params["intent_id"], command(principal, body))
    until = found.lease.until if found.lease and found.lease_at else None
    return Json({"ok": True, "leased_until": iso(until) if until else None})
