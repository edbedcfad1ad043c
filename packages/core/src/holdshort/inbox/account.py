"""My account: where I am signed in, and my passkeys."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from holdshort.errors import Conflict, NotFound
from holdshort.ids import hash_of
from holdshort.inbox import begun
from holdshort.inbox.browsers import browser_name
from holdshort.inbox.fresh import require_fresh
from holdshort.inbox.party import PasskeyRefused, passkeys_here
from holdshort.inbox.passkeys import (
    KIND,
    Need,
    ask_for_proof,
    ceremony,
    party,
    passkeys_of,
    prove,
)
from holdshort.inbox.web import PRIVATE, go, one, own_form, page, sessions, visitor
from holdshort.server.context import context
from holdshort.server.sessions import COOKIE, Visitor
from holdshort.store.base import Device

MOST_PASSKEYS = 20
LONGEST_NAME = 100
_ADD = "add a passkey"
_REMOVE = "remove a passkey"


async def show(request: Request) -> Response:
    """Show where I am signed in, and my passkeys."""
    ctx, who = await visitor(request)
    listed = await sessions(request).listed(who.principal.tenant, who.principal.id)
    mine = hash_of(who.secret)
    found = await passkeys_of(request, who.principal.tenant, who.principal.id)
    return page(
        "account.html",
        visitor=who,
        sessions=[
            {
                "id": one.hash,
                "here": one.hash == mine,
                "browser": browser_name(str(one.doc.get("agent", ""))),
                "by": str(one.doc.get("by", "unknown")),
                "at": one.created_at,
                "until": one.expires_at,
            }
            for one in listed
        ],
        passkeys=[
            {
                "id": one.id,
                "name": str(one.doc["name"]),
                "at": one.created_at,
                "used_at": one.doc.get("used_at"),
                "synced": bool(one.doc.get("synced")),
            }
            for one in found
        ],
        here=passkeys_here(ctx.settings.public_url, request.headers.get("host", "")),
        proposed=browser_name(request.headers.get("user-agent", "")),
        longest=LONGEST_NAME,
        required=ctx.settings.require_passkey_for_high_risk,
    )


async def end_session(request: Request) -> Response:
    """End one of my sessions, at once."""
    _, who = await visitor(request)
    posted = await own_form(request, who)
    tenant, person = who.principal.tenant, who.principal.id
    if not await sessions(request).end_hash(tenant, person, one(posted, "session") or ""):
        raise NotFound("this session has ended already")
    if one(posted, "session") != hash_of(who.secret):
        return go("/account")
    response = go("/sign-in")
    response.delete_cookie(COOKIE, path="/")
    return response


async def end_others(request: Request) -> Response:
    """End all of my sessions but this one, at once."""
    _, who = await visitor(request)
    await own_form(request, who)
    await _end(request, who, lambda doc: True)
    return go("/account")


async def _end(request: Request, who: Visitor, which: Any) -> None:
    """End those of my other sessions whose doc is one of these."""
    found, tenant, person = sessions(request), who.principal.tenant, who.principal.id
    mine = hash_of(who.secret)
    for one_session in await found.listed(tenant, person):
        if one_session.hash != mine and which(one_session.doc):
            await found.end_hash(tenant, person, one_session.hash)


async def begin_to_add(request: Request) -> Response:
    """Say what a browser is to ask for, to make a passkey; first to show one, where I have some."""
    _, who = await visitor(request)
    posted = await own_form(request, who)
    tenant, person = who.principal.tenant, who.principal.id
    known = await passkeys_of(request, tenant, person)
    here = party(request)
    if len(known) >= MOST_PASSKEYS:
        raise Conflict(f"you have {len(known)} passkeys: remove one first")
    if known:
        proof = one(posted, "proof")
        need = Need(_ADD, {})
        if proof is None:
            asked = await ask_for_proof(request, who, need)
            return JSONResponse({"prove": asked, "again": True}, headers=PRIVATE)
        await prove(request, who, need, proof)
    else:
        await require_fresh(request, who, "add your first passkey")
    challenge = await sessions(request).make(
        tenant, person, begun.PURPOSE, begun.SECONDS, _made_for(who)
    )
    asked = ceremony().options_to_make(here, challenge, tenant, person, [one.id for one in known])
    return JSONResponse({"create": asked}, headers=PRIVATE)


async def add(request: Request) -> Response:
    """Keep the passkey that my browser has made."""
    ctx, who = await visitor(request)
    posted = await own_form(request, who)
    tenant, person = who.principal.tenant, who.principal.id
    answer = one(posted, "answer")
    if answer is None:
        raise PasskeyRefused(
            "no passkey was made: this needs JavaScript, and a browser that knows passkeys"
        )
    challenge = ceremony().shown(answer).challenge
    kept = await sessions(request).take(challenge, begun.PURPOSE)
    if kept is None or kept.doc != _made_for(who):
        raise PasskeyRefused("this was begun in another session, or too long ago: begin again")
    made = ceremony().made(party(request), challenge, answer)
    if await ctx.engine.read(ctx.engine.store.device, KIND, made.id) is not None:
        raise PasskeyRefused("this passkey is known here already")
    device = Device(
        tenant=tenant,
        kind=KIND,
        id=made.id,
        person=person,
        created_at=ctx.engine.store.clock.now(),
        doc={
            "party": party(request).id,
            "key": made.key,
            "count": made.count,
            "synced": made.synced,
            "name": _name(one(posted, "name"))
            or browser_name(request.headers.get("user-agent", "")),
        },
    )
    await ctx.engine.write(lambda tx: tx.put_device(device))
    return go("/account")


async def rename(request: Request) -> Response:
    """Give one of my passkeys another name."""
    _, who = await visitor(request)
    posted = await own_form(request, who)
    device = await _mine(request, who, one(posted, "id"))
    name = _name(one(posted, "name")) or str(device.doc["name"])
    renamed = device.but(doc={**device.doc, "name": name})
    engine = context(request).engine
    # Only in the place of itself: one that is removed at this moment does not come back.
    await engine.write(
        lambda tx: (
            tx.put_device(renamed) if tx.delete_device(device.tenant, KIND, device.id) else None
        )
    )
    return go("/account")


async def begin_to_remove(request: Request) -> Response:
    """Say what a browser is to ask for: a passkey is removed by whoever can show one."""
    _, who = await visitor(request)
    posted = await own_form(request, who)
    device = await _mine(request, who, one(posted, "id"))
    asked = await ask_for_proof(request, who, Need(_REMOVE, {"id": device.id}))
    return JSONResponse({"prove": asked}, headers=PRIVATE)


async def remove(request: Request) -> Response:
    """Remove one of my passkeys, and end the sessions that it began."""
    _, who = await visitor(request)
    posted = await own_form(request, who)
    device = await _mine(request, who, one(posted, "id"))
    proof = one(posted, "proof")
    if proof is None:
        raise PasskeyRefused(
            "a passkey is removed by showing one, which needs JavaScript; where you have none of "
            "them any more, ask an administrator: holdshort people reset"
        )
    await prove(request, who, Need(_REMOVE, {"id": device.id}), proof)
    engine = context(request).engine
    await engine.write(lambda tx: tx.delete_device(device.tenant, KIND, device.id))
    await _end(request, who, lambda doc: doc.get("device") == device.id)
    return go("/account")


async def _mine(request: Request, who: Visitor, id: str | None) -> Device:
    for device in await passkeys_of(request, who.principal.tenant, who.principal.id):
        if device.id == id:
            return device
    raise NotFound("you have no such passkey any more")


def _made_for(who: Visitor) -> dict[str, Any]:
    return {"for": "a new passkey", "session": hash_of(who.secret)}


def _name(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip()[:LONGEST_NAME]


PAGES = (
    ("GET", "/account", show),
    ("POST", "/account/sessions/end", end_session),
    ("POST", "/account/sessions/end-others", end_others),
    ("POST", "/account/passkeys/begin", begin_to_add),
    ("POST", "/account/passkeys", add),
    ("POST", "/account/passkeys/name", rename),
    ("POST", "/account/passkeys/remove/begin", begin_to_remove),
    ("POST", "/account/passkeys/remove", remove),
)
