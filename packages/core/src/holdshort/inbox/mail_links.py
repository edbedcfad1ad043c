"""The link in a mail: whose it is, what it is about, and how to go on from there.

It decides nothing and signs nobody in. Looking at it changes nothing, however often and by whom;
its one form sends the person it was sent to a code by mail.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from holdshort.ids import hash_of
from holdshort.inbox import mail_code
from holdshort.inbox.web import form, go, moment, page, sessions
from holdshort.models import Intent
from holdshort.notify import said
from holdshort.notify.base import SendFailed
from holdshort.server.context import Context, context
from holdshort.server.sessions import COOKIE
from holdshort.visible import visible

log = logging.getLogger("holdshort.inbox")

PURPOSE = "mail"


@dataclass(frozen=True)
class Found:
    """A link of ours."""

    tenant: str
    person: str
    intent: Intent
    expired: bool

    @property
    def path(self) -> str:
        return f"/inbox/{self.intent.id}"


async def look(request: Request) -> Response:
    """Say what the link is about, and how to sign in; whoever is signed in goes on to the card."""
    ctx, found = context(request), await _found(request)
    if found is None:
        return _none()
    who = await sessions(request).visitor(request.cookies.get(COOKIE))
    if who is not None and (who.principal.tenant, who.principal.id) != (found.tenant, found.person):
        return _anothers(found, who.principal.id)
    over = _over(found, person=None if who is None else who.principal.id)
    if over is not None:
        return over
    if who is not None:
        return go(found.path)
    return _sign_in(ctx, request, found)


async def send_code(request: Request) -> Response:
    """Mail a code to the person whom the link was sent to."""
    ctx, found = context(request), await _found(request)
    await form(request)
    if found is None:
        return _none()
    who = await sessions(request).visitor(request.cookies.get(COOKIE))
    if who is not None and (who.principal.tenant, who.principal.id) != (found.tenant, found.person):
        return _anothers(found, who.principal.id)
    over = _over(found, person=None)
    if over is not None:
        return over
    directory = await ctx.engine.directory_now(found.tenant)
    if found.person in directory.inactive:
        return _none()
    try:
        return await mail_code.begin(request, found.tenant, found.person, found.path)
    except SendFailed as failed:
        log.warning("a code to sign in was not sent to %s: %s", found.person, failed)
        problem = "The mail with the code could not be sent. Try again, or sign in another way."
        return _sign_in(ctx, request, found, status=503, problem=problem)


async def _found(request: Request) -> Found | None:
    """Return the link of this address. A token that was changed in one letter, one of something
    else and one of long ago are the same: none. It is found by its hash, so how long that takes
    tells nothing of how close a guess was."""
    store, read = context(request).engine.store, context(request).engine.read
    session = await read(store.session, hash_of(request.path_params["token"]))
    if session is None or session.purpose != PURPOSE:
        return None
    intent = await read(store.intent, session.tenant, session.doc["intent"])
    if intent is None:
        return None
    expired = session.expires_at <= store.clock.now()
    return Found(session.tenant, session.person, intent, expired)


def _none() -> Response:
    text = (
        "It may have been copied in part, or be too old. Nothing was decided. Open the link in the "
        "mail once more, or go to your inbox."
    )
    return page("message.html", 404, title="This link leads nowhere", text=text)


def _anothers(found: Found, visitor: str) -> Response:
    """Refuse a link that was sent to somebody else, and log that it was tried (attack 6)."""
    log.warning(
        "the link to intent %s that was sent to %s was opened by %s",
        found.intent.id,
        found.person,
        visible(visitor),
    )
    text = (
        f"It was sent to {found.person}; you are signed in as {visitor}. Nothing was decided. If "
        "you are both, sign out first. If you are to decide this as well, it is in your inbox."
    )
    return page("message.html", 403, title="This link is for somebody else", text=text)


def _over(found: Found, *, person: str | None) -> Response | None:
    """Return the page of a link whose time is over; None where it is not.

    Args:
        person: who is signed in, if it is the one whom it was sent to.
    """
    intent = found.intent
    if not intent.terminal:
        if not found.expired:
            return None
        text = "Links in mails count for 60 days. What it was about still waits, in your inbox."
        return page("link_was.html", 410, text=text, path=found.path)
    decision = intent.decision
    text = said.how_it_stands(intent)
    if intent.superseded_by is not None:
        text = "The agent asked anew, in another way, so this was withdrawn."
    status = 410
    if decision is not None and not decision.timed_out:
        by = decision.decided_by.partition(":")[2]
        outcome = decision.outcome.replace("_", " ")
        text = f"Already decided by {by} at {moment(decision.at)}: {outcome}."
        # Whoever decided it is shown what they did, not that something is wrong (attack 4).
        status = 200 if person == by else 410
    return page("link_was.html", status, text=text, path=found.path)


def _sign_in(
    ctx: Context, request: Request, found: Found, *, status: int = 200, problem: str | None = None
) -> Response:
    intent = found.intent
    return page(
        "mail_link.html",
        status,
        tool=visible(intent.tool),
        environment=visible(intent.environment) if intent.environment else None,
        agent=visible(intent.agent),
        person=found.person,
        after=found.path,
        token=request.path_params["token"],
        mails="email" in ctx.channels,
        problem=problem,
    )


PAGES = (
    ("GET", "/m/{token}", look),
    ("POST", "/m/{token}", send_code),
)
