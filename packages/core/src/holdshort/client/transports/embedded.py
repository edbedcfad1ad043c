"""In this very process: the same server, reached without a network.

One runtime a database serves all clients of this process. It lives on a thread of its own, because
timers and deliveries have to go on while the agent's code blocks; calls hop to it and back.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures.thread  # noqa: F401  before us, so that our fork comes before its locks
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, unquote, urlencode

from holdshort.client.calls import Call, CouldNotReach, Reply
from holdshort.client.transports.base import retry_after
from holdshort.client.transports.body import body_of
from holdshort.errors import ConfigurationError
from holdshort.models import DEFAULT_TENANT, Principal
from holdshort.requests import address

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

    from holdshort.app import Holdshort

log = logging.getLogger("holdshort")

#: Who asks, in an embedded Holdshort, where nobody says otherwise.
LOCAL_AGENT = "agent://local/default/agent"


def local_principal(kind: Literal["agent", "person", "service"], subject: str | None) -> Principal:
    """Return who acts in an embedded database, where no key says it.

    Raises ConfigurationError where a person is wanted and nobody is named.
    """
    if kind == "person":
        subject = subject or os.environ.get("HOLDSHORT_PERSON")
        if not subject:
            raise ConfigurationError(
                "say who decides: Reviewer(person='ana@acme.com'), or set HOLDSHORT_PERSON. In an "
                "embedded database whoever can read the file is trusted to say so."
            )
        subject = address(subject)
    return Principal(kind=kind, id=subject or LOCAL_AGENT, tenant=DEFAULT_TENANT, via="embedded")


class _Runtime:
    """A Holdshort and the thread that it lives on."""

    def __init__(self, database: str, make: Callable[[], Holdshort] | None) -> None:
        self.users = 0
        self.pid = os.getpid()
        self.over = False
        self._forks = False
        self._database = database
        self._make = make
        self._calls: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="holdshort", daemon=True)
        self._thread.start()
        try:
            self._holdshort: Holdshort = self._on_loop(self._start()).result()
        except BaseException:
            self._end()
            raise

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    async def _start(self) -> Holdshort:
        # Imported here and only here: a client of a server never pays for one.
        from holdshort.app import Holdshort
        from holdshort.settings import Settings

        if self._make is None:
            holdshort = Holdshort(Settings(database=self._database))
        else:
            holdshort = self._make()
        await holdshort.start()
        return holdshort

    def _on_loop(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def submit(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Begin a call. It raises CouldNotReach where it is cut off by a fork."""
        return self._on_loop(self._until_cut(work))

    async def _until_cut(self, work: Coroutine[Any, Any, Any]) -> Any:
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        try:
            return await work
        except asyncio.CancelledError:
            if not self._forks:
                raise  # its caller gave it up
            raise CouldNotReach("the process forks") from None
        finally:
            self._calls.discard(task)

    def again(self) -> _Runtime:
        """Return a new one in its place."""
        return _Runtime(self._database, self._make)

    def admit(self, principal: Principal) -> str:
        return self._holdshort.authenticate.admit(principal)

    async def move(self, call: Call, key: str, body: bytes | None) -> Reply:
        """Answer a call. The server is called as it is, without an HTTP client between: that cost
        more than most answers."""
        status, retry, chunks = 500, None, []

        async def send(message: Message) -> None:
            nonlocal status, retry
            if message["type"] == "http.response.start":
                status = message["status"]
                said = dict(message.get("headers") or ())
                retry = retry_after({"retry-after": said.get(b"retry-after", b"").decode()})
            else:
                chunks.append(message.get("body", b""))

        try:
            await self._holdshort.asgi(_scope(call, key, body), _receive(body), send)
        except Exception:
            log.exception("%s %s failed", call.method, call.path)
        return Reply(status, _read(b"".join(chunks)), retry)

    async def stream(self, call: Call, key: str, write: Callable[[bytes], object]) -> Reply | None:
        """Pass a long answer on as it is made."""
        status, refusal = 0, b""
        failed: list[BaseException] = []

        async def send(message: Message) -> None:
            nonlocal status, refusal
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status >= 400:
                refusal += message.get("body", b"")
            elif message.get("body"):
                try:
                    await asyncio.to_thread(write, message["body"])
                except Exception as error:  # a full disk is not a client that has gone away
                    failed.append(error)
                    raise

        try:
            await self._holdshort.asgi(_scope(call, key, None), _receive(None), send)
        except Exception as error:
            raise (failed or [error])[0] from None
        return Reply(status, _read(refusal)) if status >= 400 else None

    def stop(self, *, cut: bool = False) -> None:
        """End it. With `cut`, calls that are under way are told to come back."""
        self.over = True
        if threading.current_thread() is self._thread:
            return  # a channel of ours forks; it cannot wait for itself
        try:
            self._on_loop(self._stop(cut)).result(timeout=15)
        finally:
            self._end()

    async def _stop(self, cut: bool) -> None:
        self._forks = cut
        if cut and self._calls:
            for task in self._calls:
                task.cancel()
            await asyncio.wait(self._calls)
        await self._holdshort.stop()
        if cut:
            await self._loop.shutdown_default_executor()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=15)


def _scope(call: Call, key: str, body: bytes | None) -> Scope:
    headers = [(b"host", b"embedded"), (b"authorization", f"Bearer {key}".encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in call.headers.items()]
    if body is not None:
        headers.append((b"content-type", b"application/json"))
        headers.append((b"content-length", str(len(body)).encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": unquote(call.path),
        "raw_path": quote(call.path, safe="/%").encode(),
        "root_path": "",
        "query_string": urlencode(call.query).encode(),
        "headers": headers,
        "client": None,
        "server": ("embedded", 80),
    }


def _receive(body: bytes | None) -> Receive:
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": body or b"", "more_body": False}
        await asyncio.Event().wait()  # the sender does not leave
        raise AssertionError

    return receive


def _read(content: bytes) -> Any:
    """Return a body; what is no JSON is kept as text."""
    try:
        return json.loads(content)
    except ValueError:
        return {"detail": content.decode(errors="replace")[:500]}


_runtimes: dict[str, _Runtime] = {}
#: Held while runtimes come and go, while a call is handed to one, and across a fork.
_lock = threading.RLock()


def _open(database: str, make: Callable[[], Holdshort] | None) -> _Runtime:
    with _lock:
        runtime = _runtimes.get(database)
        if runtime is None or runtime.over or runtime.pid != os.getpid():
            runtime = _runtimes[database] = _Runtime(database, make)
        runtime.users += 1
        return runtime


def _close(database: str, runtime: _Runtime) -> None:
    with _lock:
        runtime.users -= 1
        if runtime.users or runtime.pid != os.getpid():
            return
        if _runtimes.get(database) is runtime:
            del _runtimes[database]
        runtime.stop()


@atexit.register
def _close_all() -> None:
    """Hand unsent deliveries back at a normal exit; after a crash they are found by their lease."""
    with _lock:
        runtimes = [r for r in _runtimes.values() if r.pid == os.getpid()]
        _runtimes.clear()
    for runtime in runtimes:
        runtime.stop()


def _before_fork() -> None:
    """Close everything. SQLite keeps its locks by process: with a file open across a fork, parent
    and child no longer see each other's, and one deletes the log that the other writes to."""
    _lock.acquire()
    if not _runtimes:
        return
    before = {thread.native_id for thread in threading.enumerate()}
    for runtime in _runtimes.values():
        runtime.stop(cut=True)
    _await_gone(before - {thread.native_id for thread in threading.enumerate()})


def _await_gone(ended: set[int | None]) -> None:
    """Wait until threads are gone for the kernel as well. Python calls them ended a moment before
    they give back what they hold of OpenSSL, and whose lock is held then is held in the child for
    ever. Where the kernel does not tell (not Linux), that moment is not waited for."""
    ends = time.monotonic() + 1.0
    while any(os.path.exists(f"/proc/self/task/{number}") for number in ended):
        if time.monotonic() > ends:
            return
        time.sleep(0.001)


def _after_fork_in_parent() -> None:
    """Go on, beside the caller: timers and deliveries do not wait for the next call."""
    _lock.release()
    if _runtimes:
        threading.Thread(target=_go_on, name="holdshort-after-fork", daemon=True).start()


def _go_on() -> None:
    with _lock:
        for database, runtime in list(_runtimes.items()):
            if runtime.over:
                _runtimes[database] = runtime.again()


def _after_fork_in_child() -> None:
    """Leave all behind; what is used here is opened here."""
    _runtimes.clear()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )


def _result(future: Future[Any]) -> Any:
    try:
        return future.result()
    except BaseException:
        future.cancel()  # Ctrl-C: nobody waits for it any more
        raise


class EmbeddedTransport:
    """Blocking calls into this process's runtime.

    `make` puts together another Holdshort than the usual one, where this is the first client.
    """

    def __init__(
        self,
        database: str,
        principal: Principal,
        make: Callable[[], Holdshort] | None = None,
    ) -> None:
        self._database = database
        self._make = make
        self._principal = principal
        self._open()

    def _open(self) -> None:
        self._runtime: _Runtime | None = _open(self._database, self._make)
        self._key = self._runtime.admit(self._principal)

    def _live(self) -> _Runtime:
        if self._runtime is None:
            raise RuntimeError("this client was closed")
        if self._runtime.over or self._runtime.pid != os.getpid():
            self._open()
        return self._runtime

    def begin(self, call: Call) -> Future[Reply]:
        """Hand a call over."""
        body = body_of(call)
        with _lock:
            runtime = self._live()
            return runtime.submit(runtime.move(call, self._key, body))

    def send(self, call: Call) -> Reply:
        reply: Reply = _result(self.begin(call))
        return reply

    def stream(self, call: Call, write: Callable[[bytes], object]) -> Reply | None:
        """Pass the body on piece by piece; return None, or the reply that refused it."""
        with _lock:
            runtime = self._live()
            future = runtime.submit(runtime.stream(call, self._key, write))
        refused: Reply | None = _result(future)
        return refused

    def close(self) -> None:
        with _lock:
            if self._runtime is not None:
                runtime, self._runtime = self._live(), None
                _close(self._database, runtime)


class AsyncEmbeddedTransport:
    """The same, for callers on an event loop of their own."""

    def __init__(self, database: str, principal: Principal) -> None:
        self._blocking = EmbeddedTransport(database, principal)

    async def send(self, call: Call) -> Reply:
        return await asyncio.wrap_future(self._blocking.begin(call))

    async def close(self) -> None:
        await asyncio.to_thread(self._blocking.close)
