"""The pages of signing in and out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import HoldshortError
from holdshort.inbox.web import (
    form,
    go,
    one,
    own_form,
    page,
    safe_next,
    sessions,
    visitor,
    with_session,
)
from holdshort.server.context import context
from holdshort.server.sessions import COOKIE


async def ask(request: Request) -> Response:
    """Say how to sign in."""
    return page("sign_in.html", next=safe_next(request.query_params.get("next")), problem=None)


async def by_key(request: Request) -> Response:
    """Sign in with a person's key."""
    posted = await form(request)
    after = safe_next(one(posted, "next"))
    key = one(posted, "key") or ""
    try:
        who = await context(request).authenticate({"authorization": f"Bearer {key.strip()}"})
    except HoldshortError as error:
        return page("sign_in.html", 401, next=after, problem=error.message)
    if who.kind != "person":
        problem = f"that is a key of the role {who.kind}: only people decide"
        return page("sign_in.html", 403, next=after, problem=problem)
    return with_session(go(after), request, await sessions(request).begin(who.tenant, who.id))


async def look_at_link(request: Request) -> Response:
    """Show the button that uses the link. Looking changes nothing: scanners look, people press."""
    token = request.path_params["token"]
    after = safe_next(request.query_params.get("next"))
    if not await sessions(request).is_open(token):
        return page("link_over.html", 410)
    return page("link.html", token=token, next=after)


async def by_link(request: Request) -> Response:
    """Use the link up, and sign in."""
    posted = await form(request)
    secret = await sessions(request).open_link(request.path_params["token"])
    if secret is None:
        return page("link_over.html", 410)
    return with_session(go(safe_next(one(posted, "next"))), request, secret)


async def out(request: Request) -> Response:
    """Sign out, here or everywhere."""
    _, who = await visitor(request)
    posted = await own_form(request, who)
    if one(posted, "everywhere"):
        await sessions(request).end_all(who.principal.tenant, who.principal.id)
    else:
        await sessions(request).end(who.secret)
    response = go("/sign-in")
    response.delete_cookie(COOKIE, path="/")
    return response


PAGES = (
    ("GET", "/sign-in", ask),
    ("POST", "/sign-in", by_key),
    ("GET", "/sign-in/{token}", look_at_link),
    ("POST", "/sign-in/{token}", by_link),
    ("POST", "/sign-out", out),
)
