"""What a session that was left open must not do: only who has just signed in does it."""

from __future__ import annotations

from starlette.requests import Request

from holdshort.errors import Forbidden
from holdshort.inbox.web import sessions
from holdshort.server.context import context
from holdshort.server.sessions import Visitor

#: How long ago that may be (seconds).
FRESH_SECONDS = 15 * 60


async def require_fresh(request: Request, who: Visitor, what: str) -> None:
    """Raise Forbidden where somebody has been signed in for longer: they sign in again, then do it.

    Args:
        what: what they wanted to do, after "to".
    """
    found = await sessions(request).find(who.secret, "session")
    now = context(request).engine.store.clock.now()
    if found is None or now - found.created_at > FRESH_SECONDS * 1000:
        raise Forbidden(f"you signed in more than 15 minutes ago: sign out and in again, to {what}")
