"""A run in this process's hands: its lease, kept while work goes on, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
import uuid
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

from holdshort.client import flows
from holdshort.client.async_client import AsyncClient
from holdshort.client.calls import Call, Flow
from holdshort.client.colours import AnyClient, ado, do
from holdshort.client.decision import Decision
from holdshort.errors import HoldshortError, LeaseLost, WaitTimeout

log = logging.getLogger("holdshort.runs")

#: For how long a run belongs to a process that has stopped renewing its lease (seconds).
LEASE_SECONDS = 60.0
#: After how long a run whose resumption raised is given to a worker again (seconds).
RETRY_AFTER = 30.0

Save = Literal["running", "suspended", "ready", "done", "failed"]


@dataclass(frozen=True)
class Suspended:
    """What a run returns that waits for people. A worker goes on with it; the process may end."""

    run_id: str
    app: str
    intent_ids: list[str]


class Run:
    """A run that this process holds. Its lease is renewed in the background until it is given up.

    End it with `suspend`, `finish`, `fail` or `release`; as a context manager it is released where
    it was not ended, for a worker to try again. Each has an async twin: `asuspend`, `asave`, …

    All of them raise LeaseLost where another process has taken the run over by now: stop then, and
    write nothing.
    """

    id: str
    app: str
    epoch: int
    status: str
    """`running` while it is held; `done` or `failed` where it had ended before."""
    state: Any
    """What was saved to resume from; None where nothing was."""
    waits: list[str]
    """The intents that were asked when it was suspended last."""
    result: Any

    def __init__(
        self, client: AnyClient, leased: Mapping[str, Any], worker: str, lease_seconds: float
    ) -> None:
        run = leased["run"]
        self.client = client
        self.id = run["run_id"]
        self.app = run["app"]
        self.epoch = run["epoch"]
        self.status = run["status"]
        self.state = leased["state"]
        self.waits = list(run["waits"])
        self.result = run["result"]
        self.error: str | None = run["error"]
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._keeper = _Keeper(self) if self.held else None

    @property
    def held(self) -> bool:
        """Whether this process may work on the run."""
        return self.status == "running"

    def suspend(
        self,
        state: Any = None,
        intents: Sequence[Mapping[str, Any]] = (),
        *,
        waits: Sequence[str] = (),
        wakes: Literal["all", "any"] = "all",
    ) -> list[str]:
        """Save the state, file the intents and give up the lease, in one transaction; return the
        intents' ids, in order. The run goes on once they, and those in `waits`, have ended.

        Each intent is a body as `tool_intent` makes it, with its `key`. State None keeps what is
        stored. Raises InvalidRequest naming the field at fault; nothing was saved then.
        """
        return do(self.client, self._suspend(state, intents, waits, wakes))

    async def asuspend(
        self,
        state: Any = None,
        intents: Sequence[Mapping[str, Any]] = (),
        *,
        waits: Sequence[str] = (),
        wakes: Literal["all", "any"] = "all",
    ) -> list[str]:
        """`suspend` on an event loop."""
        return await ado(self.client, self._suspend(state, intents, waits, wakes))

    def _suspend(
        self,
        state: Any,
        intents: Sequence[Mapping[str, Any]],
        waits: Sequence[str],
        wakes: str,
    ) -> Flow[list[str]]:
        bodies = [intent_of(body) for body in intents]
        reply = yield from self._save(
            "suspended", state, intents=bodies, waits=list(waits), wakes=wakes
        )
        self.waits = list(reply["run"]["waits"])
        return [filed["intent_id"] for filed in reply["results"]]

    def save(self, state: Any) -> None:
        """Save the state and keep the lease."""
        do(self.client, self._save("running", state))

    async def asave(self, state: Any) -> None:
        """`save` on an event loop."""
        await ado(self.client, self._save("running", state))

    def finish(self, result: Any = None, *, state: Any = None) -> None:
        """The run is over, with this result (JSON)."""
        do(self.client, self._save("done", state, result=result))

    async def afinish(self, result: Any = None, *, state: Any = None) -> None:
        """`finish` on an event loop."""
        await ado(self.client, self._save("done", state, result=result))

    def fail(self, error: str) -> None:
        """The run cannot go on, for this reason. Nothing takes it up again by itself."""
        do(self.client, self._save("failed", None, error=error[:10_000]))

    async def afail(self, error: str) -> None:
        """`fail` on an event loop."""
        await ado(self.client, self._save("failed", None, error=error[:10_000]))

    def release(self, again_in: float = RETRY_AFTER, *, state: Any = None) -> None:
        """Give the lease back; a worker gets the run again after so many seconds."""
        do(self.client, self._save("ready", state, again_in=again_in))

    async def arelease(self, again_in: float = RETRY_AFTER, *, state: Any = None) -> None:
        """`release` on an event loop."""
        await ado(self.client, self._save("ready", state, again_in=again_in))

    def decisions(self, intent_ids: Sequence[str]) -> dict[str, Decision | None]:
        """Return the decisions on these intents; None for those that are still open."""
        return do(self.client, decisions(intent_ids))

    async def adecisions(self, intent_ids: Sequence[str]) -> dict[str, Decision | None]:
        """`decisions` on an event loop."""
        return await ado(self.client, decisions(intent_ids))

    def _save(self, status: Save, state: Any, **fields: Any) -> Flow[dict[str, Any]]:
        body = {
            "run_id": self.id,
            "worker": self._worker,
            "epoch": self.epoch,
            "save_id": uuid.uuid4().hex,
            "status": status,
            "state": state,
            **fields,
        }
        if not self.held:
            raise LeaseLost(f"this process does not hold the run {self.id}: it is {self.status}")
        reply = yield from flows.on_run("save", body)
        if state is not None:
            self.state = state
        if status != "running":
            self._let_go(reply["run"]["status"])
        return reply

    def _let_go(self, status: str) -> None:
        self.status = status
        if self._keeper is not None:
            self._keeper.stop()

    def _renew(self) -> Flow[dict[str, Any]]:
        body = {
            "run_id": self.id,
            "worker": self._worker,
            "epoch": self.epoch,
            "seconds": self._lease_seconds,
        }
        return flows.on_run("renew", body)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.held:
            try:
                self.release()
            except HoldshortError as problem:
                self._abandon(problem)

    async def __aenter__(self) -> Run:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.held:
            try:
                await self.arelease()
            except HoldshortError as problem:
                self._abandon(problem)

    def _abandon(self, problem: HoldshortError) -> None:
        # Its lease runs out, and a worker finds it then; what ended this block is what matters.
        log.warning("could not release the run %s: %s", self.id, problem)
        self._let_go("suspended")


class _Keeper:
    """Renews a run's lease, on a thread: work on the run may block any event loop.

    It holds the run weakly. A handle that nobody has any more is worked on by nobody: its lease is
    left to run out, and a worker takes the run.
    """

    def __init__(self, run: Run) -> None:
        self._over = threading.Event()
        # An AsyncClient belongs to its loop; with a Client a blocked loop does no harm.
        loop = _running_loop() if isinstance(run.client, AsyncClient) else None
        held = weakref.ref(run, lambda _: self._over.set())
        self._thread = threading.Thread(
            target=_keep,
            args=(held, run._lease_seconds, self._over, loop),
            name="holdshort-run",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        self._over.set()


def _keep(
    held: weakref.ref[Run],
    lease_seconds: float,
    over: threading.Event,
    loop: asyncio.AbstractEventLoop | None,
) -> None:
    while not over.wait(lease_seconds / 3):
        run = held()
        if run is None:
            return
        try:
            _renew(run, lease_seconds, loop)
        except LeaseLost:
            if not over.is_set():
                log.error("the run %s has passed to another process", run.id)
            return
        except HoldshortError as error:
            log.warning("could not renew the lease on the run %s: %s", run.id, error)
        del run  # not while waiting


def _renew(run: Run, lease_seconds: float, loop: asyncio.AbstractEventLoop | None) -> None:
    if loop is None:
        do(run.client, run._renew())
        return
    asyncio.run_coroutine_threadsafe(ado(run.client, run._renew()), loop).result(
        timeout=lease_seconds
    )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def open_run(
    client: AnyClient,
    run_id: str,
    *,
    app: str,
    lease_seconds: float = LEASE_SECONDS,
    again: bool = False,
) -> Run:
    """Begin a run, or take it over; return it, held by this process.

    A run that has ended comes back as it ended (`status`), unless `again` takes it up anew, as a
    thread of a conversation is. Raises RunBusy where another process works on it.
    """
    worker = worker_name()
    flow = _open(run_id, app, worker, lease_seconds, again)
    return Run(client, do(client, flow), worker, lease_seconds)


async def aopen_run(
    client: AnyClient,
    run_id: str,
    *,
    app: str,
    lease_seconds: float = LEASE_SECONDS,
    again: bool = False,
) -> Run:
    """`open_run` on an event loop."""
    worker = worker_name()
    flow = _open(run_id, app, worker, lease_seconds, again)
    return Run(client, await ado(client, flow), worker, lease_seconds)


def _open(
    run_id: str, app: str, worker: str, lease_seconds: float, again: bool
) -> Flow[dict[str, Any]]:
    body = {
        "run_id": run_id,
        "app": app,
        "worker": worker,
        "seconds": lease_seconds,
        "again": again or None,
    }
    return flows.on_run("open", body)


def worker_name() -> str:
    """Return a name for one holding of a lease: who, and which time."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def intent_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the wire form of one of several intents, from a body with its `key`."""
    fields = dict(body)
    key = fields.pop("key", None)
    wire = flows.intent_body(fields.pop("intent_type"), **fields)
    return {**wire, "idempotency_key": key} if key is not None else wire


def decisions(intent_ids: Sequence[str]) -> Flow[dict[str, Decision | None]]:
    """The decisions on these intents; None for those that are still open."""
    found: dict[str, Decision | None] = {}
    for intent_id in intent_ids:
        reply = yield from flows.call(Call("GET", f"/v1/intents/{intent_id}/decision"))
        wire = reply["decision"]
        found[intent_id] = None if wire is None else Decision.of(wire)
    return found


def wait_for_all(client: AnyClient, intent_ids: Sequence[str], *, timeout: float | None) -> bool:
    """Wait in this process until all these intents have ended; return whether they have.

    `timeout` is in seconds, None waits as long as it takes.
    """
    return do(client, _wait_for_all(intent_ids, timeout))


async def await_for_all(
    client: AnyClient, intent_ids: Sequence[str], *, timeout: float | None
) -> bool:
    """`wait_for_all` on an event loop."""
    return await ado(client, _wait_for_all(intent_ids, timeout))


def _wait_for_all(intent_ids: Sequence[str], timeout: float | None) -> Flow[bool]:
    ends = None if timeout is None else time.monotonic() + timeout
    for intent_id in intent_ids:
        left = None if ends is None else max(0.0, ends - time.monotonic())
        try:
            yield from flows.wait_for(intent_id, timeout=left)
        except WaitTimeout:
            return False
    return True
