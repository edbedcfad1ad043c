"""Routes of webhook subscriptions: where an agent hears of the threads in its inbox, and of what
becomes of the intents that it asked for.

An agent subscribes for itself; a service key for any agent.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from pydantic import Field, SecretStr, StrictBool
from starlette.requests import Request
from starlette.responses import Response

from holdshort import ids
from holdshort.engine import ledger
from holdshort.errors import Conflict, InvalidRequest, NotFound
from holdshort.lifecycle.alive import require_alive
from holdshort.models import Principal, agent_address, iso
from holdshort.notify.threads import CREATED, EVERY_INTENT_EVENT, REPLIED, UPDATED
from holdshort.protocol import names
from holdshort.protocol.answering import check_owner
from holdshort.protocol.body import Lenient
from holdshort.server.auth import require
from holdshort.server.context import Context, context
from holdshort.server.directory import origin
from holdshort.server.replies import Json
from holdshort.store.base import Entry, Tx

#: The most subscriptions of one agent: one change of a thread is at most so many messages.
MOST = 10

THREADS = frozenset({CREATED, UPDATED, REPLIED})
#: The protocol's types of what is not there here. They are taken, and never come.
ELSEWHERE = frozenset({"invite.accepted", "auth.session_revoked"})
_NEVER = ELSEWHERE | {"intent.acknowledged", "intent.timeout", "intent.delivery_failed"}
_INTENTS = frozenset(
    f"intent.{name}"
    for name in (
        *("created", "submitted", "delivered", "human_task_assigned", "waiting", "reminder"),
        *("escalated", "in_progress", "transfer", "decided", "completed", "failed", "canceled"),
        "timed_out",
    )
) | {EVERY_INTENT_EVENT}


class NewSubscription(Lenient):
    """Where events are posted, and which."""

    callback_url: Annotated[str, Field(pattern=r"^https?://[^\s/@]+(/\S*)?$", max_length=2048)]
    event_types: Annotated[tuple[str, ...], Field(min_length=1, max_length=32)]
    secret: Annotated[SecretStr, Field(min_length=16, max_length=128)] | None = None
    active: StrictBool = True
    description: Annotated[str, Field(max_length=255)] | None = None
    owner_agent: str | None = None


async def upsert(request: Request) -> Response:
    """Subscribe, or change what is subscribed for the same agent at the same address.

    Without a secret one is made, and shown in this answer alone.
    """
    ctx, principal = await caller(request)
    body = await ctx.body(request, NewSubscription)
    owner = owner_named(request, principal, body.owner_agent)
    notes = _notes(body.event_types)
    tenant, name = principal.tenant, id_of(owner, body.callback_url)
    mine = await subscriptions_of(ctx, tenant, owner)
    if len(mine) >= MOST and all(one.name != name for one in mine):
        raise Conflict(f"{owner} has {MOST} subscriptions, and no more are taken")
    made = secrets.token_urlsafe(32)

    def write(tx: Tx) -> Entry:
        known = tx.lock_entry(tenant, "subscription", name)
        given = None if body.secret is None else body.secret.get_secret_value()
        entry = Entry(
            kind="subscription",
            name=name,
            doc={
                "owner_agent": owner,
                "callback_url": body.callback_url,
                "event_types": list(dict.fromkeys(body.event_types)),
                "secret": given or known.get("secret") or made,
                "active": body.active,
                "description": body.description,
                "created_at": known.get("created_at") or tx.now(),
                "updated_at": tx.now(),
                "by": principal.actor,
            },
        )
        tx.put_entry(tenant, entry)
        said = {"owner_agent": owner, "url": origin(body.callback_url), "active": body.active}
        ledger.record(tx, principal, "subscription.set", name, **said)
        return entry

    entry = await ctx.engine.write_directory(write)
    answer: dict[str, Any] = {"ok": True, "subscription": _shown(entry)}
    if entry.doc["secret"] == made:
        answer["secret"] = made
        notes.append("no secret was given, so one was made: it is shown this once")
    if notes:
        answer["notes"] = notes
    return Json(answer)


async def list_(request: Request) -> Response:
    """List an agent's subscriptions; a service key sees those of `owner_agent`, or all."""
    ctx, principal = await caller(request)
    found = await subscriptions_of(ctx, principal.tenant, owner_in(request, principal))
    return Json({"ok": True, "subscriptions": [_shown(one) for one in found]})


async def delete(request: Request) -> Response:
    """End a subscription; its secret is forgotten. What still waits to be sent to it never is."""
    ctx, principal = await caller(request)
    wanted = request.path_params["subscription"]
    mine = await subscriptions_of(ctx, principal.tenant, owner_in(request, principal))
    if all(one.name != wanted for one in mine):
        raise NotFound("there is no such subscription")

    def write(tx: Tx) -> int:
        tx.delete_entry(principal.tenant, "subscription", wanted)
        ledger.record(tx, principal, "subscription.deleted", wanted)
        return tx.now()

    ended = await ctx.engine.write_directory(write)
    return Json({"ok": True, "subscription_id": wanted, "revoked_at": iso(ended)})


async def caller(request: Request) -> tuple[Context, Principal]:
    """Return the agent or the service that asks. Raises Forbidden for anybody else."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent", "service")
    check_owner(request, principal)
    require_alive(principal, await ctx.engine.directory_now(principal.tenant))
    return ctx, principal


def owner_in(request: Request, principal: Principal) -> str | None:
    """Return whose subscriptions this is about; None for a service key that names nobody."""
    if principal.kind == "agent":
        return agent_address(principal.id)
    named = request.query_params.get("owner_agent") or request.headers.get("x-owner-agent")
    return names.checked(named) if named else None


def owner_named(request: Request, principal: Principal, in_body: str | None) -> str:
    """The same where somebody has to be named, in the query, the header or the body. Raises
    InvalidRequest for nobody, and Conflict for two."""
    owner = owner_in(request, principal)
    said = names.checked(in_body) if in_body else None
    if owner is not None and said is not None and owner != said:
        raise Conflict(f"this names {said}, and is of {owner}")
    found = owner or said
    if found is None:
        raise InvalidRequest(
            "say whose subscriptions are meant: owner_agent",
            problems=[{"field": "owner_agent", "problem": "missing"}],
        )
    return found


async def subscriptions_of(ctx: Context, tenant: str, owner: str | None) -> list[Entry]:
    """Return an agent's subscriptions; everybody's for None."""
    entries = await ctx.engine.read(ctx.engine.store.entries, tenant, "subscription")
    return [one for one in entries if owner in (None, one.doc["owner_agent"])]


def id_of(*parts: str) -> str:
    """Return the one id that these parts have: who sends twice finds what is there."""
    return ids.derived_id(0, *parts)


def _notes(types: tuple[str, ...]) -> list[str]:
    """Return notes on the types that never come. Raises InvalidRequest for what is none."""
    unknown = sorted(set(types) - THREADS - _INTENTS - _NEVER)
    if unknown:
        raise InvalidRequest(
            f"no such events: {', '.join(unknown):.200}; there are "
            f"{', '.join(sorted(THREADS | _INTENTS))}",
            problems=[
                {"field": "event_types", "problem": f"{one:.100} is none"} for one in unknown
            ],
        )
    never = sorted(set(types) & _NEVER)
    return [f"{one} never comes: nothing here could tell of it" for one in never]


def _shown(entry: Entry) -> dict[str, Any]:
    doc = entry.doc
    return {
        "subscription_id": entry.name,
        "owner_agent": doc["owner_agent"],
        "callback_url": doc["callback_url"],
        "event_types": doc["event_types"],
        "active": doc["active"],
        "description": doc["description"],
        "created_at": iso(doc["created_at"]),
        "updated_at": iso(doc["updated_at"]),
        "revoked_at": None,
        "secret_hint": f"…{doc['secret'][-4:]}",
    }
