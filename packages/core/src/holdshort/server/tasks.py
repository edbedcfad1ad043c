"""Routes of human tasks: what waits for me, and my answer."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import Forbidden
from holdshort.lifecycle import Claim, Decide, Delegate, Release, Undo
from holdshort.models import Intent
from holdshort.requests import DecisionRequest, DelegateRequest
from holdshort.server import views
from holdshort.server.access import ADMIN_ROLE
from holdshort.server.auth import require
from holdshort.server.context import Context, context, query_choice, query_limit
from holdshort.server.replies import Json


async def list_(request: Request) -> Response:
    """List open tasks, oldest first: a person's own (and their teams'), or with `all=true`, for
    administrators, everybody's."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "person", "service")
    directory = await ctx.engine.directory_now(principal.tenant)
    addresses = None
    everybody = query_choice(request, "all", ("true", "false")) == "true"
    if principal.kind == "person" and not everybody:
        addresses = sorted(directory.addresses_of(principal.id))
    elif principal.kind == "person" and ADMIN_ROLE not in directory.people.get(principal.id, ()):
        raise Forbidden("only administrators see everybody's tasks; leave all=true out")
    limit = query_limit(request)
    found = await ctx.engine.read(
        ctx.engine.store.tasks,
        principal.tenant,
        addresses=addresses,
        after=request.query_params.get("cursor"),
        limit=limit,
        heavy=True,
    )
    return Json(
        {
            "ok": True,
            "tasks": [views.task(intent, directory) for intent in found],
            "next_cursor": found[-1].id if len(found) == limit else None,
        }
    )


async def decide(request: Request) -> Response:
    """Decide the current step. Only a person's key can; who that is comes from the key."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "person")
    body = await ctx.body(request, DecisionRequest)
    found = await ctx.act_first(
        principal, request.path_params["intent_id"], Decide(principal, body)
    )
    return Json(_answered(found))


def _answered(found: Intent) -> dict[str, object]:
    step = found.current
    given = [one.decision for one in found.steps if one.decision is not None]
    return {
        "ok": True,
        "intent_id": found.id,
        "status": found.status,
        "step": found.step,
        "votes": len(step.live_votes),
        "quorum": step.policy.quorum,
        "decision": views.step_answer(given[-1]) if given else None,
    }


async def claim(request: Request) -> Response:
    """Take a task, so that others leave it alone."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "person")
    found = await ctx.act(principal, request.path_params["intent_id"], Claim(principal))
    return await _task(ctx, found)


async def _task(ctx: Context, found: Intent) -> Json:
    directory = await ctx.engine.directory_now(found.tenant)
    return Json({"ok": True, "task": views.task(found, directory)})


async def undo(request: Request) -> Response:
    """Take back an answer of mine that is still held (`undo_seconds`)."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "person")
    found = await ctx.act(principal, request.path_params["intent_id"], Undo(principal))
    return await _task(ctx, found)


async def release(request: Request) -> Response:
    """Give a claimed task back."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "person")
    found = await ctx.act(principal, request.path_params["intent_id"], Release(principal))
    return await _task(ctx, found)


async def delegate(request: Request) -> Response:
    """Hand a task to somebody else."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "person")
    body = await ctx.body(request, DelegateRequest)
    command = Delegate(principal, body.to, body.comment)
    found = await ctx.act(principal, request.path_params["intent_id"], command)
    return await _task(ctx, found)
