"""The pages that show: the list, a card, the form to edit. None of them changes anything."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from holdshort.inbox import absence, batch, tasks
from holdshort.inbox.card import card
from holdshort.inbox.editing import edit_form
from holdshort.inbox.web import PRIVATE, go, page, visitor
from holdshort.models import Intent
from holdshort.notify import said
from holdshort.policy.eligible import claimed_by
from holdshort.server import views
from holdshort.server.context import Context, query_number
from holdshort.server.sessions import Visitor


async def home(request: Request) -> Response:
    """Go to the inbox."""
    return go("/inbox")


async def inbox(request: Request) -> Response:
    """Show what waits for me."""
    ctx, who = await visitor(request)
    query = request.query_params
    chosen = query.get("filter", "all")
    search = query.get("q", "")[:200]
    found = await tasks.waiting(ctx, who.principal.tenant, who.principal.id, chosen, search)
    now = ctx.engine.store.clock.now()
    directory = await ctx.engine.directory_now(who.principal.tenant)
    return page(
        "inbox.html",
        visitor=who,
        found=found,
        chosen=chosen if chosen in tasks.FILTERS else "all",
        filters=tasks.FILTERS,
        search=search,
        now=now,
        what_next=lambda step: said.what_next(step, now),
        claimed_by=lambda step: claimed_by(step, directory),
        standing=absence.standing(directory, who.principal.id, now),
        groups=batch.groups(found.tasks, who.principal, directory),
        undo=await _undoable(request, ctx, who),
    )


async def news(request: Request) -> Response:
    """Say what is in the list, as soon as it is another than the one that was `seen`."""
    ctx, who = await visitor(request)
    query, person = request.query_params, who.principal
    seconds = query_number(request, "wait_seconds", 0, highest=30)
    found = await tasks.when_changed(
        ctx,
        person.tenant,
        person.id,
        query.get("filter", "all"),
        query.get("q", "")[:200],
        query.get("seen", "")[:64],
        seconds,
    )
    body = {"seen": found.seen, "tasks": {one.id: one.version for one in found.tasks}}
    return JSONResponse(body, headers=PRIVATE)


async def show(request: Request) -> Response:
    """Show one card."""
    ctx, who = await visitor(request)
    intent = await ctx.intent(who.principal, request.path_params["intent_id"])
    return await card(request, ctx, who, intent, undo=await _undoable(request, ctx, who))


async def back(request: Request) -> Response:
    """Go to the card: where a form was shown again, its address stands in the browser."""
    return go(f"/inbox/{request.path_params['intent_id']}")


async def edit(request: Request) -> Response:
    """Show the form to change the arguments with."""
    ctx, who = await visitor(request)
    intent = await ctx.intent(who.principal, request.path_params["intent_id"])
    body = await ctx.engine.read(ctx.engine.store.body, intent.tenant, intent.id)
    arguments = views.arguments(intent, body)
    return page(
        "edit.html",
        visitor=who,
        intent=intent,
        fields=edit_form(arguments),
        raw=json.dumps(arguments, indent=2, ensure_ascii=False),
        problem=None,
    )


async def state(request: Request) -> Response:
    """Say how an intent stands; with `wait_seconds`, as soon as it is another than `version`."""
    ctx, who = await visitor(request)
    seconds = query_number(request, "wait_seconds", 0, highest=30)
    version = query_number(request, "version", 0, highest=2**31)
    found = await ctx.intent_when(
        who.principal,
        request.path_params["intent_id"],
        lambda intent: intent.version != version,
        seconds,
    )
    directory = await ctx.engine.directory_now(found.tenant)
    body = {
        "version": found.version,
        "open": not found.terminal,
        "text": said.how_it_stands(found, directory),
        "digest": found.digest,
        "step": found.step,
    }
    return JSONResponse(body, headers=PRIVATE)


async def _undoable(request: Request, ctx: Context, who: Visitor) -> Intent | None:
    """Return the intent whose answer was given a moment ago and can still be taken back."""
    intent_id = request.query_params.get("undo")
    if not intent_id:
        return None
    found = await ctx.engine.read(ctx.engine.store.intent, who.principal.tenant, intent_id)
    held = None if found is None or found.terminal else found.current.held
    return found if held is not None and held.by.id == who.principal.id else None


_I = "/inbox/{intent_id}"
PAGES = (
    ("GET", "/", home),
    ("GET", "/inbox", inbox),
    ("GET", "/inbox/news", news),
    ("GET", _I, show),
    ("GET", f"{_I}/decide", back),
    ("GET", f"{_I}/preview", back),
    ("GET", f"{_I}/comment", back),
    ("GET", f"{_I}/delegate", back),
    ("GET", f"{_I}/edit", edit),
    ("GET", f"{_I}/state", state),
)
