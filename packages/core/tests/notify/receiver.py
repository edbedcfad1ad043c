"""Real HTTP receivers on loopback addresses, whose behaviour a test chooses."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from holdshort.notify.webhook import new_secret
from holdshort.testing.notifier import Message


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


class HttpReceiver:
    """Answers 200 unless it was given something else to do; remembers all it was sent."""

    def __init__(
        self,
        answer: Callable[[BaseHTTPRequestHandler, HttpReceiver], None] | None = None,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        host: str | None = None,
    ) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.over = threading.Event()
        """Set when the test is over: what hangs or drips waits on this."""
        self._server = _Server((address, port), _handler(self, answer or reply(200)))
        self._server.receiver = self
        self._server.tls = tls
        self.port: int = self._server.server_address[1]
        shown = host or (f"[{address}]" if ":" in address else address)
        self.url = f"{'https' if tls else 'http'}://{shown}:{self.port}/hook"
        self.endpoint: dict[str, Any] | None = {"url": self.url, "secrets": [new_secret()]}
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def received(self) -> list[Message]:
        return [
            Message(text=f"{request.headers}\n{request.body.decode()}", body=request.body.decode())
            for request in self.requests
        ]

    def fail(self) -> None:
        """Take no more connections."""
        self._server.shutdown()
        self._server.socket.close()


def reply(
    status: int, body: bytes = b"", **headers: str
) -> Callable[[BaseHTTPRequestHandler, HttpReceiver], None]:
    """Answer with this; underscores in header names stand for hyphens."""

    def answer(handler: BaseHTTPRequestHandler, receiver: HttpReceiver) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128
    receiver: HttpReceiver
    tls: ssl.SSLContext | None

    def __init__(self, where: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
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


def _handler(
    receiver: HttpReceiver, answer: Callable[[BaseHTTPRequestHandler, HttpReceiver], None]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5  # a caller that keeps its connection does not hold up the test's end

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Request(self.path, headers, body))
            answer(self, receiver)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
