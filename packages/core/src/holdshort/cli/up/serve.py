"""A Holdshort behind uvicorn: started before it listens, stopped after the last answer."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from holdshort.app import Holdshort
from holdshort.cli.up.drain import Drain
from holdshort.cli.up.first_start import Role, first_start
from holdshort.models import DEFAULT_TENANT
from holdshort.server.access import ADMIN_ROLE
from holdshort.server.sessions import Sessions
from holdshort.settings import Settings

#: For how long a stop waits for requests under way (seconds). Those that only wait for news are
#: answered at once.
PATIENCE = 2


@dataclass(frozen=True)
class Ready:
    """What there is to say once it listens."""

    url: str
    pid: int
    keys: dict[Role, str] | None
    """The keys of a first start, by role."""
    link: str | None
    """With which the administrator signs in; None where others can reach this server."""


async def serve(
    settings: Settings,
    listener: socket.socket,
    *,
    admin: str,
    access_log: bool,
    announce: Callable[[Ready], None],
) -> int:
    """Serve until a signal; return which one it was."""
    with listener:
        url = _url(listener)
        # Without another address, this is where people on this machine find the pages.
        settings = settings.model_copy(update={"public_url": settings.public_url or url})
        async with Holdshort.running(settings) as holdshort:
            keys = await first_start(holdshort, admin)
            link = await _link(holdshort, admin, listener)
            ready = Ready(url, os.getpid(), keys, link)
            drain = Drain(holdshort.asgi)
            config = uvicorn.Config(
                drain,
                lifespan="off",
                log_config=None,
                access_log=access_log,
                server_header=False,
                # No header tells who calls: nothing here is decided by an address.
                proxy_headers=False,
                timeout_graceful_shutdown=PATIENCE,
            )
            server = _Server(config, drain, lambda: announce(ready))
            await server.serve([listener])
    return server.ended_by


async def _link(holdshort: Holdshort, admin: str, listener: socket.socket) -> str | None:
    """Return a link for the administrator, where only this machine can reach the server: whoever
    sees this terminal may sign in, as with the keys of the first start."""
    directory = await holdshort.engine.directory_now(DEFAULT_TENANT)
    here = listener.getsockname()[0] in ("127.0.0.1", "::1")
    if not here or ADMIN_ROLE not in directory.people.get(admin, ()):
        return None
    token = await Sessions(holdshort.engine).link(DEFAULT_TENANT, admin)
    return f"{_url(listener)}/sign-in/{token}"


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """uvicorn, told when to say that it listens and what to do first when it stops."""

    def __init__(self, config: uvicorn.Config, drain: Drain, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain = drain
        self._listening = listening
        self.ended_by: int = signal.SIGTERM

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._drain.begin()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike uvicorn's own, raise nothing afterwards: the store is to be closed first."""

        def on_signal(number: int, frame: object) -> None:
            self.force_exit = self.should_exit  # the second time: do not wait for anybody
            self.should_exit = True
            self.ended_by = number

        before = {
            number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
