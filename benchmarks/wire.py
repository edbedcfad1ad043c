"""HTTP/1.1 by hand, as cheap as it gets: who measures must not be the bottleneck."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any, cast

Answered = Callable[[int, bytes], None]


def request(method: str, path: str, key: str, body: Any = None, extra: str = "") -> bytes:
    """Return the bytes of a request; `extra` are more header lines, each with its line end."""
    text = "" if body is None else json.dumps(body, separators=(",", ":"))
    about = f"content-type: application/json\r\ncontent-length: {len(text)}\r\n" if text else ""
    return (
        f"{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n"
        f"{about}{extra}\r\n{text}"
    ).encode()


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answered: Answered | None = None
        self._buffer = b""
        self._body_at = 0
        self._ends_at = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        connected: socket.socket = transport.get_extra_info("socket")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes, answered: Answered) -> None:
        """Send a request; `answered` is called with the status (0 where the connection was lost)
        and the body."""
        if self._transport is None:
            answered(0, b"the connection is lost")
            return
        self._answered = answered
        self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        if not self._ends_at:
            head = buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            said = buffer.index(b"content-length: ") + 16
            self._body_at = head + 4
            self._ends_at = self._body_at + int(buffer[said : buffer.index(b"\r\n", said)])
        if len(buffer) < self._ends_at:
            return
        status, body = int(buffer[9:12]), buffer[self._body_at : self._ends_at]
        self._buffer, self._ends_at = b"", 0
        self._tell(status, body)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._tell(0, str(exc or "the server closed the connection").encode())

    def _tell(self, status: int, body: bytes) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(status, body)


async def connect(host: str, port: int) -> Connection:
    """Open a connection."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, host, port)
    return connection
