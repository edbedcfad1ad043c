"""The ASGI application, made from the contract."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from holdshort.errors import HoldshortError
from holdshort.server.context import Context
from holdshort.server.contract import ENDPOINTS
from holdshort.server.openapi import openapi
from holdshort.server.problems import on_defect, on_down, on_holdshort_error, on_http_exception
from holdshort.store.base import Down

#: Tried first, in this order: routing is a linear search, and these are most of the traffic.
_HOT = ("/v1/intents", "/v1/intents/{intent_id}/decision")


async def _openapi(request: Request) -> Response:
    return JSONResponse(openapi())


def create_app(context: Context) -> Starlette:
    """Return the application over an engine. Its runtime is started and stopped by the caller."""
    ordered = sorted(ENDPOINTS, key=lambda endpoint: endpoint.path not in _HOT)
    app = Starlette(
        routes=[
            *(Route(e.path, e.handler, methods=[e.method]) for e in ordered),
            Route("/openapi.json", _openapi),
        ],
        exception_handlers={
            HoldshortError: on_holdshort_error,
            HTTPException: on_http_exception,
            Down: on_down,
            Exception: on_defect,
        },
    )
    app.state.holdshort = context
    return app
