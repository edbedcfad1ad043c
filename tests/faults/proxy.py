"""A TCP proxy that loses answers: the request gets through, the line is cut before the reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Proxy:
    """Passes everything on, but for the answers that `lose` names.

    `lost` counts the answers that were lost: the server had sent each of them.
    """

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        assert parts.hostname is not None
        assert parts.port is not None
        self._upstream = (parts.hostname, parts.port)
        self._doomed: list[bytes] = []
        self._open: set[asyncio.Task[None]] = set()
        self.url = ""
        self.lost = 0

    def lose(self, method: str, ending: str, times: int = 1) -> None:
        """Lose the next answers to requests with this method and this end of the path."""
        self._doomed += [f"{method} ".encode(), f"{ending} HTTP/1.1".encode()] * times

    def _is_doomed(self, data: bytes) -> bool:
        line = data.partition(b"\r\n")[0]
        if self._doomed and line.startswith(self._doomed[0]) and line.endswith(self._doomed[1]):
            del self._doomed[:2]
            return True
        return False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        doomed = False

        async def forth() -> None:
            nonlocal doomed
            while data := await reader.read(65536):
                doomed = doomed or self._is_doomed(data)
                up_writer.write(data)

        async def back() -> None:
            while data := await up_reader.read(65536):
                if doomed:
                    self.lost += 1
                    return
                writer.write(data)

        both = [asyncio.ensure_future(forth()), asyncio.ensure_future(back())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            for end in (up_writer, writer):
                end.close()
                with suppress(OSError):
                    await end.wait_closed()
            self._open.discard(task)


@asynccontextmanager
async def proxy(upstream: str) -> AsyncIterator[Proxy]:
    """Listen on a free port of 127.0.0.1."""
    here = Proxy(upstream)
    server = await asyncio.start_server(here._serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    here.url = f"http://{host}:{port}"
    try:
        yield here
    finally:
        server.close()
        await asyncio.gather(*here._open)  # they end when their clients close
        await server.wait_closed()
