"""Errors on the wire: RFC 9457 problem documents that older clients of the protocol read as
well.
"""

from __future__ import annotations

import logging
import math
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from holdshort.errors import HoldshortError, RateLimited, Unavailable

log = logging.getLogger("holdshort.server")
MEDIA_TYPE = "application/problem+json"


def problem(error: HoldshortError) -> JSONResponse:
    """Return the response for an error: `type`, `title`, `status`, `detail` of RFC 9457, and
    `error{code,message,details}` of the intent protocol."""
    headers = {}
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    elif error.status == 503:
        headers["Retry-After"] = "1"
    elif error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        body_of(error), status_code=error.status, headers=headers, media_type=MEDIA_TYPE
    )


def body_of(error: HoldshortError) -> dict[str, Any]:
    """Return the problem document."""
    return _document(error.code, error.status, error.message, error.details)


def _document(code: str, status: int, message: str, details: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": f"urn:holdshort:error:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": message,
        "error": {"code": code, "message": message, "details": details},
    }


async def on_holdshort_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HoldshortError)
    return problem(error)


async def on_http_exception(request: Request, error: Exception) -> JSONResponse:
    """Routing's own refusals (no such path, no such method) in the same shape."""
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    body = _document(code, error.status_code, str(error.detail), {})
    return JSONResponse(body, error.status_code, error.headers, MEDIA_TYPE)


async def on_defect(request: Request, error: Exception) -> JSONResponse:
    """Anything else is our defect: logged in full here, and told to nobody outside."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(HoldshortError("something went wrong inside Holdshort; it has been logged"))


async def on_down(request: Request, error: Exception) -> JSONResponse:
    """A read that the database could not answer: safe to try again."""
    return problem(Unavailable(f"the database cannot be read right now ({error})"))
