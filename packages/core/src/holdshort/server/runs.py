"""Routes of runs: begin one or take it over, save where it stands, look."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.engine.work import LeaseRuns, OnRun
from holdshort.errors import InvalidRequest
from holdshort.lifecycle import OpenRun, RenewRun, SaveRun, TakeRun
from holdshort.models import Principal, Run, iso
from holdshort.requests import LeaseRequest, OpenRunRequest, RenewRunRequest, SaveRunRequest
from holdshort.server import views
from holdshort.server.auth import require
from holdshort.server.context import Context, context, query_choice, query_limit
from holdshort.server.intents import keyed_filing
from holdshort.server.replies import Json

_STATUSES = ("running", "suspended", "done", "failed")


async def open_(request: Request) -> Response:
    """Begin a run, or take it over from whoever has stopped renewing its lease."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent")
    body = await ctx.body(request, OpenRunRequest)
    command = OpenRun(principal, body.run_id, body.app, body.worker, body.seconds, body.again)
    done = await ctx.engine.on_run(OnRun((principal.tenant, principal.id, body.run_id), command))
    return Json({"ok": True, **await leased(ctx, done.run)})


async def save(request: Request) -> Response:
    """Save where a run stands: its state, the intents it asks, and whether it goes on; all of it in
    one transaction."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent")
    body = await ctx.body(request, SaveRunRequest, ctx.settings.max_continuation)
    keys = [raw.get("idempotency_key") for raw in body.intents]
    if len(set(map(str, keys))) < len(keys):
        raise InvalidRequest("two of these intents have the same idempotency_key")
    files = []
    for raw in body.intents:
        work = keyed_filing(ctx, principal, raw)
        # Its run is this one, whose waits are written with it.
        command = replace(work.command, run=(principal.id, body.run_id))
        files.append(replace(work, command=command, app=None))
    state = None
    if body.state is not None:
        state = zlib.compress(json.dumps(body.state).encode(), level=1)
    done = await ctx.engine.on_run(
        OnRun(
            (principal.tenant, principal.id, body.run_id),
            SaveRun(
                principal,
                body.run_id,
                body.worker,
                body.epoch,
                body.save_id,
                body.status,
                waits=body.waits,
                wakes=body.wakes,
                again_in=body.again_in,
                result=body.result,
                error=body.error,
            ),
            files=files,
            state=state,
        )
    )
    results = [views.filed(one.transition.intent, existed=one.existed) for one in done.filed]
    return Json({"ok": True, "run": view(done.run), "results": results})


async def renew(request: Request) -> Response:
    """Keep a run's lease."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent")
    body = await ctx.body(request, RenewRunRequest)
    command = RenewRun(principal, body.run_id, body.worker, body.epoch, body.seconds)
    done = await ctx.engine.on_run(OnRun((principal.tenant, principal.id, body.run_id), command))
    return Json({"ok": True, "run": view(done.run)})


async def list_(request: Request) -> Response:
    """List runs, without their states."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent", "service")
    store, query, limit = ctx.engine.store, request.query_params, query_limit(request)
    agent = principal.id if principal.kind == "agent" else query.get("agent")
    status = query_choice(request, "run_status", _STATUSES)
    if "run_id" in query and agent is not None:
        one = await ctx.engine.read(store.run, principal.tenant, agent, query["run_id"])
        return Json({"ok": True, "runs": [view(one)] if one else [], "next_cursor": None})
    found = await ctx.engine.read(
        store.runs,
        principal.tenant,
        agent=agent,
        app=query.get("app"),
        status=status,
        after=query.get("cursor"),
        limit=limit,
        heavy=True,
    )
    cursor = found[-1].id if len(found) == limit else None
    return Json({"ok": True, "runs": [view(run) for run in found], "next_cursor": cursor})


async def take(ctx: Context, principal: Principal, body: LeaseRequest, limit: int) -> list[Run]:
    """Take runs that can go on, at most so many, for a worker."""
    if not body.apps or limit <= 0:
        return []
    return await ctx.engine.lease_runs(
        LeaseRuns(
            lambda tx: tx.leasable_runs(principal.tenant, principal.id, body.apps, tx.now(), limit),
            lambda ref: TakeRun(principal, ref[2], body.worker, body.seconds),
        )
    )


async def leased(ctx: Context, run: Run) -> dict[str, Any]:
    """The answer to whoever holds a run: the run, and the state to resume from."""
    data = await ctx.engine.read(ctx.engine.store.run_state, *run.ref)
    state = None if data is None else json.loads(zlib.decompress(data))
    return {"run": view(run), "state": state}


def view(run: Run) -> dict[str, Any]:
    """A run as its agent and administrators see it."""
    return {
        "run_id": run.id,
        "app": run.app,
        "agent": run.agent,
        "status": run.status,
        "waits": list(run.waits),
        "wakes": run.wakes,
        "worker": run.lease.worker if run.lease and run.status == "running" else None,
        "epoch": run.lease.epoch if run.lease else 0,
        "leased_until": iso(run.lease.until) if run.lease and run.status == "running" else None,
        "result": run.result,
        "error": run.error,
        "created_at": iso(run.created_at),
        "updated_at": iso(run.updated_at),
    }
