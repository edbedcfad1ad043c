"""The pages of signing in and out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import HoldshortError
from holdshort.inbox.party import passkeys_here
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

#: How much of what a browser calls itself is kept (characters).
LONGEST_AGENT = 300


def sign_in_page(
    request: Request, status: int = 200, *, after: str, problem: str | None = None
) -> Response:
    """Return the page that says how to sign in here.

    Args:
        after: the page of ours to go on to.
        problem: what was wrong with the last try.
    """
    settings = context(request).settings
    return page(
        "sign_in.html",
        status,
        next=after,
        problem=problem,
        passkeys=passkeys_here(settings.public_url, request.headers.get("host", "")),
        mails="email" in context(request).channels,
        provider=settings.oidc_name if settings.oidc_issuer and settings.oidc_client_id else None,
    )


async def signed_in(
    request: Request, tenant: str, person: str, *, by: str, after: str, device: str | None = None
) -> Response:
    """Begin a session, and send the browser on. What it held before is not taken over, and ends.

    Args:
        by: how they signed in, for their list of sessions.
        after: the page of ours to go on to.
        device: the id of the passkey that they signed in with.
    """
    found = sessions(request)
    if before := request.cookies.get(COOKIE):
        await found.take(before, "session")
    doc = {"by": by, "agent": request.headers.get("user-agent", "")[:LONGEST_AGENT]}
    if device is not None:
        doc["device"] = device
    seconds = context(request).settings.session_seconds
    secret = await found.begin(tenant, person, doc, seconds=seconds)
    return with_session(go(after), request, secret)


async def ask(request: Request) -> Response:
    """Say how to sign in, and to whoever was signed in, that this is over."""
    secret, problem = request.cookies.get(COOKIE), None
    if secret and await sessions(request).visitor(secret) is None:
        problem = (
            "Your session has ended: its time was up, or it was ended from another device or by an "
            "administrator. Sign in again."
        )
    after = safe_next(request.query_params.get("next"))
    return sign_in_page(request, after=after, problem=problem)


async def by_key(request: Request) -> Response:
    """Sign in with a person's key."""
    posted = await form(request)
    after = safe_next(one(posted, "next"))
    key = one(posted, "key") or ""
    try:
        who = await context(request).authenticate({"authorization": f"Bearer {key.strip()}"})
    except HoldshortError as error:
        return sign_in_page(request, 401, after=after, problem=error.message)
    if who.kind != "person":
        problem = f"that is a key of the role {who.kind}: only people decide"
        return sign_in_page(request, 403, after=after, problem=problem)
    return await signed_in(request, who.tenant, who.id, by="a key", after=after)


async def look_at_link(request: Request) -> Response:
    """Show the button that uses the link. Looking changes nothing: scanners look, people press."""
    token = request.path_params["token"]
    after = safe_next(request.query_params.get("next"))
    if not await sessions(request).is_open(token):
        return page("link_over.html", 410)
    hours = f"{context(request).settings.session_seconds / 3600:.3g}"
    return page("link.html", token=token, next=after, hours=hours)


async def by_link(request: Request) -> Response:
    """Use the link up, and sign in."""
    posted = await form(request)
    used = await sessions(request).take(request.path_params["token"], "link")
    if used is None:
        return page("link_over.html", 410)
    after = safe_next(one(posted, "next"))
    return await signed_in(request, used.tenant, used.person, by="a link", after=after)


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
