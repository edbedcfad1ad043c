"""AgentField's paths. What its SDK needs to pause and resume is served; what it only reports is
taken and not kept, and says so; the rest is not there.

Wire: PyPI package `agentfield` 0.1.144. The SDK reads `error` or `detail` of a refusal as text.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from holdshort.agentfield.rounds import INTENT_TYPE, PauseRequest, ended, paused, waited_for
from holdshort.errors import Forbidden, HoldshortError, InvalidRequest, NotFound
from holdshort.lifecycle import Decide
from holdshort.models import Intent, Principal, iso
from holdshort.notify.agentfield import (
    CHANNEL,
    decision_of,
    feedback_of,
    response_of,
    status_after,
)
from holdshort.requests import DecisionRequest
from holdshort.requests import Request as Body
from holdshort.server.auth import require
from holdshort.server.context import LARGEST_PAGE, Context, context
from holdshort.server.problems import body_of
from holdshort.server.replies import Json

log = logging.getLogger("holdshort.agentfield")
Handler = Callable[[Request], Awaitable[Response]]

_OUTCOMES = {
    **dict.fromkeys(("approved", "approve", "continue", "confirm"), "approved"),
    **dict.fromkeys(("rejected", "reject", "deny", "abort", "cancel"), "rejected"),
    **dict.fromkeys(("request_changes", "changes_requested"), "changes_requested"),
}


class Answer(Body):
    """A person's answer, as AgentField's CLI sends it."""

    decision: str
    reason: str = Field("", max_length=10_000)
    feedback: str = Field("", max_length=10_000)
    response: Any = None


async def request_approval(request: Request) -> Response:
    """Ask a person; the execution is called back when they have answered."""
    ctx, principal = await _agent(request)
    execution = request.path_params["execution"]
    node = request.path_params.get("node") or principal.id
    asked = await ctx.body(request, PauseRequest)
    intent = await paused(ctx, principal, node, execution, asked)
    return Json(
        {
            "approval_request_id": asked.approval_request_id,
            "approval_request_url": asked.approval_request_url or _page_of(ctx, intent),
            "status": "pending" if not intent.terminal else decision_of(intent),
            "intent_id": intent.id,
        }
    )


async def approval_status(request: Request) -> Response:
    """Say how the approval stands for which an execution waits, or waited last."""
    ctx, principal = await _agent(request)
    execution = request.path_params["execution"]
    intent = await waited_for(ctx, principal.tenant, principal.id, execution)
    if intent is None:
        raise NotFound(f"execution {execution} of {principal.id} has asked for no approval")
    status = decision_of(intent) if intent.terminal else "pending"
    step = intent.current
    found: dict[str, Any] = {
        "status": status,
        "request_url": _page_of(ctx, intent),
        "requested_at": iso(intent.created_at),
        "expires_at": iso(step.deadline_at) if step.deadline_at else None,
        "intent_id": intent.id,
    }
    if intent.terminal:
        found["response"] = response_of(intent.decision, intent) | {
            "decision": status,
            "feedback": feedback_of(intent),
        }
        found["responded_at"] = iso(intent.ended_at or intent.updated_at)
    return Json(found)


async def approval_response(request: Request) -> Response:
    """Decide, with a person's own key. An agent's key never does."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    if principal.kind != "person":
        raise Forbidden(
            "only people decide: send this with a person's key (hs_person_…), or decide in the "
            "inbox or with `holdshort tasks approve`"
        )
    answer = await ctx.body(request, Answer)
    if answer.decision == "expired":
        raise InvalidRequest("only time expires a request; reject it instead")
    outcome = _OUTCOMES.get(answer.decision)
    if outcome is None:
        raise InvalidRequest(
            f"decision is {answer.decision!r}; write approved, rejected or request_changes"
        )
    intent = await _waiting_for(ctx, principal, request.path_params["execution"])
    comment = answer.reason or answer.feedback or None
    said = DecisionRequest(outcome=outcome, comment=comment, step=intent.step)
    done = await ctx.engine.submit(principal.tenant, intent.id, Decide(principal, said))
    decision = decision_of(done.intent)
    return Json(
        {
            "status": "processed",
            "execution_id": request.path_params["execution"],
            "decision": decision,
            "new_status": status_after(decision),
        }
    )


async def webhook(request: Request) -> Response:
    """Refuse: a shared secret does not say who decided."""
    raise Forbidden(
        "decisions are not taken by a shared webhook secret, which does not say who decided. "
        "Use the inbox, Slack, or a person's key at /api/v1/executions/{id}/approval-response"
    )


async def register(request: Request) -> Response:
    """Take a node's registration: decisions that could not reach it are sent to it again, now."""
    ctx, principal = await _agent(request)
    body = await _any_json(request)
    base = str(body.get("base_url") or body.get("callback_url") or "").rstrip("/")
    sent = await _send_again(ctx, principal, base) if base else 0
    return Json({"status": "ok", "success": True, "resent": sent})


async def finished(request: Request) -> Response:
    """Take an execution's own report of its end."""
    ctx, principal = await _agent(request)
    await ended(ctx, principal, request.path_params["execution"], await _any_json(request))
    return Json({"status": "ok"})


async def heard(request: Request) -> Response:
    """Take what an agent reports about itself. Nothing of it is kept here."""
    await _agent(request)
    return Json({"status": "ok", "kept": False})


async def awaiter(request: Request) -> Response:
    """Take what a parent execution says of its waiting for a child."""
    await _agent(request)
    body = await _any_json(request)
    return Json({"status": body.get("status", "running"), "applied": False})


async def _agent(request: Request) -> tuple[Context, Principal]:
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent")
    return ctx, principal


async def _any_json(request: Request) -> dict[str, Any]:
    """Return a report's body; what is too large or no JSON object is not looked at."""
    found = b""
    async for chunk in request.stream():
        found += chunk
        if len(found) > 256 * 1024:
            return {}
    try:
        body = json.loads(found or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


async def _waiting_for(ctx: Context, person: Principal, execution: str) -> Intent:
    """Return the task that this execution waits for, if this person may see it."""
    # Newest first: who answers an execution does so while it waits.
    asked = await ctx.engine.read(
        ctx.engine.store.intents,
        person.tenant,
        intent_type=INTENT_TYPE,
        limit=LARGEST_PAGE,
        heavy=True,
    )
    for agent in dict.fromkeys(one.agent for one in asked):
        intent = await waited_for(ctx, person.tenant, agent, execution)
        if intent is not None:
            return await ctx.intent(person, intent.id)
    raise NotFound(f"no execution {execution} waits for an approval")


async def _send_again(ctx: Context, principal: Principal, base: str) -> int:
    """Let what this agent has not taken yet go out again at once: it has just started."""
    store = ctx.engine.store
    waiting = await ctx.engine.read(
        store.deliveries, principal.tenant, state="pending", limit=LARGEST_PAGE, heavy=True
    )
    now = store.clock.now()
    due = []
    for one in waiting:
        if one.channel != CHANNEL or not one.recipient.startswith(f"{base}/"):
            continue
        intent = await ctx.engine.read(store.intent, principal.tenant, one.intent_id)
        if intent is not None and intent.agent == principal.id and one.attempts:
            due.append(one.but(next_at=now))
    if due:
        await ctx.engine.update_deliveries(due)
    return len(due)


def _page_of(ctx: Context, intent: Intent) -> str:
    base = ctx.settings.public_url
    return f"{base.rstrip('/')}/inbox/{intent.id}" if base else ""


class _Operation:
    """A handler as an ASGI application; refusals carry their reason where the SDK looks for it."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        response: Response
        try:
            response = await self._handler(request)
        except HoldshortError as error:
            status = 400 if error.status == 422 else error.status
            body = body_of(error)
            response = Json(body | {"message": error.message}, status)
        except Exception as error:
            log.error("%s %s failed", request.method, request.url.path, exc_info=error)
            response = Json({"error": "internal_error", "message": "it has been logged"}, 500)
        await response(scope, receive, send)


_A = "/api/v1/agents/{node}/executions/{execution}"
_E = "/api/v1/executions/{execution}"
_PATHS: tuple[tuple[str, str, Handler], ...] = (
    ("POST", f"{_A}/request-approval", request_approval),
    # A client that was given no node's name leaves it empty.
    ("POST", "/api/v1/agents//executions/{execution}/request-approval", request_approval),
    ("POST", f"{_E}/request-approval", request_approval),
    ("GET", f"{_A}/approval-status", approval_status),
    ("GET", "/api/v1/agents//executions/{execution}/approval-status", approval_status),
    ("GET", f"{_E}/approval-status", approval_status),
    ("POST", f"{_E}/approval-response", approval_response),
    ("POST", "/api/v1/webhooks/approval-response", webhook),
    ("POST", f"{_A}/awaiter-status", awaiter),
    ("POST", "/api/v1/nodes/register", register),
    ("POST", "/api/v1/nodes", register),
    ("POST", "/api/v1/nodes/{node}/heartbeat", heard),
    ("PATCH", "/api/v1/nodes/{node}/status", heard),
    ("POST", "/api/v1/nodes/{node}/shutdown", heard),
    ("POST", "/api/v1/executions/note", heard),
    ("POST", f"{_E}/status", finished),
    ("POST", f"{_E}/logs", heard),
    ("POST", "/api/v1/workflow/executions/events", heard),
)

ROUTES = [
    Route(path, cast("ASGIApp", _Operation(handler)), methods=[method])
    for method, path, handler in _PATHS
]
