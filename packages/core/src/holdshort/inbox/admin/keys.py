"""Keys: who calls the API. A secret is shown once, where it is made."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import HoldshortError
from holdshort.inbox.admin.door import admin_page, administrator, administrators_form
from holdshort.inbox.fresh import require_fresh
from holdshort.inbox.web import one
from holdshort.server.body import validated
from holdshort.server.context import Context
from holdshort.server.directory import KeyBody, end_key, make_key
from holdshort.server.sessions import Visitor

_FIELDS = ("role", "subject", "owner", "name")


async def show(request: Request) -> Response:
    """Show every key, without its secret."""
    ctx, who = await administrator(request)
    return await _page(request, ctx, who)


async def make(request: Request) -> Response:
    """Make a key."""
    ctx, who, posted = await administrators_form(request)
    said = {name: one(posted, name) for name in _FIELDS}
    try:
        await require_fresh(request, who, "make a key")
        body = validated(KeyBody, {name: text for name, text in said.items() if text is not None})
        key, secret = await make_key(ctx, who.principal, body)
    except HoldshortError as error:
        return await _page(request, ctx, who, status=error.status, problem=error.message, said=said)
    return await _page(request, ctx, who, made=(key, secret))


async def revoke(request: Request) -> Response:
    """Revoke a key. There is no way back."""
    ctx, who, posted = await administrators_form(request)
    try:
        await end_key(ctx, who.principal, one(posted, "key") or "")
    except HoldshortError as error:
        return await _page(request, ctx, who, status=error.status, problem=error.message)
    return await _page(request, ctx, who, done="The key is revoked.")


async def _page(
    request: Request, ctx: Context, who: Visitor, status: int = 200, **more: Any
) -> Response:
    found = await ctx.engine.read(ctx.engine.store.keys, who.principal.tenant)
    keys = sorted(found, key=lambda key: (key.revoked_at is not None, -key.created_at))
    values = {"made": None, "said": dict.fromkeys(_FIELDS), "keys": keys, **more}
    return admin_page(request, "keys", who, status, **values)


PAGES = (
    ("GET", "/admin/keys", show),
    ("POST", "/admin/keys", make),
    ("POST", "/admin/keys/revoke", revoke),
)
