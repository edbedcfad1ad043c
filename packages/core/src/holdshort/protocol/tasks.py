"""Routes of people's tasks as the protocol's command line asks for them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from holdshort.kinds import KINDS
from holdshort.models import iso
from holdshort.protocol.answering import answer_of
from holdshort.protocol.body import Lenient
from holdshort.server import views
from holdshort.server.auth import require
from holdshort.server.context import context, query_limit
from holdshort.server.replies import Json


class ApprovalDecision(Lenient):
    """A yes or a no."""

    decision: Literal["approve", "reject", "approved", "rejected"]
    comment: Annotated[str, Field(max_length=1000)] | None = None


async def mine(request: Request) -> Response:
    """List the tasks that wait for the person whose key this is, oldest first."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "person")
    directory = await ctx.engine.directory_now(principal.tenant)
    limit = query_limit(request)
    found = await ctx.engine.read(
        ctx.engine.store.tasks,
        principal.tenant,
        addresses=sorted(directory.addresses_of(principal.id)),
        after=request.query_params.get("cursor"),
        limit=limit,
        heavy=True,
    )
    next_cursor = found[-1].id if len(found) == limit else None
    tasks = [views.task(intent) for intent in found]
    return Json({"ok": True, "tasks": tasks, "next_cursor": next_cursor})


async def approval(request: Request) -> Response:
    """Decide an approval, which is an intent: its id is the intent's. Only people do."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    intent = await ctx.intent(principal, request.path_params["intent_id"])
    require(principal, "person")
    said = await ctx.body(request, ApprovalDecision)
    body: dict[str, Any] = {"outcome": said.decision, "comment": said.comment}
    done = await ctx.engine.submit(principal.tenant, intent.id, answer_of(principal, intent, body))
    vote = next(
        vote for step in reversed(done.intent.steps) for vote in reversed(step.votes)
        if vote.by == principal.id
    )  # fmt: skip
    return Json(
        {
            "ok": True,
            "approval": {
                "approval_id": done.intent.id,
                "decision": "approve" if vote.positive else "reject",
                "comment": vote.comment,
                "decided_at": iso(vote.at),
                "status": done.intent.status,
            },
        }
    )


async def capabilities(request: Request) -> Response:
    """Say what kinds of task there are. Any type of intent is taken."""
    ctx = context(request)
    await ctx.authenticate(request.headers)
    return Json(
        {
            "ok": True,
            "capabilities": ["intents", "inbox", "approvals", "webhooks", "scenarios", "mesh"],
            "supported_intent_types": [f"intent.{name}.v1" for name in sorted(KINDS)],
            "any_intent_type": True,
            "task_types": sorted(KINDS),
        }
    )
