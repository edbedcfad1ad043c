"""Over the network, with httpx."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from holdshort.client.calls import Call, CouldNotReach, Reply
from holdshort.client.transports.base import retry_after
from holdshort.client.transports.body import body_of


def request_of(call: Call) -> dict[str, Any]:
    """Return httpx's arguments for a call."""
    headers = dict(call.headers)
    content = body_of(call)
    if content is not None:
        headers["Content-Type"] = "application/json"
    return {
        "method": call.method,
        "url": call.path,
        "params": call.query or None,
        "headers": headers,
        "content": content,
        "timeout": call.timeout,
    }


def reply_of(response: httpx.Response) -> Reply:
    """Return the reply; a body that is not JSON (a proxy's page) is kept as text."""
    try:
        body = response.json()
    except ValueError:
        body = {"detail": response.text[:500]}
    return Reply(response.status_code, body, retry_after(response.headers))


class HttpTransport:
    """Blocking."""

    def __init__(self, url: str, api_key: str) -> None:
        self._client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {api_key}"})

    def send(self, call: Call) -> Reply:
        try:
            return reply_of(self._client.request(**request_of(call)))
        except httpx.TransportError as error:
            raise CouldNotReach(f"{type(error).__name__}: {error}") from error

    def stream(self, call: Call, write: Callable[[bytes], object]) -> Reply | None:
        """Pass the body on piece by piece; return None, or the reply that refused it."""
        try:
            with self._client.stream(**request_of(call)) as response:
                if response.status_code >= 400:
                    response.read()
                    return reply_of(response)
                for piece in response.iter_bytes():
                    write(piece)
        except httpx.TransportError as error:
            raise CouldNotReach(f"{type(error).__name__}: {error}") from error
        return None

    def close(self) -> None:
        self._client.close()


class AsyncHttpTransport:
    """On an event loop."""

    def __init__(self, url: str, api_key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {api_key}"}
        )

    async def send(self, call: Call) -> Reply:
        try:
            return reply_of(await self._client.request(**request_of(call)))
        except httpx.TransportError as error:
            raise CouldNotReach(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        await self._client.aclose()
