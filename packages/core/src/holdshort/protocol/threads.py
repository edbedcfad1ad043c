"""Routes of the protocol's inbox. A thread is an intent: its id is the intent's, its timeline the
intent's log. What a decision needs is as it is everywhere: people decide, with their own key.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import Forbidden, InvalidRequest, NotFound
from holdshort.lifecycle import Advance, Command, Comment, Delegate, Transfer
from holdshort.models import Intent, Principal, agent_address, iso
from holdshort.notify.threads import in_inbox
from holdshort.protocol import names
from holdshort.protocol.answering import answer_of, check_owner
from holdshort.protocol.body import Lenient
from holdshort.requests import DelegateRequest
from holdshort.server.body import validated
from holdshort.server.context import Context, context, query_limit
from holdshort.server.replies import Json
from holdshort.store.base import Entry

PAGE = 500
#: How many intents are looked through for an agent's threads; older ones are reached by id.
LOOKED_THROUGH = 5000


class ReplyBody(Lenient):
    """A message in a thread."""

    message: Annotated[str, Field(min_length=1, max_length=5000)]


class DelegateBody(Lenient):
    """Whom a thread is handed to."""

    delegate_to: str | None = None
    note: Annotated[str, Field(max_length=5000)] | None = None


class DecideBody(Lenient):
    """A yes or a no."""

    comment: Annotated[str, Field(max_length=2000)] | None = None


class HideBody(Lenient):
    """Which entries of a thread are no longer shown to me."""

    mode: Literal["self", "both"] = "self"
    message_ids: tuple[str, ...] = ()
    limit: Annotated[int, Field(ge=1, le=1000)] | None = None


async def list_(request: Request) -> Response:
    """List the threads of whoever asks, newest first; of `owner_agent` for service keys."""
    ctx, principal, owner = await _who(request)
    status, limit = request.query_params.get("status"), query_limit(request)
    found: list[dict[str, Any]] = []
    for intent in await _threads(ctx, principal, owner):
        if status in (None, "", _status(intent)) and len(found) < limit:
            found.append(await _thread(ctx, intent, owner))
    return Json({"ok": True, "threads": found})


async def changes(request: Request) -> Response:
    """List threads in the order in which they changed, page by page."""
    ctx, principal, owner = await _who(request)
    limit, after = query_limit(request), _cursor(request)
    threads = sorted(await _threads(ctx, principal, owner), key=_moved)
    left = [one for one in threads if _moved(one) > after]
    page = left[:limit]
    shown = [{"cursor": _written(one), "thread": await _thread(ctx, one, owner)} for one in page]
    return Json(
        {
            "ok": True,
            "changes": shown,
            "next_cursor": _written(page[-1]) if page else None,
            "has_more": len(left) > len(page),
        }
    )


async def get(request: Request) -> Response:
    """Look at a thread."""
    ctx, principal, owner = await _who(request)
    intent = await _own(ctx, request, principal, owner)
    return await _reply(ctx, intent, owner)


async def reply(request: Request) -> Response:
    """Write into a thread. It decides nothing."""
    ctx, principal, owner = await _who(request)
    intent = await _own(ctx, request, principal, owner)
    body = await ctx.body(request, ReplyBody)
    return await _do(ctx, intent, owner, Comment(principal, body.message))


async def delegate(request: Request) -> Response:
    """Hand a thread on: a person to a person, an agent to another registered agent."""
    ctx, principal, owner = await _who(request)
    intent = await _own(ctx, request, principal, owner)
    body = await ctx.body(request, DelegateBody)
    if body.delegate_to is None:
        raise InvalidRequest(
            "say whom this is handed to: delegate_to",
            problems=[{"field": "delegate_to", "problem": "missing"}],
        )
    command: Command
    if principal.kind == "person":
        to = validated(DelegateRequest, {"to": body.delegate_to}).to
        command = Delegate(principal, to, body.note)
    else:
        command = Transfer(principal, names.checked(body.delegate_to), body.note)
    return await _do(ctx, intent, owner, command)


async def approve(request: Request) -> Response:
    """Say yes to a thread: a person to a human task, an agent to work that was given to it."""
    return await _answer(request, "approved")


async def reject(request: Request) -> Response:
    """Say no to a thread: a person to a human task, an agent to work that was given to it."""
    return await _answer(request, "rejected")


async def _answer(request: Request, outcome: str) -> Response:
    ctx, principal, owner = await _who(request)
    intent = await _own(ctx, request, principal, owner)
    comment = (await ctx.body(request, DecideBody)).comment
    command: Command
    if principal.kind == "person":
        command = answer_of(principal, intent, {"outcome": outcome, "comment": comment})
    else:
        done = outcome == "approved"
        why = comment or f"{principal.id} declined the work"
        result = {"comment": comment} if comment else {}
        command = Advance(principal, done, result, None if done else why)
    return await _do(ctx, intent, owner, command)


async def hide(request: Request) -> Response:
    """Show entries of a thread to me no longer. The log itself only grows, so nobody can take them
    away from somebody else."""
    ctx, principal, owner = await _who(request)
    intent = await _own(ctx, request, principal, owner)
    body = await ctx.body(request, HideBody)
    if body.mode == "both":
        raise Forbidden("the log only grows: hide messages for yourself (mode self)")
    store, name = ctx.engine.store, _mark(owner, intent)
    events = await ctx.engine.read(store.events, intent.tenant, intent.id, since=0, limit=1000)
    hidden = await _hidden(ctx, intent, owner)
    ours = [seq for one in events if (seq := str(one.seq)) not in hidden]
    wanted = [f"{intent.id}:{seq}" for seq in ours]
    if body.message_ids:
        wanted = [one for one in wanted if one in body.message_ids]
    # The first entry stays: a thread without any could not be shown.
    wanted = [one for one in wanted if not one.endswith(":1")][: body.limit]
    doc = {"hidden": sorted(hidden | {one.rpartition(":")[2] for one in wanted}, key=int)}
    entry = Entry(kind="thread", name=name, doc=doc)
    await ctx.engine.write(lambda tx: tx.put_entry(intent.tenant, entry))
    thread = await _thread(ctx, intent, owner)
    return Json(
        {
            "ok": True,
            "thread": thread,
            "mode": "self",
            "deleted_count": len(wanted),
            "message_ids": wanted,
        }
    )


async def _do(ctx: Context, intent: Intent, owner: str | None, command: Command) -> Response:
    done = await ctx.engine.submit(intent.tenant, intent.id, command)
    return await _reply(ctx, done.intent, owner)


async def _reply(ctx: Context, intent: Intent, owner: str | None) -> Response:
    return Json({"ok": True, "thread": await _thread(ctx, intent, owner)})


async def _who(request: Request) -> tuple[Context, Principal, str | None]:
    """Return who asks, and whose inbox this is: an agent's or a person's own. A service key looks
    into any agent's (`owner_agent`), or into all."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    check_owner(request, principal)
    if principal.kind == "agent":
        return ctx, principal, agent_address(principal.id)
    if principal.kind == "person":
        return ctx, principal, None
    named = request.query_params.get("owner_agent") or request.headers.get("x-owner-agent")
    return ctx, principal, names.checked(named) if named else None


async def _own(ctx: Context, request: Request, principal: Principal, owner: str | None) -> Intent:
    """Return the thread's intent, if it is in this inbox. Raises NotFound."""
    intent_id = request.path_params["thread"]
    found = await ctx.engine.read(ctx.engine.store.intent, principal.tenant, intent_id)
    if found is not None and owner is not None and in_inbox(found, owner):
        return found
    if owner is not None:
        raise NotFound("there is no such thread in this inbox")
    return await ctx.intent(principal, intent_id)


async def _threads(ctx: Context, principal: Principal, owner: str | None) -> list[Intent]:
    store, read = ctx.engine.store, ctx.engine.read
    if principal.kind == "person":
        directory = await ctx.engine.directory_now(principal.tenant)
        addresses = sorted(directory.addresses_of(principal.id))
        waiting = await read(
            store.tasks, principal.tenant, addresses=addresses, limit=PAGE, heavy=True
        )
        return list(reversed(waiting))
    found: list[Intent] = []
    before = None
    for _ in range(LOOKED_THROUGH // PAGE):
        page = await read(store.intents, principal.tenant, before=before, limit=PAGE, heavy=True)
        found += [one for one in page if owner is None or in_inbox(one, owner)]
        if len(page) < PAGE:
            break
        before = page[-1].id
    return found


async def _thread(ctx: Context, intent: Intent, owner: str | None) -> dict[str, Any]:
    store = ctx.engine.store
    events = await ctx.engine.read(store.events, intent.tenant, intent.id, since=0, limit=1000)
    hidden = await _hidden(ctx, intent, owner)
    lines = [json.loads(one.line) for one in events if str(one.seq) not in hidden]
    return {
        "thread_id": intent.id,
        "intent_id": intent.id,
        "status": _status(intent),
        "owner_agent": owner or intent.to_agent or intent.agent,
        "from_agent": intent.agent,
        "to_agent": intent.to_agent,
        "created_at": iso(intent.created_at),
        "updated_at": iso(intent.updated_at),
        "timeline": [
            {
                "event_id": f"{intent.id}:{line['seq']}",
                "event_type": line["event_type"],
                "actor": line["actor"],
                "at": line["at"],
                "details": line.get("details", {}),
            }
            for line in lines
        ],
    }


def _status(intent: Intent) -> str:
    if intent.terminal:
        return "done"
    return "pending" if intent.status in ("DELIVERED", "WAITING") else "active"


def _mark(owner: str | None, intent: Intent) -> str:
    return f"{owner or ''} {intent.id}"


async def _hidden(ctx: Context, intent: Intent, owner: str | None) -> set[str]:
    entries = await ctx.engine.read(ctx.engine.store.entries, intent.tenant, "thread")
    name = _mark(owner, intent)
    return {seq for one in entries if one.name == name for seq in one.doc["hidden"]}


def _moved(intent: Intent) -> tuple[int, str]:
    return intent.updated_at, intent.id


def _written(intent: Intent) -> str:
    return f"{intent.updated_at}:{intent.id}"


def _cursor(request: Request) -> tuple[int, str]:
    text = request.query_params.get("cursor") or "0:"
    at, colon, intent_id = text.partition(":")
    if not colon or not at.isdigit() or len(at) > 15:
        raise InvalidRequest("cursor is one that an earlier answer gave")
    return int(at), intent_id
