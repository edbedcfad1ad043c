"""`Worker`: goes on with suspended work once it is decided, in whatever process is alive by
then.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import signal
import socket
import uuid
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from holdshort.client import flows
from holdshort.client.async_client import AsyncClient
from holdshort.client.client import Client
from holdshort.client.decision import Decision
from holdshort.client.flows import report_run
from holdshort.client.run import Run
from holdshort.errors import (
    ConfigurationError,
    GrantRefused,
    HoldshortError,
    LeaseLost,
    OutcomeUnknown,
)

log = logging.getLogger("holdshort.worker")
H = TypeVar("H", bound=Callable[..., Any])


@dataclass(frozen=True)
class Job:
    """A decided intent, leased to this worker.

    `attempt_id` is the same on every delivery of this intent: pass it on as an idempotency key to
    what you call. `delivery` counts the deliveries from 1.
    """

    intent_id: str
    intent_type: str
    attempt_id: str
    delivery: int
    payload: dict[str, Any]
    decision: Decision
    _worker: Worker
    _epoch: int

    async def run(self, action: Callable[..., Any]) -> Any:
        """Run the approved action at most once: take the permit, call `action(**arguments)` with
        the approved arguments, report how it ended; return what it returned.

        A run that an earlier delivery has finished is not repeated: its recorded result is
        returned. Raises GrantRefused where there is no permit (rejected, revoked, expired),
        OutcomeUnknown where an earlier run never reported: a person is being asked, and this job
        comes back if it may run again.
        """
        attempt = f"{self.attempt_id}#{self.delivery}"
        try:
            permit = await self._worker._call(
                "consume", self.intent_id, self.decision.digest, attempt
            )
        except GrantRefused as refused:
            if refused.details.get("reason") == "done":
                return refused.details.get("result")
            raise
        try:
            result = await _maybe_await(action, permit["arguments"])
        except Exception as error:
            await self._worker._call("_run", report_run(self.intent_id, attempt, error=error))
            raise
        await self._worker._call("_run", report_run(self.intent_id, attempt, result=result))
        return result

    def run_blocking(self, action: Callable[..., Any]) -> Any:
        """The same as `run`, for handlers that are plain functions."""
        return asyncio.run_coroutine_threadsafe(self.run(action), self._worker._running()).result()


class App(Protocol):
    """What goes on with the runs of one name: an adapter's application.

    `resume` may be plain or async. It must end the run that it is given (suspend, finish, fail,
    release); where it raises, the run is given to a worker again after a pause. `holdshort worker`
    takes its `client`, where it has one.
    """

    @property
    def name(self) -> str: ...

    def resume(self, run: Run) -> Any: ...


class Worker:
    """Hands decided intents to handlers, and runs that can go on to their apps.

    >>> worker = Worker(client)
    >>> @worker.on("intent.report.v1")
    ... async def resume(job):
    ...     if job.decision.approved:
    ...         await job.run(send_report)
    >>> worker.run()            # until Ctrl-C or SIGTERM; `run(once=True)` for cron

    An intent comes here if it was filed with `resume="worker"` or with a `continuation`. It is
    leased while the handler runs (and renewed), delivered again when the worker dies, and finished
    when the handler returns. A handler that raises gets it again after a pause.

    >>> Worker(client, apps=[app]).run()    # resumes the runs of a framework's adapter

    Args:
        client: a `Client` or `AsyncClient`.
        apps: applications of adapters, whose suspended runs this worker resumes.
        concurrency: handlers that run at once.
        lease_seconds: how long a dead worker's job waits for the next one.
        retry_after: seconds until a job whose handler raised is delivered again.
    """

    def __init__(
        self,
        client: Client | AsyncClient,
        *,
        apps: Iterable[App] = (),
        concurrency: int = 4,
        lease_seconds: float = 60.0,
        retry_after: float = 30.0,
        name: str | None = None,
    ) -> None:
        self._client = client
        self._concurrency = concurrency
        self._lease_seconds = lease_seconds
        self._retry_after = retry_after
        self.name = name or f"{socket.gethostname()[:60]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._handlers: dict[str, Callable[[Job], Any]] = {}
        self._apps: dict[str, App] = {}
        for app in apps:
            self.add(app)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def on(self, intent_type: str) -> Callable[[H], H]:
        """Name the handler of an intent type: a function (plain or async) that takes a `Job`."""

        def register(handler: H) -> H:
            self._handlers[intent_type] = handler
            return handler

        return register

    def add(self, app: App) -> None:
        """Resume the runs of this app as well. Raises ValueError for a second one of a name."""
        if self._apps.setdefault(app.name, app) is not app:
            raise ValueError(f"this worker has another app named {app.name!r} already")

    @property
    def takes(self) -> list[str]:
        """What this worker takes: its apps, and the intent types of its handlers."""
        return [*self._apps, *self._handlers]

    def run(self, *, once: bool = False) -> int:
        """Work until SIGINT or SIGTERM, or (`once`) until nothing is ready; return how many jobs
        were finished. What is under way at the end is finished first."""
        return asyncio.run(self.serve(once=once))

    async def serve(self, *, once: bool = False) -> int:
        """The same as `run`, on a running event loop."""
        if not self._handlers and not self._apps:
            raise ValueError(
                "this worker has nothing to do: name handlers with @worker.on(…), or pass apps=[…]"
            )
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        restore = self._listen_to_signals()
        running: set[asyncio.Task[bool]] = set()
        finished = 0
        try:
            while not self._stopping.is_set():
                room = self._concurrency - len(running)
                jobs = await self._lease(room, wait=not once and not running) if room else []
                running |= {asyncio.create_task(job) for job in jobs}
                if once and not jobs and not running:
                    break
                if running and (len(running) >= self._concurrency or not jobs):
                    done, running = await asyncio.wait(
                        running, timeout=1.0, return_when=asyncio.FIRST_COMPLETED
                    )
                    finished += sum(task.result() for task in done)
        finally:
            if running:
                done, _ = await asyncio.wait(running)
                finished += sum(task.result() for task in done)
            restore()
        return finished

    def stop(self) -> None:
        """Take no more jobs; `run` returns when those under way are finished."""
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    def _running(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop

    def _listen_to_signals(self) -> Callable[[], None]:
        loop, stopping = self._running(), self._stopping
        assert stopping is not None
        handled = []
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, stopping.set)
            except (NotImplementedError, ValueError, RuntimeError):
                break  # not the main thread, or not a Unix: stop() still works
            handled.append(number)

        def restore() -> None:
            for number in handled:
                loop.remove_signal_handler(number)

        return restore

    async def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call the client in its own colour."""
        bound = getattr(self._client, method)
        if isinstance(self._client, AsyncClient):
            return await bound(*args, **kwargs)
        return await asyncio.to_thread(bound, *args, **kwargs)

    async def _lease(self, limit: int, *, wait: bool) -> list[Coroutine[Any, Any, bool]]:
        """Return what there is to do, at most `limit` of it."""
        try:
            leased = await self._call(
                "_run",
                flows.lease(
                    self.name,
                    list(self._handlers),
                    apps=list(self._apps),
                    lease_seconds=self._lease_seconds,
                    limit=limit,
                    # Short, so that a signal is answered within a second.
                    wait_seconds=1.0 if wait else 0.0,
                ),
            )
        except HoldshortError as error:
            if isinstance(error, ConfigurationError) or not _passes(error):
                raise
            log.warning("waiting for Holdshort: %s", error)
            return []
        runs = [Run(self._client, one, self.name, self._lease_seconds) for one in leased["runs"]]
        return [
            *(self._handle(self._job(one)) for one in leased["jobs"]),
            *(self._resume(run) for run in runs),
        ]

    async def _resume(self, run: Run) -> bool:
        """Let an app go on with a run; return whether it came to an end that it was brought to."""
        app = self._apps[run.app]
        try:
            await _maybe_await(app.resume, {"run": run}, positional=True)
        except LeaseLost as lost:
            log.warning("%s: %s", run.id, lost)
            return False
        except Exception:
            log.exception("the app %s failed to resume the run %s", run.app, run.id)
            await self._give_back(run)
            return False
        if run.held:
            log.error("the app %s left the run %s as it was; it comes again", run.app, run.id)
            await self._give_back(run)
            return False
        return True

    async def _give_back(self, run: Run) -> None:
        if not run.held:
            return
        try:
            await run.arelease(self._retry_after)
        except HoldshortError as error:
            # Its lease runs out and it comes again.
            log.warning("could not release the run %s: %s", run.id, error)

    def _job(self, wire: dict[str, Any]) -> Job:
        return Job(
            intent_id=wire["intent_id"],
            intent_type=wire["intent_type"],
            attempt_id=wire["attempt_id"],
            delivery=wire["delivery"],
            payload=wire["payload"],
            decision=Decision.of(wire["decision"]),
            _worker=self,
            _epoch=wire["epoch"],
        )

    async def _handle(self, job: Job) -> bool:
        """Run the handler under a renewed lease; return whether the job is finished."""
        renewing = asyncio.create_task(self._renew(job))
        try:
            await _maybe_await(self._handlers[job.intent_type], {"job": job}, positional=True)
        except OutcomeUnknown as unknown:
            log.warning("%s: %s", job.intent_id, unknown)
            return False
        except Exception:
            log.exception("the handler of %s failed on %s", job.intent_type, job.intent_id)
            return await self._end(job, "return", self._retry_after)
        finally:
            renewing.cancel()
        return await self._end(job, "finish", self._lease_seconds)

    async def _renew(self, job: Job) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            try:
                await self._change(job, "renew", self._lease_seconds)
            except LeaseLost:
                log.error("the lease on %s is lost: another worker has it", job.intent_id)
                return
            except HoldshortError as error:
                log.warning("could not renew the lease on %s: %s", job.intent_id, error)

    async def _end(self, job: Job, action: str, seconds: float) -> bool:
        try:
            await self._change(job, action, seconds)
        except LeaseLost:
            log.warning("finished %s, but its lease had passed on", job.intent_id)
            return False
        except HoldshortError as error:
            # The lease runs out and the job comes again: at least once is what is promised.
            log.warning("could not say that %s is to %s: %s", job.intent_id, action, error)
            return False
        return action == "finish"

    async def _change(self, job: Job, action: str, seconds: float) -> None:
        await self._call(
            "change_lease",
            job.intent_id,
            action,
            worker=self.name,
            epoch=job._epoch,
            lease_seconds=seconds,
        )


def _passes(error: HoldshortError) -> bool:
    """Whether it may be over when one asks again: the server is away, or has too much to do."""
    return error.status >= 500 or error.status == 429


async def _maybe_await(
    function: Callable[..., Any], arguments: dict[str, Any], *, positional: bool = False
) -> Any:
    """Call a function of either colour; a plain one runs on a thread, so that leases are
    renewed.
    """
    args = tuple(arguments.values()) if positional else ()
    kwargs = {} if positional else arguments
    if inspect.iscoroutinefunction(function):
        return await function(*args, **kwargs)
    result = await asyncio.to_thread(function, *args, **kwargs)
    return await result if inspect.isawaitable(result) else result
