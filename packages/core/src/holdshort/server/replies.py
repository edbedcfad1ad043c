"""JSON replies, without the detours of a general response."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

_JSON = b"application/json"


class Json(Response):
    """A reply of JSON: written by pydantic's serialiser, with exactly the headers it needs."""

    def __init__(
        self,
        content: Any,
        status: int = 200,
        headers: dict[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        self.status_code = status
        self.background = None
        self.body = to_json(content)
        self.raw_headers = [
            (b"content-length", str(len(self.body)).encode()),
            (b"content-type", media_type.encode() if media_type else _JSON),
            *((name.lower().encode(), value.encode()) for name, value in (headers or {}).items()),
        ]
