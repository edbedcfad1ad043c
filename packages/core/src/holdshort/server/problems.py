"""Errors on the wire: RFC 9457 problem documents, which older clients of the protocol read too."""

from __future__ import annotations

import logging
import math
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from holdshort.errors import HoldshortError, RateLimited, Unavailable
from holdshort.server.replies import Json
from holdshort.store.base import Down

log = logging.getLogger("holdshort.server")
MEDIA_TYPE = "application/problem+json"
#: A browser that comes to one of these by a mistyped address shows nothing but text, in no frame.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def reply_to(request: Request, error: Exception) -> Json:
    """Return the reply for whatever a handler raised."""
    if isinstance(error, HoldshortError):
        return problem(error)
    if isinstance(error, HTTPException):
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        body = _document(code, error.status_code, str(error.detail), {})
        return Json(body, error.status_code, {**_HEADERS, **(error.headers or {})}, MEDIA_TYPE)
    if isinstance(error, Down):
        return problem(Unavailable(f"the database cannot be read right now ({error})"))
    # Anything else is our defect: logged in full here, and told to nobody outside.
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(HoldshortError("something went wrong inside Holdshort; it has been logged"))


def problem(error: HoldshortError) -> Json:
    """Return the reply for an error: `type`, `title`, `status`, `detail` of RFC 9457, and
    `error{code,message,details}` of the intent protocol."""
    headers = dict(_HEADERS)
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    elif error.status == 503:
        headers["Retry-After"] = "1"
    elif error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Json(body_of(error), error.status, headers, MEDIA_TYPE)


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
