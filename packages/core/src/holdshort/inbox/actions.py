"""The forms that do something. Each needs a session, and to be sent from a page of that session."""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import AlreadyDecided, HoldshortError, InvalidRequest, StaleDigest
from holdshort.inbox import fields
from holdshort.inbox.card import card
from holdshort.inbox.editing import edit_form, edited
from holdshort.inbox.fields import NotReadable
from holdshort.inbox.tasks import waiting
from holdshort.inbox.web import go, one, own_form, page, visitor
from holdshort.kinds import kind_named
from holdshort.lifecycle import Claim, Command, Comment, Decide, Delegate, Release, Undo
from holdshort.models import Intent
from holdshort.notify import said
from holdshort.requests import CommentRequest, DecisionRequest, DelegateRequest
from holdshort.server import views
from holdshort.server.body import parse_json, validated
from holdshort.server.context import Context
from holdshort.server.sessions import Visitor

Posted = dict[str, list[str]]
_MISSING = re.compile(r'"(.+)" is a required property')


async def decide(request: Request) -> Response:
    """Give an answer. It is held for some seconds, in which it can be taken back."""
    ctx, who = await visitor(request)
    posted = await own_form(request, who)
    intent = await ctx.intent(who.principal, request.path_params["intent_id"])
    if intent.terminal:
        return await card(request, ctx, who, intent, status=409)
    outcome = one(posted, "outcome") or ""
    arguments = _edited_arguments(ctx, posted)
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
        answer = _answer(intent, outcome, posted, arguments, ctx.settings.undo_seconds)
        await ctx.engine.submit(intent.tenant, intent.id, Decide(who.principal, answer))
    except NotReadable as error:
        problems = {error.name: error.problem}
    except InvalidRequest as error:
        problems = _by_field(error)
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
    """Say something; it decides nothing. The agent that asked can read it and answer."""

    def command(who: Visitor, posted: Posted) -> Command:
        body = validated(CommentRequest, {"text": one(posted, "text") or ""})
        return Comment(who.principal, body.text)

    return await _act(request, command)


async def delegate(request: Request) -> Response:
    """Hand it to somebody else."""

    def command(who: Visitor, posted: Posted) -> Command:
        said_so = {"to": one(posted, "to") or "", "comment": one(posted, "comment")}
        body = validated(DelegateRequest, said_so)
        return Delegate(who.principal, body.to, body.comment)

    return await _act(request, command)


async def _act(request: Request, command: Any) -> Response:
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
    return go(f"/inbox/{intent.id}")


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


def _edited_arguments(ctx: Context, posted: Posted) -> dict[str, Any] | None:
    text = one(posted, "arguments")
    if text is None:
        return None
    found = parse_json(text.encode(), max_depth=ctx.settings.max_depth)
    if not isinstance(found, dict):
        raise InvalidRequest("arguments are an object")
    return found


def _answer(
    intent: Intent,
    outcome: str,
    posted: Posted,
    arguments: dict[str, Any] | None,
    undo_seconds: float,
) -> DecisionRequest:
    step = intent.current
    kind = kind_named(step.task.task_type)
    schema = step.task.form_schema or kind.data_schema
    answer: dict[str, Any] = {
        "outcome": outcome,
        "comment": one(posted, "comment"),
        "digest": one(posted, "digest"),
        "step": int(one(posted, "step") or 0),
        "undo_seconds": undo_seconds,
    }
    if schema is not None and kind.sign(outcome):
        answer["data"] = fields.answer_in(schema, posted)
    if arguments is not None and kind.sign(outcome):
        answer["arguments"] = arguments
    evidence = _evidence(posted)
    if evidence:
        answer["evidence"] = evidence
    return validated(DecisionRequest, {k: v for k, v in answer.items() if v is not None})


def _evidence(posted: Posted) -> list[dict[str, str]]:
    name, place = one(posted, "evidence_name"), one(posted, "evidence_place")
    if place is None:
        return []
    text = place.strip()
    is_hash = len(text) == 64 and all(c in "0123456789abcdef" for c in text)
    return [{"name": name or "evidence", ("sha256" if is_hash else "url"): text}]


def _by_field(error: InvalidRequest) -> dict[str, str]:
    """Put each problem beside the control that it is about."""
    found: dict[str, str] = {}
    for one_problem in error.details.get("problems", []):
        field, text = str(one_problem.get("field", "")), str(one_problem.get("problem", ""))
        name = f"d{field.removeprefix('data')}" if field.startswith("data") else field
        name = name.replace(".", "/")
        # JSON Schema finds what is missing in the object around it; people look beside the field.
        missing = _MISSING.fullmatch(text)
        if missing is not None and name.startswith("d"):
            name, text = f"{name}/{missing[1]}", "is needed"
        found[name] = text
    known = {name for name in found if name.startswith("d/") or name in ("comment", "evidence")}
    if len(known) < len(found) or not found:
        found[""] = error.message
    return found


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
