"""A sign-in that has begun, and is to be finished by the same browser, once, within minutes.

The server keeps what it will ask for; the browser keeps a cookie of its own for as long. A secret
that somebody else has begun with is of no use here: their cookie is not in this browser.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.ids import hash_of
from holdshort.inbox.web import is_secure, sessions
from holdshort.models import DEFAULT_TENANT
from holdshort.server.context import context

COOKIE = "holdshort_begun"
#: How long somebody may take over it (seconds).
SECONDS = 5 * 60
PURPOSE = "challenge"


@dataclass(frozen=True)
class Begun:
    """A sign-in under way."""

    secret: str
    """What comes back with the answer: the challenge, or the state."""
    cookie: str

    def kept_by(self, response: Response, request: Request) -> Response:
        """Let the browser keep its part."""
        response.set_cookie(
            COOKIE,
            self.cookie,
            max_age=SECONDS,
            path="/sign-in",
            httponly=True,
            # Sent where the provider sends the browser back, and with no form of another site.
            samesite="lax",
            secure=is_secure(request),
        )
        return response


async def begin(request: Request, what: str, **doc: Any) -> Begun:
    """Begin to sign somebody in, whoever it will be. Raises RateLimited: strangers write here."""
    context(request).authenticate.limit("sign-in")
    cookie = secrets.token_urlsafe(32)
    kept = {"for": what, "cookie": hash_of(cookie), **doc}
    secret = await sessions(request).make(DEFAULT_TENANT, "", PURPOSE, SECONDS, kept)
    return Begun(secret, cookie)


async def finish(request: Request, what: str, secret: str) -> dict[str, Any] | None:
    """Return what was kept, and use it up; None where it was not begun by this browser, for this,
    or is too old."""
    found = await sessions(request).take(secret, PURPOSE) if secret else None
    if found is None or found.doc.get("for") != what:
        return None
    by_us = found.doc.get("cookie") == hash_of(request.cookies.get(COOKIE, ""))
    return found.doc if by_us else None
