"""My devices: where push messages go, what they show there, and when they keep quiet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from starlette.requests import Request
from starlette.responses import Response

from holdshort import ids
from holdshort.engine import pushed
from holdshort.errors import Conflict, HoldshortError, NotFound
from holdshort.inbox.browsers import browser_name
from holdshort.inbox.web import go, one, own_form, page, visitor
from holdshort.notify.base import SendFailed
from holdshort.notify.push_devices import KIND, MOST_DEVICES, Subscription, subscription
from holdshort.server.body import validated
from holdshort.server.context import Context, context
from holdshort.server.directory import PersonBody, change_contact
from holdshort.server.sessions import Visitor
from holdshort.store.base import Device

if TYPE_CHECKING:
    from holdshort.notify.push import PushNotifier

LONGEST_NAME = 100


async def show(request: Request) -> Response:
    """Show my devices."""
    ctx, who = await visitor(request)
    return await _page(request, ctx, who)


async def add(request: Request) -> Response:
    """Put this browser on my list."""
    ctx, who = await visitor(request)
    posted = await own_form(request, who)
    push = _push(ctx)
    found = subscription(
        one(posted, "endpoint"),
        one(posted, "p256dh"),
        one(posted, "auth"),
        allow_private=push.allow_private,
    )
    tenant, person = who.principal.tenant, who.principal.id
    known = await ctx.engine.read(ctx.engine.store.device, KIND, found.id)
    if known is not None and not _is_same_browser(known, found):
        raise Conflict("this device is known here with other keys: remove it there, then add it")
    mine = await _devices(ctx, who)
    theirs = known is None or (known.tenant, known.person) != (tenant, person)
    if theirs and len(mine) >= MOST_DEVICES:
        raise Conflict(f"you have {len(mine)} devices: remove one first")
    before = {} if known is None or theirs else known.doc
    name = _name(one(posted, "name")) or browser_name(request.headers.get("user-agent", ""))
    device = Device(
        tenant=tenant,
        kind=KIND,
        id=found.id,
        person=person,
        created_at=ctx.engine.store.clock.now(),
        doc={"name": name, "show": False, **before, **found.doc()},
    )

    await pushed.add(ctx.engine, device, known)
    return go("/devices")


async def change(request: Request) -> Response:
    """Give one of my devices another name, and say what it may show."""
    ctx, who = await visitor(request)
    posted = await own_form(request, who)
    device = await _mine(request, ctx, who)
    name = _name(one(posted, "name")) or str(device.doc["name"])
    doc = {**device.doc, "name": name, "show": one(posted, "show") == "1"}
    changed = device.but(doc=doc)
    # Only in the place of itself: one that is removed at this moment does not come back.
    await ctx.engine.write(
        lambda tx: (
            tx.put_device(changed) if tx.delete_device(device.tenant, KIND, device.id) else None
        )
    )
    return go("/devices")


async def test(request: Request) -> Response:
    """Push something to one of my devices now, and say what became of it."""
    ctx, who = await visitor(request)
    await own_form(request, who)
    device = await _mine(request, ctx, who)
    name = str(device.doc["name"])
    try:
        await _push(ctx).test(device, ids.new_id(ctx.engine.store.clock.now()))
    except SendFailed as failed:
        problem = f"{name} was not reached. {failed}"
        return await _page(request, ctx, who, status=502, problem=problem)
    return await _page(
        request, ctx, who, done=f"The push service has taken a message for {name}. Look there."
    )


async def revoke(request: Request) -> Response:
    """Remove one of my devices: nothing is sent to it any more."""
    ctx, who = await visitor(request)
    await own_form(request, who)
    device = await _mine(request, ctx, who)
    await pushed.drop(ctx.engine, [device])
    return go("/devices")


async def quiet(request: Request) -> Response:
    """Say when what can wait is to wait, on all of my channels."""
    ctx, who = await visitor(request)
    posted = await own_form(request, who)
    since, until = one(posted, "from"), one(posted, "until")
    hours = {"from": since or "", "until": until or ""} if since or until else None
    kept = await _kept(ctx, who)
    if hours and kept.get("quiet"):
        hours["days"] = kept["quiet"].get("days")
    said = {"quiet": hours, "timezone": one(posted, "timezone")}
    try:
        body = validated(PersonBody, kept | said).model_dump(mode="json", by_alias=True)
        changes = {name: body[name] for name in said}
        await change_contact(ctx, who.principal, who.principal.id, **changes)
    except HoldshortError as error:
        return await _page(request, ctx, who, status=error.status, problem=error.message)
    return go("/devices")


async def back(request: Request) -> Response:
    """Go to the list: where it was shown after a form, the form's address is in the browser."""
    return go("/devices")


async def _page(
    request: Request,
    ctx: Context,
    who: Visitor,
    *,
    status: int = 200,
    done: str | None = None,
    problem: str | None = None,
) -> Response:
    directory = await ctx.engine.directory_now(who.principal.tenant)
    kept = await _kept(ctx, who)
    configured = KIND in ctx.channels
    return page(
        "devices.html",
        status,
        visitor=who,
        done=done,
        problem=problem,
        configured=configured,
        key=await _push(ctx).public_key() if configured else "",
        devices=[
            {
                "id": device.id,
                "name": str(device.doc["name"]),
                "show": bool(device.doc.get("show")),
                "at": device.created_at,
                "taken_at": device.doc.get("taken_at"),
                "failed_at": device.doc.get("failed_at") if device.doc.get("failed") else None,
                "failed": device.doc.get("failed"),
            }
            for device in await _devices(ctx, who)
        ],
        proposed=browser_name(request.headers.get("user-agent", "")),
        longest=LONGEST_NAME,
        quiet=kept.get("quiet") or {},
        timezone=kept.get("timezone") or "",
        usual_timezone=directory.timezone,
        secure=_is_secure_context(request),
    )


async def _devices(ctx: Context, who: Visitor) -> list[Device]:
    tenant, person = who.principal.tenant, who.principal.id
    return await ctx.engine.read(ctx.engine.store.devices, tenant, KIND, person)


async def _mine(request: Request, ctx: Context, who: Visitor) -> Device:
    for device in await _devices(ctx, who):
        if device.id == request.path_params["id"]:
            return device
    raise NotFound("you have no such device any more")


async def _kept(ctx: Context, who: Visitor) -> dict[str, Any]:
    """Return what is stored of me already."""
    entries = await ctx.engine.read(ctx.engine.store.entries, who.principal.tenant, "person")
    found = next((entry.doc for entry in entries if entry.name == who.principal.id), {})
    return {key: value for key, value in found.items() if key in PersonBody.model_fields}


def _push(ctx: Context) -> PushNotifier:
    found = ctx.channels.get(KIND)
    if found is None:
        raise NotFound("this server sends no push messages")
    return cast("PushNotifier", found)


def _is_same_browser(known: Device, found: Subscription) -> bool:
    """Whether it is the browser that is known: it alone and the server hold its keys."""
    return (known.doc["p256dh"], known.doc["auth"]) == (found.p256dh, found.auth)


def _is_secure_context(request: Request) -> bool:
    """Whether browsers offer push where this one is: over https, and on the machine itself."""
    host = re.sub(r":\d+$", "", request.headers.get("host", ""))
    public = context(request).settings.public_url or ""
    local = host in ("localhost", "127.0.0.1", "[::1]") or host.endswith(".localhost")
    return local or request.url.scheme == "https" or public.startswith("https://")


def _name(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip()[:LONGEST_NAME]


_D = "/devices/{id}"
PAGES = (
    ("GET", "/devices", show),
    ("POST", "/devices", add),
    ("POST", "/devices/quiet", quiet),
    ("GET", "/devices/quiet", back),
    ("POST", _D, change),
    ("POST", f"{_D}/test", test),
    ("GET", f"{_D}/test", back),
    ("POST", f"{_D}/revoke", revoke),
)
