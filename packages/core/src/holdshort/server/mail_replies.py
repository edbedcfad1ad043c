"""What people reply to mails, as comments. A reply decides nothing."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import Forbidden, NotFound, RateLimited
from holdshort.ids import hash_of
from holdshort.lifecycle import Comment
from holdshort.models import Principal
from holdshort.requests import Request as Body
from holdshort.server import views
from holdshort.server.auth import require
from holdshort.server.context import context
from holdshort.server.replies import Json
from holdshort.store.base import Session

PURPOSE = "reply"
#: How many replies to one mail become comments.
MOST = 50


class MailReply(Body):
    """A reply, as `holdshort mail receive` reads it out of a mail."""

    token: Annotated[str, Field(pattern=r"^[a-z2-7]{32}$")]
    sender: Annotated[str, Field(min_length=3, max_length=254)]
    text: Annotated[str, Field(min_length=1, max_length=10_000)]
    message_id: Annotated[str, Field(max_length=500)] = ""


async def receive(request: Request) -> Response:
    """Post a reply to a mail as a comment of the person whom the mail was sent to. It counts only
    from their own address, and it decides nothing, whatever it says."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    body = await ctx.body(request, MailReply)
    store, read = ctx.engine.store, ctx.engine.read
    session = await read(store.session, hash_of(body.token))
    ours = session is not None and (session.purpose, session.tenant) == (PURPOSE, principal.tenant)
    if session is None or not ours or session.expires_at <= store.clock.now():
        raise NotFound("this answers no mail of ours, or one of long ago")
    person, intent_id = session.person, str(session.doc["intent"])
    entries = await read(store.entries, session.tenant, "person")
    doc = next((entry.doc for entry in entries if entry.name == person), {})
    own = {person.casefold(), str(doc.get("email") or person).casefold()}
    directory = await ctx.engine.directory_now(session.tenant)
    if body.sender.casefold() not in own or person in directory.inactive:
        raise Forbidden(f"the mail was sent to {person}, and this comes from somebody else")
    seen, mark = list(session.doc.get("seen", ())), hash_of(body.message_id)
    who = Principal(kind="person", id=person, tenant=session.tenant, via="email")
    if body.message_id and mark in seen:
        found = await ctx.intent(who, intent_id)
    else:
        if len(seen) >= MOST:
            raise RateLimited(f"{MOST} replies to this mail were taken, and no more are")
        found = await ctx.act(who, intent_id, Comment(who, body.text))
        # Afterwards: a reply that comes twice is better than one that is lost.
        changed: Session = session.but(doc=session.doc | {"seen": [*seen, mark]})
        await ctx.engine.write(lambda tx: tx.put_session(changed))
    return Json(views.intent_response(views.intent(found)))
