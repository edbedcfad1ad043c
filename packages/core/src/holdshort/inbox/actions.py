"""The forms that do something. Each needs a session, and to be sent from a page of that session."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import AlreadyDecided, HoldshortError, InvalidRequest, StaleDigest
from holdshort.inbox import answers, step_up
from holdshort.inbox.card import card
from holdshort.inbox.editing import edit_form, edited
from holdshort.inbox.fields import NotReadable
from holdshort.inbox.tasks import waiting
from holdshort.inbox.uploads import Posted, Sent, own_form_with_files
from holdshort.inbox.web import go, one, own_form, page, visitor
from holdshort.kinds import kind_named
from holdshort.lifecycle import Claim, Command, Comment, Decide, Delegate, Release, Undo
from holdshort.models import Intent
from holdshort.notify import said
from holdshort.requests import CommentRequest, DelegateRequest
from holdshort.server import views
from holdshort.server.body import parse_json, validated
from holdshort.server.context import Context
from holdshort.server.sessions import Visitor


async def decide(request: Request) -> Response:
    """Give an answer. It is held for some seconds, in which it can be taken back."""
    ctx, who = await visitor(request)
    async with own_form_with_files(request, who) as (posted, sent):
        return await _decide(request, ctx, who, posted, sent)


async def _decide(
    request: Request, ctx: Context, who: Visitor, posted: Posted, sent: list[Sent]
) -> Response:
    intent = await ctx.intent(who.principal, request.path_params["intent_id"])
    if intent.terminal:
        return await card(request, ctx, who, intent, status=409)
    outcome = one(posted, "outcome") or ""
    arguments = answers.edited_arguments(ctx, posted)
    if sent:
        await answers.keep_files(ctx, who, intent, posted, sent)
        intent = await ctx.intent(who.principal, intent.id)
    body = await ctx.engine.read(ctx.engine.store.body, intent.tenant, intent.id)
    about = arguments if arguments is not None else views.arguments(intent, body)
    problem = _friction(intent, outcome, posted, about)
    if problem is not None:
        confirm = outcome if problem == {"confirm": ""} else None
        return await card(
            request, ctx, who, intent,
            status=422, posted=posted, problems=problem, confirm=confirm, edited=arguments,
        )  # fmt: skip
    try:
        answer = answers.answer(intent, outcome, posted, arguments, ctx.settings.undo_seconds)
        principal = await step_up.principal_for(request, who, intent, answer, posted)
        await ctx.engine.submit(intent.tenant, intent.id, Decide(principal, answer))
    except NotReadable as error:
        problems = {error.name: error.problem}
    except InvalidRequest as error:
        problems = answers.by_field(error)
    except (AlreadyDecided, StaleDigest) as error:
        problems = {"": error.message}
        intent = await ctx.intent(who.principal, intent.id)
        arguments = None
    except HoldshortError as error:
        problems = {"": error.message}
    else:
        return await _onward(ctx, who, intent.id)
    return await card(
        request, ctx, who, intent,
        status=422, posted=posted, problems=problems, edited=arguments,
    )  # fmt: skip


async def preview(request: Request) -> Response:
    """Show how the arguments would be changed. Nothing is changed yet."""
    ctx, who = await visitor(request)
    posted = await own_form(request, who)
    intent = await ctx.intent(who.principal, request.path_params["intent_id"])
    body = await ctx.engine.read(ctx.engine.store.body, intent.tenant, intent.id)
    before = views.arguments(intent, body)
    raw = one(posted, "raw")
    problem: str | None = None
    after: Any = None
    try:
        # The box for JSON counts where it was touched: then it holds everything.
        if raw is not None and one(posted, "use") == "raw":
            after = parse_json(raw.encode(), max_depth=ctx.settings.max_depth)
            if not isinstance(after, dict):
                raise InvalidRequest("arguments are an object: { … }")
        else:
            after = edited(before, posted)
    except NotReadable as error:
        problem = f"{error.name} {error.problem}"
    except HoldshortError as error:
        problem = error.message
    if problem is None and after == before:
        problem = "Nothing was changed."
    if problem is not None:
        return page(
            "edit.html",
            422,
            visitor=who,
            intent=intent,
            fields=edit_form(before),
            raw=raw or json.dumps(before, indent=2, ensure_ascii=False),
            problem=problem,
        )
    return await card(request, ctx, who, intent, edited=after)


async def undo(request: Request) -> Response:
    """Take my answer back."""
    return await _act(request, lambda who, posted: Undo(who.principal))


async def claim(request: Request) -> Response:
    """Take this, so that others leave it alone."""
    return await _act(request, lambda who, posted: Claim(who.principal))


async def release(request: Request) -> Response:
    """Give it back."""
    return await _act(request, lambda who, posted: Release(who.principal))


async def comment(request: Request) -> Response:
    """Say something, or ask the agent; it decides nothing. The agent can read it and answer."""

    def command(who: Visitor, posted: Posted) -> Command:
        said_so = {"text": one(posted, "text") or "", "ask": one(posted, "ask") == "1"}
        body = validated(CommentRequest, said_so)
        return Comment(who.principal, body.text, body.ask)

    return await _act(request, command, onward="#talk")


async def delegate(request: Request) -> Response:
    """Hand it to somebody else."""

    def command(who: Visitor, posted: Posted) -> Command:
        said_so = {"to": one(posted, "to") or "", "comment": one(posted, "comment")}
        body = validated(DelegateRequest, said_so)
        return Delegate(who.principal, body.to, body.comment)

    return await _act(request, command)


async def _act(request: Request, command: Any, onward: str = "") -> Response:
    ctx, who = await visitor(request)
    posted = await own_form(request, who)
    intent = await ctx.intent(who.principal, request.path_params["intent_id"])
    try:
        await ctx.engine.submit(intent.tenant, intent.id, command(who, posted))
    except HoldshortError as error:
        problems = {"": error.message}
        return await card(
            request, ctx, who, intent, status=error.status, posted=posted, problems=problems
        )
    return go(f"/inbox/{intent.id}{onward}")


async def _onward(ctx: Context, who: Visitor, decided: str) -> Response:
    """After an answer the next card comes by itself; the answer can be taken back from there."""
    found = await waiting(ctx, who.principal.tenant, who.principal.id)
    following = [task.id for task in found.tasks if task.id != decided and not task.current.held]
    return go(f"/inbox/{following[0]}?undo={decided}" if following else f"/inbox?undo={decided}")


def _friction(
    intent: Intent, outcome: str, posted: Posted, arguments: Any
) -> dict[str, str] | None:
    """Return what is missing before a yes of this risk is taken; None where nothing is."""
    step = intent.current
    if not kind_named(step.task.task_type).sign(outcome):
        return None
    risk = step.policy.risk
    if risk == "medium" and one(posted, "held") != "1":
        return {"confirm": ""}
    if risk == "high":
        figure = said.key_figure(intent, arguments)
        if (one(posted, "typed") or "").strip() != figure:
            return {"typed": "type exactly what stands there, to show that you have read it"}
    return None


_I = "/inbox/{intent_id}"
PAGES = (
    ("POST", f"{_I}/decide", decide),
    ("POST", f"{_I}/preview", preview),
    ("POST", f"{_I}/undo", undo),
    ("POST", f"{_I}/claim", claim),
    ("POST", f"{_I}/release", release),
    ("POST", f"{_I}/comment", comment),
    ("POST", f"{_I}/delegate", delegate),
)
