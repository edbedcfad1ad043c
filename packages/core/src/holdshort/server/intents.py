"""Routes of intents: file, look, wait, withdraw."""

from __future__ import annotations

import json
import time
import zlib
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response

from holdshort import ids
from holdshort.digest import sha256
from holdshort.engine.work import File, Filed
from holdshort.errors import Forbidden, HoldshortError, InvalidRequest, NotFound
from holdshort.lifecycle import Cancel, Comment, Create, Fail
from holdshort.models import Intent, Principal, Status
from holdshort.requests import (
    CancelRequest,
    CommentRequest,
    FailRequest,
    IntentRequest,
)
from holdshort.requests import (
    Request as Body,
)
from holdshort.server import views
from holdshort.server.auth import require
from holdshort.server.body import check_size, validated
from holdshort.server.context import Context, context, query_choice, query_limit, query_number
from holdshort.server.problems import body_of
from holdshort.server.replies import Json

#: The most intents in one batch.
LARGEST_BATCH = 500


#: What is not part of what was asked: the continuation is stored beside it, the correlation id is
#: made anew for each call by clients of the protocol, the sender comes from the key.
_NOT_KEPT = {"continuation", "correlation_id", "from_agent"}


class BatchRequest(Body):
    """Several intents at once; each is answered on its own."""

    intents: list[dict[str, Any]]


async def create(request: Request) -> Response:
    """File an intent. The header Idempotency-Key makes it safe to ask again."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent")
    body = await ctx.body(request, IntentRequest, ctx.settings.max_continuation)
    work = filing(ctx, principal, body, request.headers.get("idempotency-key"))
    done = await ctx.engine.file(work)
    return Json(views.filed(done.transition.intent, existed=done.existed))


async def create_batch(request: Request) -> Response:
    """File up to 500 intents in as few commits as possible; each may carry its
    `idempotency_key`.
    """
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent")
    body = await ctx.body(request, BatchRequest, ctx.settings.max_continuation)
    if not 1 <= len(body.intents) <= LARGEST_BATCH:
        raise InvalidRequest(f"a batch holds 1 to {LARGEST_BATCH} intents")
    works: list[File | HoldshortError] = []
    for raw in body.intents:
        try:
            works.append(keyed_filing(ctx, principal, raw))
        except HoldshortError as error:
            works.append(error)
    done = iter(await ctx.engine.file_many([work for work in works if isinstance(work, File)]))
    results = []
    for work in works:
        outcome = work if isinstance(work, HoldshortError) else next(done)
        if isinstance(outcome, Filed):
            results.append(views.filed(outcome.transition.intent, existed=outcome.existed))
        elif isinstance(outcome, HoldshortError):
            results.append({"ok": False, **body_of(outcome)})
        else:
            raise outcome
    return Json({"ok": all(result["ok"] for result in results), "results": results})


def keyed_filing(ctx: Context, principal: Principal, raw: dict[str, Any]) -> File:
    """Turn one of several intents, which carries its `idempotency_key`, into work."""
    one = dict(raw)
    key = one.pop("idempotency_key", None)
    if key is not None and not isinstance(key, str):
        raise InvalidRequest("idempotency_key must be a text")
    return filing(ctx, principal, validated(IntentRequest, one), key)


def filing(ctx: Context, principal: Principal, body: IntentRequest, key: str | None) -> File:
    """Turn a validated request into work for the engine."""
    if key is not None and not 1 <= len(key) <= 128:
        raise InvalidRequest(
            "an idempotency key has 1 to 128 characters",
            problems=[{"field": "Idempotency-Key", "problem": "wrong length"}],
        )
    text = body.model_dump_json(exclude_unset=True, exclude=_NOT_KEPT)
    check_size(len(text) if text.isascii() else len(text.encode()), ctx.settings.max_body)
    intent_id = ids.new_id(round(time.time() * 1000))
    continuation = None
    if body.continuation is not None:
        continuation = zlib.compress(json.dumps(body.continuation).encode(), level=1)
    return File(
        Create(
            principal=principal,
            request=body,
            intent_id=intent_id,
            key=key or intent_id,
            # Sorted, so that the order of keys does not make two requests of one.
            body_hash=sha256(json.dumps(json.loads(text), sort_keys=True).encode()),
            correlation_id=body.correlation_id or intent_id,
            run=(principal.id, body.run.id) if body.run else None,
        ),
        body=text,
        continuation=continuation,
        app=body.run.app if body.run else None,
    )


async def get(request: Request) -> Response:
    """Look at an intent."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    found = await ctx.intent(principal, request.path_params["intent_id"])
    return Json(views.intent_response(await _view(ctx, found)))


async def _view(ctx: Context, found: Intent) -> dict[str, Any]:
    store, read = ctx.engine.store, ctx.engine.read
    body = await read(store.body, found.tenant, found.id)
    deliveries = await read(store.deliveries, found.tenant, intent_id=found.id, limit=200)
    return views.intent(found, body, deliveries)


async def list_(request: Request) -> Response:
    """List intents, newest first. `key` finds the one that was filed under an idempotency key."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent", "service")
    store, query = ctx.engine.store, request.query_params
    limit, status = query_limit(request), query_choice(request, "status", get_args(Status))
    agent = principal.id if principal.kind == "agent" else query.get("agent")
    if "key" in query:
        if agent is None:
            raise InvalidRequest("with a service key, say which agent: ?agent=…&key=…")
        one = await ctx.engine.read(store.by_key, principal.tenant, agent, query["key"])
        shown = [await _view(ctx, one)] if one else []
        return Json({"ok": True, "intents": shown, "next_cursor": None})
    found = await ctx.engine.read(
        store.intents,
        principal.tenant,
        agent=agent,
        status=status,
        intent_type=query.get("intent_type"),
        before=query.get("cursor"),
        limit=limit,
        heavy=True,
    )
    return Json(
        {
            "ok": True,
            "intents": [views.intent(intent) for intent in found],
            "next_cursor": found[-1].id if len(found) == limit else None,
        }
    )


async def decision(request: Request) -> Response:
    """Return the decision; with `wait_seconds`, as soon as there is one."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    seconds = query_number(request, "wait_seconds", 0, highest=60)
    found = await ctx.intent_when(
        principal, request.path_params["intent_id"], lambda intent: intent.terminal, seconds
    )
    body = None
    if found.terminal:
        body = await ctx.engine.read(ctx.engine.store.body, found.tenant, found.id)
    return Json(views.decision(found, body))


async def continuation(request: Request) -> Response:
    """Return what the agent stored to resume from. Nobody else can read it."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    found = await ctx.intent(principal, request.path_params["intent_id"])
    if (principal.kind, principal.id) != ("agent", found.agent):
        raise Forbidden("a continuation can be read only by the agent that wrote it")
    data = await ctx.engine.read(ctx.engine.store.continuation, found.tenant, found.id)
    if data is None:
        raise NotFound("this intent has no continuation")
    return Json({"ok": True, "continuation": json.loads(zlib.decompress(data))})


async def cancel(request: Request) -> Response:
    """Withdraw an intent."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    body = await ctx.body(request, CancelRequest)
    return await _act(ctx, request, principal, Cancel(principal, body.reason))


async def fail(request: Request) -> Response:
    """Say that the work broke."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    body = await ctx.body(request, FailRequest)
    return await _act(ctx, request, principal, Fail(principal, body.error))


async def comment(request: Request) -> Response:
    """Add a remark; it decides nothing."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    body = await ctx.body(request, CommentRequest)
    return await _act(ctx, request, principal, Comment(principal, body.text, body.ask))


async def _act(
    ctx: Context, request: Request, principal: Principal, command: Cancel | Fail | Comment
) -> Response:
    found = await ctx.act(principal, request.path_params["intent_id"], command)
    return Json(views.intent_response(views.intent(found)))
