"""Real HTTP receivers on loopback addresses, whose behaviour a test chooses."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Any

from holdshort.notify.webhook import new_secret
from holdshort.testing.notifier import Message

from ..loopback import Handler, Serving


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


class HttpReceiver(Serving):
    """Answers 200 unless it was given something else to do; remembers all it was sent."""

    def __init__(
        self,
        answer: Answer | None = None,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        host: str | None = None,
    ) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        server = _Server((address, port), _handler(self, answer or reply(200)))
        server.receiver, server.tls = self, tls
        super().__init__(server)
        shown = host or (f"[{address}]" if ":" in address else address)
        self.url = f"{'https' if tls else 'http'}://{shown}:{self.port}/hook"
        self.endpoint: dict[str, Any] | None = {"url": self.url, "secrets": [new_secret()]}

    def received(self) -> list[Message]:
        return [
            Message(text=f"{request.headers}\n{request.body.decode()}", body=request.body.decode())
            for request in self.requests
        ]

    def fail(self) -> None:
        """Take no more connections."""
        self._server.shutdown()
        self._server.socket.close()


def reply(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Answer with this; underscores in header names stand for hyphens."""

    return lambda handler, receiver: handler.answer(status, headers, body)


Answer = Callable[[Handler, HttpReceiver], None]


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128
    receiver: HttpReceiver
    tls: ssl.SSLContext | None

    def __init__(self, where: tuple[str, int], handler: type[Handler]) -> None:
        if ":" in where[0]:
            self.address_family = socket.AF_INET6
        super().__init__(where, handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, where = super().get_request()
        self.receiver.connections += 1
        if self.tls is not None:
            connection = self.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, where

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: callers that break off are what many tests are about."""


def _handler(receiver: HttpReceiver, answer: Answer) -> type[Handler]:
    class Receives(Handler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Request(self.path, headers, self.body()))
            answer(self, receiver)

    return Receives
