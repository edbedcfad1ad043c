"""Cards for programs of reviewers: what is asked, in sentences, and what may be answered."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.kinds import kind_named
from holdshort.models import Directory, Intent, Principal, iso
from holdshort.notify import said
from holdshort.policy.eligible import claimed_by, may_delegate, seat_of, why_not
from holdshort.server import views
from holdshort.server.auth import require
from holdshort.server.context import context
from holdshort.server.replies import Json
from holdshort.server.similar import similar


async def show(request: Request) -> Response:
    """Show the card of an intent, in the sentences of the inbox."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "person")
    intent = await ctx.intent(principal, request.path_params["intent_id"])
    store = ctx.engine.store
    body = await ctx.engine.read(store.body, intent.tenant, intent.id)
    directory = await ctx.engine.directory_now(intent.tenant)
    found = _card(intent, body, principal, directory, store.clock.now())
    found["warnings"] = list((await similar(ctx, intent, principal.id)).warnings)
    found["undo_seconds"] = ctx.settings.undo_seconds
    return Json({"ok": True, "card": found})


def _card(
    intent: Intent, body: str | None, principal: Principal, directory: Directory, now: int
) -> dict[str, Any]:
    step = intent.current
    seat = None if intent.terminal else seat_of(principal.id, intent, directory)
    kind = kind_named(step.task.task_type)
    arguments = said.arguments(intent, body)
    words = said.words(body, step) + said.findings(intent)
    outcomes = kind.outcomes(step.task)
    ours = step.policy.allow_edit and intent.step == 0 and not intent.terminal
    said_in_form = kind.form_replaces_comment and step.task.form_schema is not None
    return {
        "intent_id": intent.id,
        "version": intent.version,
        "digest": intent.digest,
        "tenant": intent.tenant,
        "open": not intent.terminal,
        "stands": said.how_it_stands(intent, directory),
        "what": said.what(intent, arguments),
        "tool": intent.tool,
        "environment": intent.environment,
        "arguments": arguments,
        "edited": intent.edited_arguments is not None,
        "about": said.more(body),
        "words": [{"name": name, "text": text} for name, text in words],
        "agent": intent.agent,
        "owner": intent.owner,
        "risk": step.policy.risk,
        "figure": said.key_figure(intent, arguments),
        "task_type": step.task.task_type,
        "step": intent.step,
        "steps": len(intent.steps),
        "deadline_at": iso(step.deadline_at) if step.deadline_at else None,
        "next": said.what_next(step, now),
        "if_nobody": said.if_nobody(step),
        "seats": said.seats(step),
        "claimed_by": claimed_by(step, directory),
        "on_behalf_of": seat.on_behalf_of if seat else None,
        "away_until": iso(seat.away_until) if seat and seat.away_until else None,
        "held": views.held(step),
        "outcomes": [
            {"outcome": one, "label": said.label(one), "positive": kind.sign(one)}
            for one in outcomes
        ],
        "comment_for": [] if said_in_form else sorted(kind.comment_for),
        "comment_required": step.task.required_comment or step.policy.require_comment,
        "evidence_required": step.task.evidence_required,
        "form_schema": step.task.form_schema or kind.data_schema,
        "why_not": said.how_it_stands(intent)
        if intent.terminal
        else why_not(principal, intent, directory),
        "can_edit": bool(ours and any(map(kind.sign, outcomes)) and isinstance(arguments, dict)),
        "can_delegate": not intent.terminal and may_delegate(principal.id, step, directory),
    }
