"""The ASGI application, made from the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from holdshort.server.context import SCOPE_KEY, Context
from holdshort.server.contract import ENDPOINTS, Handler
from holdshort.server.openapi import openapi
from holdshort.server.problems import reply_to
from holdshort.server.replies import Json

#: Tried first: routing is a linear search, and these are most of the traffic.
_HOT = ("/v1/intents", "/v1/intents/{intent_id}/decision")


class Application:
    """Holdshort's HTTP interface, with the pages for people. Its runtime is started and stopped by
    whoever made the engine.

    Starlette's router and requests, without its application: what that wraps around each request
    cost a tenth of a cycle, and errors are turned into problems in one place here.
    """

    def __init__(self, context: Context, pages: Sequence[Route] = ()) -> None:
        self._context = context
        ordered = sorted(ENDPOINTS, key=lambda endpoint: endpoint.path not in _HOT)
        self._router = Router(
            [
                *(_route(e.route, e.handler, e.method) for e in ordered),
                _route("/openapi.json", _openapi, "GET"),
                *pages,
            ],
            # A path that is not in the contract is not there: no redirect to one that nearly is.
            redirect_slashes=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        scope[SCOPE_KEY] = self._context
        try:
            await self._router(scope, receive, send)
        except HTTPException as error:  # routing's own: no such path, no such method
            await reply_to(Request(scope), error)(scope, receive, send)


class _Operation:
    """One handler as an ASGI application: its reply, or the problem that it ended in."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response = await self._handler(request)
        except Exception as error:
            response = reply_to(request, error)
        await response(scope, receive, send)


def _route(path: str, handler: Handler, method: str) -> Route:
    return Route(path, cast("ASGIApp", _Operation(handler)), methods=[method])


async def _openapi(request: Request) -> Response:
    """Describe this API (OpenAPI 3.1)."""
    return Json(openapi())
