"""The outbox: deliveries leave after the commit that wrote them, and are tried until they
arrive.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Mapping
from typing import Any

from holdshort.clock import Clock
from holdshort.engine.batch import DELIVERY_CLAIM
from holdshort.engine.engine import Engine
from holdshort.errors import HoldshortError
from holdshort.notify.backoff import MAX_ATTEMPTS, next_try
from holdshort.notify.base import Notifier, SendFailed
from holdshort.notify.routing import WEBHOOK
from holdshort.store.base import Delivery, Down, EntryKind

log = logging.getLogger("holdshort.outbox")

#: Sends under way at once. A slow endpoint holds one of them, not the others.
CONCURRENT = 16
#: Deliveries kept in memory after a commit; the rest is found in the database again.
LARGEST_QUEUE = 2000
#: How often the database is asked for deliveries that nobody sends (seconds).
LOOK_EVERY = 1.0


class Outbox:
    """Sends what was committed. A delivery is lost by nothing: whoever is alive sends it again."""

    def __init__(self, engine: Engine, clock: Clock, notifiers: Mapping[str, Notifier]) -> None:
        self._engine = engine
        self._clock = clock
        self._notifiers = notifiers
        self._queue: deque[Delivery] = deque()
        self._work = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._results: list[Delivery] = []
        self._recording: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.sent = 0
        self.failed = 0
        self.dead = 0
        engine.on_deliveries = self._committed

    async def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._send_loop(), name="holdshort-outbox"),
            asyncio.create_task(self._look_loop(), name="holdshort-outbox-look"),
        ]

    async def stop(self, patience: float = 5.0) -> None:
        """Let what is being sent finish, then hand the rest back to whoever comes next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._sending:
            await asyncio.wait(self._sending, timeout=patience)
        for task in self._sending:
            task.cancel()
        now = self._clock.now()
        self._results += [delivery.but(next_at=now) for delivery in self._queue]
        self._queue.clear()
        if self._recording is not None:
            await asyncio.gather(self._recording, return_exceptions=True)
        if self._results:
            await self._record()
        for notifier in self._notifiers.values():
            await notifier.close()

    async def tick(self) -> int:
        """Claim and send all that is due now; return how many deliveries were tried."""
        tried = 0
        while due := self._from_queue() or await self._claim(CONCURRENT):
            await asyncio.gather(*map(self._send, due))
            await self._record()
            tried += len(due)
        return tried

    def _committed(self, deliveries: list[Delivery]) -> None:
        # What does not fit stays claimed for half a minute, then is found by the look.
        self._queue.extend(deliveries[: self._room()])
        self._work.set()

    def _room(self) -> int:
        return max(0, LARGEST_QUEUE - len(self._queue))

    def _from_queue(self) -> list[Delivery]:
        return [self._queue.popleft() for _ in range(min(CONCURRENT, len(self._queue)))]

    async def _claim(self, limit: int) -> list[Delivery]:
        now = self._clock.now()
        due = await self._engine.read(self._engine.store.next_delivery)
        if due is None or due > now:
            return []
        until = now + round(DELIVERY_CLAIM * 1000)
        return await self._engine.write(lambda tx: tx.claim_deliveries(tx.now(), until, limit))

    async def _send_loop(self) -> None:
        while True:
            while self._queue:
                if len(self._sending) >= CONCURRENT:
                    await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
                    continue
                delivery = self._queue.popleft()
                if delivery.next_at <= self._clock.now():
                    continue  # its claim ran out in the queue: whoever finds it next sends it
                task = asyncio.create_task(self._send_and_record(delivery))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            self._work.clear()
            await self._work.wait()

    async def _look_loop(self) -> None:
        while True:
            try:
                self._queue.extend(await self._claim(self._room()))
                self._work.set()
            except (HoldshortError, Down) as error:
                log.warning("the outbox waits for the database: %s", error)
            await asyncio.sleep(LOOK_EVERY)

    async def _send_and_record(self, delivery: Delivery) -> None:
        await self._send(delivery)
        if self._recording is None or self._recording.done():
            self._recording = asyncio.create_task(self._record())

    async def _send(self, delivery: Delivery) -> None:
        """Try once, and note how it went."""
        attempts = delivery.attempts + 1
        try:
            notifier = self._notifiers.get(delivery.channel)
            if notifier is None:
                raise SendFailed(f"there is no channel {delivery.channel!r} here", permanent=True)
            receipt = await notifier.send(delivery, await self._endpoint(delivery))
        except SendFailed as failure:
            self._results.append(self._after_failure(delivery, attempts, failure))
        except Exception as defect:
            log.exception("channel %s failed on delivery %s", delivery.channel, delivery.id)
            unexpected = SendFailed(f"{type(defect).__name__} in channel {delivery.channel}")
            self._results.append(self._after_failure(delivery, attempts, unexpected))
        else:
            self.sent += 1
            self._results.append(
                delivery.but(
                    state="sent",
                    attempts=attempts,
                    sent_at=self._clock.now(),
                    last_error=None,
                    receipt=receipt,
                )
            )

    async def _endpoint(self, delivery: Delivery) -> dict[str, Any] | None:
        is_webhook = delivery.channel == WEBHOOK
        kind: EntryKind = "webhook" if is_webhook else "person"
        entries = await self._engine.read(self._engine.store.entries, delivery.tenant, kind)
        doc = next((one.doc for one in entries if one.name == delivery.recipient), None)
        if not is_webhook:
            person = delivery.recipient
            return {"email": person, **(doc or {}), "person": person}
        if doc is None:
            raise SendFailed("this webhook was deleted", permanent=True)
        return doc

    def _after_failure(self, delivery: Delivery, attempts: int, failure: SendFailed) -> Delivery:
        self.failed += 1
        changed: Delivery
        if failure.permanent or attempts >= MAX_ATTEMPTS:
            self.dead += 1
            log.warning("delivery %s given up after %d tries: %s", delivery.id, attempts, failure)
            changed = delivery.but(state="dead", attempts=attempts, last_error=str(failure))
            return changed
        wait = max(next_try(attempts, rng=random.random()), failure.retry_after or 0.0)
        changed = delivery.but(
            attempts=attempts,
            next_at=self._clock.now() + round(wait * 1000),
            last_error=str(failure),
        )
        return changed

    async def _record(self) -> None:
        """Write what is noted; while that commits, more gathers, and goes with the next write."""
        while self._results:
            results, self._results = self._results, []
            try:
                await self._engine.update_deliveries(results)
            except HoldshortError as error:
                # Not recorded is not lost: the claim runs out and the delivery goes out again.
                log.warning("%d deliveries could not be recorded: %s", len(results), error)
