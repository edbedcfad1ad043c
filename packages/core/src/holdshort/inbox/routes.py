"""Every page with its address, and what becomes of what a page raises."""

from __future__ import annotations

import logging
from importlib.resources import files
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from holdshort.errors import HoldshortError
from holdshort.inbox import (
    absence,
    account,
    actions,
    batch,
    devices,
    install,
    mail_code,
    mail_links,
    oidc,
    pages,
    passkeys,
    signing_in,
    step_up,
    uploads,
)
from holdshort.inbox.admin.pages import PAGES as ADMIN_PAGES
from holdshort.inbox.slack import pages as slack
from holdshort.inbox.web import HEADERS, NotSignedIn, Page, go, page
from holdshort.store.base import Down

log = logging.getLogger("holdshort.inbox")

_MEDIA = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml; charset=utf-8",
    "png": "image/png",
}


class _Shown:
    """A page as an ASGI application; what it raises becomes a page that says what to do."""

    def __init__(self, handler: Page) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        response = await _answered(self._handler, request)
        await response(scope, receive, send)


async def _answered(handler: Page, request: Request) -> Response:
    try:
        return await handler(request)
    except NotSignedIn:
        if request.method == "GET":
            return go(f"/sign-in?next={request.url.path}")
        return page("message.html", 401, title="You are not signed in", text=_SIGNED_OUT)
    except HoldshortError as error:
        title = "This is not here" if error.status == 404 else "That did not work"
        return page("message.html", error.status, title=title, text=error.message)
    except Down:
        text = "The database cannot be read right now. Nothing is lost; try again in a moment."
        return page("message.html", 503, title="One moment", text=text)
    except Exception as error:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        text = "Something went wrong inside Holdshort; it has been logged. Nothing was decided."
        return page("message.html", 500, title="That did not work", text=text)


_SIGNED_OUT = "Your session has ended, so nothing was decided. Sign in, and decide again."


async def static(request: Request) -> Response:
    """Serve a file of the pages."""
    name = request.path_params["name"]
    found = files("holdshort.inbox") / "static" / name
    if "/" in name or name.rpartition(".")[2] not in _MEDIA or not found.is_file():
        return page("message.html", 404, title="This is not here", text="There is no such file.")
    headers = HEADERS | {"Cache-Control": "public, max-age=300"}
    return Response(found.read_bytes(), 200, headers, _MEDIA[name.rpartition(".")[2]])


#: In this order: `/sign-in/{token}` takes what no page before it has taken.
PAGES: tuple[tuple[str, str, Page], ...] = (
    *batch.PAGES,  # before the cards: `batch` is no id
    *pages.PAGES,
    *actions.PAGES,
    *uploads.PAGES,
    *absence.PAGES,
    *account.PAGES,
    *devices.PAGES,
    *install.PAGES,
    *mail_code.PAGES,
    *mail_links.PAGES,
    *oidc.PAGES,
    *passkeys.PAGES,
    *step_up.PAGES,
    *signing_in.PAGES,
    *slack.PAGES,
    *ADMIN_PAGES,
    ("GET", "/static/{name}", static),
)

ROUTES = [
    Route(path, cast("ASGIApp", _Shown(handler)), methods=[method])
    for method, path, handler in PAGES
]
