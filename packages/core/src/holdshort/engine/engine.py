"""The engine: where commands meet the store."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from holdshort import lifecycle
from holdshort.engine.wake import Wake
from holdshort.engine.work import (
    Apply,
    File,
    Filed,
    Item,
    LeaseRuns,
    OnRun,
    Result,
    RunDone,
    Spend,
    Sweep,
    Work,
    Write,
)
from holdshort.engine.writer import Writer
from holdshort.errors import Unavailable
from holdshort.lifecycle import Command, Transition
from holdshort.models import DEFAULT_TENANT, Directory, Intent, Run
from holdshort.notify.routing import Reach
from holdshort.store.base import Changes, Delivery, Entry, Ref, Store, Tx

T = TypeVar("T")
log = logging.getLogger("holdshort")

#: No webhook of anybody's: names are printable.
_PROBE = "\x7fprobe"

#: How long a directory is believed without looking again (seconds). Changes made in this process
#: are seen at once; those made in another one after at most this.
DIRECTORY_TTL = 1.0


class Engine:
    """Turns commands into committed transitions.

    All methods are called on one event loop, the one that `start` ran on. `on_deliveries` and
    `on_wake_at` are set by the runtime: what leaves after a commit, and when the next timer is due;
    so is `reach`: by which channels people are told. `coalesced` counts, by agent, the requests
    that people were told of together because they came too fast.
    """

    def __init__(
        self,
        store: Store,
        *,
        link: Callable[[str], str | None] = lambda _: None,
        passkey_for_high_risk: bool = False,
    ) -> None:
        self.store = store
        self._passkey_for_high_risk = passkey_for_high_risk
        self.wake = Wake()
        self.on_deliveries: Callable[[list[Delivery]], None] = lambda _: None
        self.on_wake_at: Callable[[int], None] = lambda _: None
        self._directories: dict[str, tuple[float, Directory]] = {}
        self.reach = Reach()
        self.coalesced: Counter[str] = Counter()
        self.writer = Writer(store, self.directory, link, lambda: self.reach, self._committed)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unwatch: Callable[[], None] | None = None

    async def start(self) -> None:
        """Begin to take work. The schema must be up to date."""
        self._loop = asyncio.get_running_loop()
        self.writer.start()
        self._unwatch = await asyncio.to_thread(self.store.watch, self._changed_elsewhere)

    async def stop(self) -> None:
        """Commit what is queued, then end.

        Blocks the loop for the last commit: at interpreter exit there are no helper threads left to
        wait on, and nothing else is to be served any more.
        """
        if self._unwatch is not None:
            self._unwatch()
        self.writer.stop()
        self._loop = None

    def directory(self, tenant: str) -> Directory:
        """Return the tenant's directory, at most a second old. For the writer: it may block."""
        known = self._known_directory(tenant)
        if known is None:
            known = self.store.directory(tenant)
            if self._passkey_for_high_risk:
                known = known.but(passkey_for_high_risk=True)
            self._directories[tenant] = (time.monotonic(), known)
        return known

    async def directory_now(self, tenant: str) -> Directory:
        """The same on the event loop, which a slow database must not hold up, and as it answers
        now: who is away, who is on call."""
        known = self._known_directory(tenant)
        if known is None:
            known = await self.read(self.directory, tenant)
        return known.at(self.store.clock.now())

    def _known_directory(self, tenant: str) -> Directory | None:
        found = self._directories.get(tenant)
        fresh = found is not None and time.monotonic() - found[0] < DIRECTORY_TTL
        return found[1] if found is not None and fresh else None

    async def submit(self, tenant: str, intent_id: str, command: Command) -> Transition:
        """Apply a command; return when it is committed. Raises the HoldshortError that refuses
        it.
        """
        transition: Transition = await self._put(Apply((tenant, intent_id), command))
        return transition

    async def file(self, work: File) -> Filed:
        """File an intent, or find the one that this key stands for."""
        filed: Filed = await self._put(work)
        return filed

    async def file_many(self, works: Sequence[File]) -> list[Filed | BaseException]:
        """File several; each is answered on its own, all of them from as few commits as can be."""
        return await asyncio.gather(*map(self.file, works), return_exceptions=True)

    async def on_run(self, work: OnRun) -> RunDone:
        """Apply a command to a run, with the intents and the state that go with it."""
        done: RunDone = await self._put(work)
        return done

    async def lease_runs(self, work: LeaseRuns) -> list[Run]:
        """Take runs that can go on."""
        taken: list[Run] = await self._put(work)
        return taken

    async def sweep(
        self, select: Callable[[Tx], Sequence[Ref]], command: Command, *, directory: bool = False
    ) -> list[Transition]:
        """Apply a command to every intent that a query finds inside the transaction. The query may
        write rows beside them first; `directory` says that people, teams, agents or policies are
        among them."""
        done: list[Transition] = await self._put(Sweep(select, command, directory))
        return done

    async def spend(self, tenant: str, agent: str, micros: int) -> None:
        """Count what a limited agent (`agent://…`) says it has spent, beside all intents."""
        await self._put(Spend(tenant, agent, micros))

    async def write(self, run: Callable[[Tx], T]) -> T:
        """Write rows beside the intents."""
        written: T = await self._put(Write(run))
        return written

    async def write_directory(self, run: Callable[[Tx], T]) -> T:
        """Write people, teams, policies, webhooks, settings or keys; they hold from the next
        command on."""
        written: T = await self._put(Write(run, directory=True))
        return written

    async def probe(self) -> None:
        """Write something and take it back in the same commit: only so is it known that the
        database can be written to again. Raises Unavailable where it cannot.
        """

        def write(tx: Tx) -> None:
            tx.put_entry(DEFAULT_TENANT, Entry(kind="webhook", name=_PROBE, doc={}))
            tx.delete_entry(DEFAULT_TENANT, "webhook", _PROBE)

        await self.write(write)

    async def update_deliveries(
        self, deliveries: Sequence[Delivery], new: Sequence[Delivery] = ()
    ) -> None:
        """Record how deliveries went, with the new ones that follow from that."""

        def write(tx: Tx) -> None:
            tx.update_deliveries(deliveries)
            if new:
                tx.write(Changes(deliveries=list(new)))

        await self._put(Write(write))

    async def run_due(self, limit: int = 500) -> int:
        """Do what is due, on at most this many intents; return on how many."""
        return len(await self.sweep(lambda tx: tx.due(tx.now(), limit), lifecycle.Tick()))

    async def read(
        self, query: Callable[..., T], *args: Any, heavy: bool = False, **named: Any
    ) -> T:
        """Run a read of the store; off the event loop where it may take long."""
        if heavy or self.store.reads_block:
            return await asyncio.to_thread(query, *args, **named)
        return query(*args, **named)

    async def _put(self, work: Work) -> Any:
        if self._loop is None:
            raise Unavailable("Holdshort is stopping; ask again")
        future: asyncio.Future[Any] = self._loop.create_future()

        def done(result: Result) -> None:
            if future.done():
                return  # the caller has gone; what it asked for is committed all the same
            if result.error is None:
                future.set_result(result.value)
                return
            if result.error.code == "internal_error":
                log.error("a command failed inside Holdshort", exc_info=result.error.__cause__)
            future.set_exception(result.error)

        self.writer.put(Item(work, done))
        return await future

    def _committed(
        self, items: Sequence[Item], touched: dict[Ref, Intent], deliveries: list[Delivery]
    ) -> None:
        """Called on the writer's thread: hop to the loop once for the whole batch."""
        loop = self._loop
        assert loop is not None
        if any(isinstance(item.work, Write | Sweep) and item.work.directory for item in items):
            self._directories.clear()
        loop.call_soon_threadsafe(self._tell, items, touched, deliveries)

    def _tell(
        self, items: Sequence[Item], touched: dict[Ref, Intent], deliveries: list[Delivery]
    ) -> None:
        for item in items:
            item.done(item.result)
        ready = any(map(_leaves_a_run_ready, items))
        if touched or ready:
            self.wake.changed(touched.values(), resumable=ready)
            due = [intent.wake_at for intent in touched.values() if intent.wake_at is not None]
            if due:
                self.on_wake_at(min(due))
        if deliveries:
            self.on_deliveries(deliveries)

    def _changed_elsewhere(self, refs: Sequence[Ref] | None) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self.wake.changed_elsewhere, refs)


def _leaves_a_run_ready(item: Item) -> bool:
    done = item.result.value
    return isinstance(done, RunDone) and done.run.status == "suspended" and bool(done.run.lease_at)
