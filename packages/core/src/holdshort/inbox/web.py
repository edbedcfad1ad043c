"""What every page shares: the templates, the headers, the form that was sent, who is looking."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from holdshort.errors import HoldshortError, InvalidRequest
from holdshort.inbox import shown
from holdshort.notify import said
from holdshort.server.context import Context, context
from holdshort.server.sessions import COOKIE, Sessions, Visitor

if TYPE_CHECKING:
    from jinja2 import Environment

#: The most that a form may hold (bytes).
LARGEST_FORM = 2 * 1024 * 1024

#: Nothing from elsewhere, nothing inline, framed by nobody, and no address told to anybody.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
PRIVATE = HEADERS | {"Cache-Control": "no-store"}

#: Where somebody may be sent after signing in: pages of ours, in characters that no browser reads
#: as another place.
_OURS = re.compile(
    r"(?!.*(//|\.\.))/(inbox|account|admin|away|devices)([/?][A-Za-z0-9/?&=._~%+-]*)?"
)


class NotSignedIn(Exception):
    """Nobody is signed in with this browser."""


class Refused(HoldshortError):
    """This form was not sent from a page of ours."""

    code = "forbidden"
    status = 403


Page = Callable[[Request], Awaitable[Response]]


@cache
def _templates() -> Environment:
    # Here, so that an embedded Holdshort which serves no page does not load it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("holdshort.inbox"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["lines"] = lambda text: shown.lines(str(text))
    found.filters["pieces"] = lambda text: shown.pieces(str(text).replace("\n", " "))
    found.filters["label"] = said.label
    found.filters["moment"] = moment
    return found


def moment(milliseconds: int) -> str:
    """Return a stored time for a `<time>` element, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def page(name: str, status: int = 200, /, **values: Any) -> Response:
    """Return a rendered page."""
    defaults = {"visitor": None, "notice": None, "undo": None}
    text = _templates().get_template(name).render(**{**defaults, **values})
    who = values.get("visitor")
    # So that a browser keeps nobody's pages for somebody else.
    whose = {} if who is None else {"Holdshort-Person": who.browser_id}
    return Response(text, status, PRIVATE | whose, "text/html; charset=utf-8")


def go(path: str) -> Response:
    """Send the browser on after a form."""
    return RedirectResponse(path, 303, PRIVATE)


def sessions(request: Request) -> Sessions:
    return Sessions(context(request).engine)


async def visitor(request: Request) -> tuple[Context, Visitor]:
    """Return who is looking. Raises NotSignedIn."""
    found = await sessions(request).visitor(request.cookies.get(COOKIE))
    if found is None:
        raise NotSignedIn
    return context(request), found


async def form(request: Request) -> dict[str, list[str]]:
    """Return what was posted, name by name. Raises InvalidRequest for what is too large or no form,
    Refused where it comes from another site."""
    require_same_origin(request)
    size, chunks = 0, []
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_FORM:
            raise InvalidRequest("this form is too large")
        chunks.append(chunk)
    try:
        pairs = parse_qsl(
            b"".join(chunks).decode(), keep_blank_values=True, errors="strict", max_num_fields=2000
        )
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidRequest("this is no form that a browser sends") from error
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


async def own_form(request: Request, who: Visitor) -> dict[str, list[str]]:
    """Return what was posted from a page of this very session. Raises Refused for anything else."""
    found = await form(request)
    if not who.sent_by_us(one(found, "csrf")):
        raise Refused("this page is from an earlier session: go back, load it again, then decide")
    return found


def one(posted: dict[str, list[str]], name: str) -> str | None:
    """Return a single value, or None where it was not sent or left empty."""
    found = posted.get(name)
    return found[-1] if found and found[-1].strip() else None


def require_same_origin(request: Request) -> None:
    """Raise Refused where another site sends the form. Browsers say whose page it is; what says
    nothing is held back by the session's own token."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Refused("this form was sent from another site")
    origin = request.headers.get("origin")
    if origin is None or (origin == "null" and site is not None):
        return  # under `no-referrer`, which our pages have, browsers leave the origin out
    ours = {request.headers.get("host", "")}
    public = context(request).settings.public_url
    if public:
        ours.add(urlsplit(public).netloc)
    if urlsplit(origin).netloc not in ours or origin == "null":
        raise Refused("this form was sent from another site")


def with_session(response: Response, request: Request, secret: str) -> Response:
    """Let the browser keep the session: for requests to us alone, and out of scripts' sight."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=round(context(request).settings.session_seconds),
        path="/",
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
    )
    return response


def is_secure(request: Request) -> bool:
    public = context(request).settings.public_url or ""
    return request.url.scheme == "https" or public.startswith("https://")


def safe_next(path: str | None) -> str:
    """Return where to go after signing in: a page of the inbox, and never another site."""
    return path if path and _OURS.fullmatch(path) else "/inbox"
