"""The outbox: deliveries leave after the commit that wrote them, and are tried until they
arrive.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from holdshort import ids
from holdshort.clock import Clock
from holdshort.engine.batch import DELIVERY_CLAIM
from holdshort.engine.engine import Engine
from holdshort.engine.lanes import Lanes
from holdshort.engine.streams import Streams
from holdshort.errors import HoldshortError
from holdshort.notify.backoff import MAX_ATTEMPTS, next_try
from holdshort.notify.base import Notifier, SendFailed
from holdshort.notify.routing import WEBHOOK
from holdshort.notify.storm import WAITED, Stream, digest, stream_of
from holdshort.notify.threads import CHANNEL as SUBSCRIPTION
from holdshort.store.base import Delivery, Down, EntryKind
from holdshort.visible import visible

log = logging.getLogger("holdshort.outbox")

#: Deliveries kept in memory after a commit; the rest is found in the database again.
LARGEST_QUEUE = 2000
#: How often the database is asked for deliveries that nobody sends (seconds).
LOOK_EVERY = 1.0
#: How long a channel may take for one delivery (seconds); shorter than others leave it to us.
LONGEST_SEND = 25.0

_CLAIM = round(DELIVERY_CLAIM * 1000)
#: Where a channel's recipients stand in the directory; people, where it is not here.
_DOCUMENTS: dict[str, EntryKind] = {WEBHOOK: "webhook", SUBSCRIPTION: "subscription"}


class Outbox:
    """Sends what was committed. A delivery is lost by nothing: whoever is alive sends it again."""

    def __init__(self, engine: Engine, clock: Clock, notifiers: Mapping[str, Notifier]) -> None:
        self._engine = engine
        self._clock = clock
        self._notifiers = notifiers
        self._queue: deque[Delivery] = deque()
        self._lanes = Lanes()
        self._streams = Streams()
        self._work = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._results: list[Delivery] = []
        self._new: list[Delivery] = []
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
        if self._recording is not None:
            await asyncio.gather(self._recording, return_exceptions=True)
        if self._results or self._new:
            await self._record()
        now = self._clock.now()
        self._results += [one.but(next_at=now) for one in (*self._queue, *self._lanes.drain())]
        self._queue.clear()
        if self._results:
            await self._record()
        for notifier in self._notifiers.values():
            await notifier.close()

    async def tick(self) -> int:
        """Claim and send all that is due now; return how many deliveries were tried."""
        tried = 0
        while due := self._from_queue() or await self._claim(LARGEST_QUEUE):
            await self._sort(due)
            while sending := self._from_lanes():
                await asyncio.gather(*map(self._send, sending))
                for delivery in sending:
                    self._lanes.done(delivery)
                tried += len(sending)
            await self._record()
        return tried

    def _committed(self, deliveries: list[Delivery]) -> None:
        # What is for later is found by the look when it is due. What does not fit stays claimed
        # for half a minute, then is found by the look as well.
        ours = [one for one in deliveries if one.next_at <= one.created_at + _CLAIM]
        self._queue.extend(ours[: self._room()])
        self._work.set()

    def _room(self) -> int:
        return max(0, LARGEST_QUEUE - len(self._queue) - len(self._lanes))

    def _from_queue(self) -> list[Delivery]:
        due = list(self._queue)
        self._queue.clear()
        return due

    def _from_lanes(self) -> list[Delivery]:
        found = []
        while (delivery := self._lanes.next()) is not None:
            found.append(delivery)
        return found

    async def _claim(self, limit: int) -> list[Delivery]:
        now = self._clock.now()
        due = await self._engine.read(self._engine.store.next_delivery)
        if due is None or due > now or not limit:
            return []
        until = now + _CLAIM
        return await self._engine.write(lambda tx: tx.claim_deliveries(tx.now(), until, limit))

    async def _send_loop(self) -> None:
        while True:
            self._work.clear()
            await self._sort(self._from_queue())
            self._start_recording()
            while (delivery := self._lanes.next()) is not None:
                if delivery.next_at <= self._clock.now():
                    self._lanes.done(delivery)
                    continue  # its claim ran out while it waited: whoever finds it next sends it
                task = asyncio.create_task(self._send_and_record(delivery))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
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
        try:
            await self._send(delivery)
        finally:
            self._lanes.done(delivery)
            self._work.set()
        self._start_recording()

    def _start_recording(self) -> None:
        if (self._results or self._new) and (self._recording is None or self._recording.done()):
            self._recording = asyncio.create_task(self._record())

    async def _sort(self, due: list[Delivery]) -> None:
        """Put into the lanes what is to be sent now, of what is due. The rest is noted: what waits,
        what goes together in one message, and what nobody needs any more."""
        now = self._clock.now()
        needed = [one for one in due if await self._is_needed(one, now)]
        found = self._streams.sort(needed, now)
        for delivery in found.send:
            self._lanes.put(delivery)
        self._results += found.hold
        for stream, deliveries in found.together:
            self._gather(stream, deliveries, now)

    async def _is_needed(self, delivery: Delivery, now: int) -> bool:
        """Whether a person is still to be asked for what has waited for its turn. What goes to
        programs and to the console is always sent: it says what happened, and asks for nothing."""
        if now - delivery.created_at < WAITED or stream_of(delivery) is None:
            return True
        store = self._engine.store
        try:
            intent = await self._engine.read(store.intent, delivery.tenant, delivery.intent_id)
        except Down:
            return True
        if intent is None or not intent.terminal:
            return True
        self._results.append(delivery.but(state="sent", receipt="not needed: it was over by then"))
        return False

    def _gather(self, stream: Stream, deliveries: Sequence[Delivery], now: int) -> None:
        """Make one message of several. It is sent when it is written that it stands for them."""
        one = digest(deliveries, ids.new_id(now), now, now + _CLAIM)
        self._new.append(one)
        self._results += [
            each.but(state="sent", sent_at=now, receipt=f"in {one.id}") for each in deliveries
        ]
        self._engine.coalesced[stream.agent] += len(deliveries)
        log.warning(
            "%s asks faster than people can be told: %d requests to %s by %s go as one message",
            visible(stream.agent),
            len(deliveries),
            visible(stream.recipient),
            stream.channel,
        )

    async def _send(self, delivery: Delivery) -> None:
        """Try once, and note how it went."""
        attempts = delivery.attempts + 1
        try:
            notifier = self._notifiers.get(delivery.channel)
            if notifier is None:
                raise SendFailed(f"there is no channel {delivery.channel!r} here", permanent=True)
            async with asyncio.timeout(LONGEST_SEND):
                receipt = await notifier.send(delivery, await self._endpoint(delivery))
        except SendFailed as failure:
            self._failed(delivery, attempts, failure)
        except TimeoutError:
            late = SendFailed(f"{delivery.channel} gave no answer within {LONGEST_SEND:g} s")
            self._failed(delivery, attempts, late)
        except Exception as defect:
            log.exception("channel %s failed on delivery %s", delivery.channel, delivery.id)
            unexpected = SendFailed(f"{type(defect).__name__} in channel {delivery.channel}")
            self._failed(delivery, attempts, unexpected)
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
        kind = _DOCUMENTS.get(delivery.channel, "person")
        entries = await self._engine.read(self._engine.store.entries, delivery.tenant, kind)
        doc = next((one.doc for one in entries if one.name == delivery.recipient), None)
        if kind == "person":
            person = delivery.recipient
            known = {name: value for name, value in (doc or {}).items() if value is not None}
            return {"email": person, **known, "person": person}
        if doc is None:
            raise SendFailed(f"this {kind} was deleted", permanent=True)
        return doc

    def _failed(self, delivery: Delivery, attempts: int, failure: SendFailed) -> None:
        """Note a failure. The next channel is used at once, whatever becomes of this one."""
        self.failed += 1
        now = self._clock.now()
        changed: Delivery = delivery.but(attempts=attempts, last_error=str(failure), fallbacks=())
        if failure.permanent or attempts >= MAX_ATTEMPTS:
            self.dead += 1
            log.warning("delivery %s given up after %d tries: %s", delivery.id, attempts, failure)
            changed = changed.but(state="dead")
        else:
            wait = max(next_try(attempts, rng=random.random()), failure.retry_after or 0.0)
            changed = changed.but(next_at=now + round(wait * 1000))
        self._results.append(changed)
        if delivery.fallbacks:
            self._new.append(_fallback(delivery, now))
            log.warning(
                "%s did not take delivery %s (%s): %s is used",
                delivery.channel,
                delivery.id,
                failure,
                delivery.fallbacks[0],
            )

    async def _record(self) -> None:
        """Write what is noted; while that commits, more gathers, and goes with the next write."""
        while self._results or self._new:
            results, self._results = self._results, []
            new, self._new = self._new, []
            try:
                await self._engine.update_deliveries(results, new)
            except HoldshortError as error:
                # Not recorded is not lost: the claim runs out and the delivery goes out again.
                log.warning("%d deliveries could not be recorded: %s", len(results), error)
            else:
                self._queue.extend(new[: self._room()])
                self._work.set()


def _fallback(delivery: Delivery, now: int) -> Delivery:
    """Return the same message by the next channel."""
    body = json.loads(delivery.body)
    body["id"] = ids.new_id(now)
    body["data"]["after_failure_of"] = delivery.id
    made: Delivery = delivery.but(
        id=body["id"],
        channel=delivery.fallbacks[0],
        fallbacks=delivery.fallbacks[1:],
        body=json.dumps(body),
        attempts=0,
        created_at=now,
        next_at=now + _CLAIM,
        last_error=None,
    )
    return made
