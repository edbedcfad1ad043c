"""The store's contract, second part: what is due, what is leased, what is sent, who is woken."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence

from holdshort.clock import FakeClock
from holdshort.lifecycle import TakeLease
from holdshort.store.base import Changes, Delivery, Ref, Store
from holdshort.testing._store_samples import (
    AGENT,
    TENANT,
    TYPE,
    agent,
    decided,
    delivery,
    filed,
    ref,
    the,
    then,
    write,
)

#: How long a notification may take before the test has failed (seconds).
PATIENCE = 20.0


class QueueContract:
    """What is due, what is leased, what is sent, who is woken."""

    def test_a_new_database_is_empty_and_sound(self, store: Store) -> None:
        assert store.migrate() == []
        assert store.integrity() == []
        assert store.next_timer() is None
        assert store.next_delivery() is None
        assert store.last_event_at() == 0
        assert store.counts() == {}
        assert store.tenants() == []

    def test_time_is_the_clocks_and_stands_still(self, store: Store, clock: FakeClock) -> None:
        with store.transaction() as tx:
            began = tx.now()
            assert began == clock.now()
            clock.advance(60)
            assert tx.now() == began
        with store.transaction() as tx:
            assert tx.now() == began + 60_000

    def test_what_is_due_comes_earliest_first(self, store: Store, clock: FakeClock) -> None:
        minutes = [3, 1, 2, 24]
        for number, minute in enumerate(minutes):
            write(store, filed(clock.now(), intent_id=str(number), remind_after=minute * 60))
        start = clock.now()
        assert store.next_timer() == start + 60_000
        with store.transaction() as tx:
            assert tx.due(start + 60_000 - 1, 10) == []
            assert tx.due(start + 60_000, 10) == [(TENANT, "1")]
            assert tx.due(start + 3 * 60_000, 10) == [
                (TENANT, "1"), (TENANT, "2"), (TENANT, "0"),
            ]  # fmt: skip
            assert tx.due(start + 3 * 60_000, 2) == [(TENANT, "1"), (TENANT, "2")]

    def test_nothing_is_due_on_what_was_decided(self, store: Store, clock: FakeClock) -> None:
        changes = filed(clock.now())
        write(store, changes, decided(the(changes), clock.now()))
        assert store.next_timer() is None
        with store.transaction() as tx:
            assert tx.due(clock.now() + 10**12, 10) == []

    def test_workers_get_what_was_decided_for_them(self, store: Store, clock: FakeClock) -> None:
        asked = {
            "plain": filed(clock.now(), resume="worker"),
            "other agent": filed(clock.now(), resume="worker", by="agent://acme/production/x"),
            "other tenant": filed(clock.now(), resume="worker", tenant="globex"),
            "other type": filed(clock.now(), resume="worker", intent_type="intent.other.v1"),
            "waits itself": filed(clock.now()),
        }
        undecided = filed(clock.now(), resume="worker")
        write(store, *asked.values(), undecided)
        for changes in asked.values():
            clock.advance(1)
            write(store, decided(the(changes), clock.now()))
        now = clock.now()
        with store.transaction() as tx:
            assert tx.leasable(TENANT, AGENT, [TYPE], now, 10) == [ref(the(asked["plain"]))]
            both = tx.leasable(TENANT, AGENT, [TYPE, "intent.other.v1"], now, 10)
            assert both == [ref(the(asked["plain"])), ref(the(asked["other type"]))]
            assert len(tx.leasable(TENANT, AGENT, [TYPE, "intent.other.v1"], now, 1)) == 1
            assert tx.leasable(TENANT, AGENT, [], now, 10) == []
            assert tx.leasable(TENANT, AGENT, [TYPE], now - 60_000, 10) == []

    def test_what_is_leased_comes_back_when_the_lease_runs_out(
        self, store: Store, clock: FakeClock
    ) -> None:
        changes = filed(clock.now(), resume="worker")
        decision = decided(the(changes), clock.now())
        taken = then(the(decision), TakeLease(agent(), "w1", 60.0), clock.now())
        write(store, changes, decision, taken)
        with store.transaction() as tx:
            assert tx.leasable(TENANT, AGENT, [TYPE], clock.now(), 10) == []
            later = clock.now() + 60_000
            assert tx.leasable(TENANT, AGENT, [TYPE], later, 10) == [ref(the(changes))]

    def test_a_delivery_is_read_back(self, store: Store, clock: FakeClock) -> None:
        one = delivery(clock.now())
        write(store, Changes(deliveries=[one]))
        assert store.delivery(TENANT, one.id) == one
        assert store.deliveries(TENANT) == [one]
        assert store.next_delivery() == one.next_at

    def test_a_delivery_is_claimed_by_one(
        self, store: Store, other: Store, clock: FakeClock
    ) -> None:
        now = clock.now()
        soon, late = delivery(now, next_at=now - 1), delivery(now, next_at=now + 60_000)
        write(store, Changes(deliveries=[soon, late]))
        until = now + 30_000
        with store.transaction() as tx:
            assert tx.claim_deliveries(now, until, 10) == [soon.but(next_at=until)]
        with other.transaction() as tx:
            assert tx.claim_deliveries(now, until, 10) == []
        assert other.next_delivery() == until
        # Whoever claimed it died: it is taken over.
        with other.transaction() as tx:
            taken = tx.claim_deliveries(until, until + 30_000, 10)
        assert [d.id for d in taken] == [soon.id]

    def test_deliveries_are_claimed_in_the_order_of_their_turn(
        self, store: Store, clock: FakeClock
    ) -> None:
        now = clock.now()
        waiting = [delivery(now, next_at=now - age) for age in (1, 3, 2)]
        write(store, Changes(deliveries=waiting))
        claimed = []
        for _ in waiting:
            with store.transaction() as tx:
                claimed += tx.claim_deliveries(now, now + 1, 1)
        assert [d.id for d in claimed] == [waiting[i].id for i in (1, 2, 0)]

    def test_how_a_try_went_is_recorded(self, store: Store, clock: FakeClock) -> None:
        now = clock.now()
        sent, failed, dead = (delivery(now) for _ in range(3))
        write(store, Changes(deliveries=[sent, failed, dead]))
        after = [
            sent.but(state="sent", attempts=1, sent_at=now + 5),
            failed.but(attempts=2, next_at=now + 9000, last_error="500 \U0001f6e9 '%s'"),
            dead.but(state="dead", attempts=8, last_error="410 Gone"),
        ]
        with store.transaction() as tx:
            tx.update_deliveries(after)
        assert [store.delivery(TENANT, d.id) for d in after] == after
        assert store.next_delivery() == now + 9000
        with store.transaction() as tx:
            claimed = tx.claim_deliveries(now + 10**9, now + 10**9, 10)
        assert [d.id for d in claimed] == [failed.id]
        assert store.counts() == {
            "deliveries.sent": 1, "deliveries.pending": 1, "deliveries.dead": 1,
        }  # fmt: skip

    def test_an_answer_with_a_nul_in_it_is_recorded_too(
        self, store: Store, clock: FakeClock
    ) -> None:
        one = delivery(clock.now())
        write(store, Changes(deliveries=[one]))
        with store.transaction() as tx:
            tx.update_deliveries([one.but(attempts=1, last_error="500: \0 oops")])
        found = store.delivery(TENANT, one.id)
        assert found is not None
        assert found.attempts == 1
        assert found.last_error is not None
        assert found.last_error.endswith("oops")

    def test_updating_no_delivery_is_no_error(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.update_deliveries([])

    def test_deliveries_are_listed_newest_first(self, store: Store, clock: FakeClock) -> None:
        rows: list[Delivery] = []
        for number in range(4):
            intent_id = "a" if number % 2 else "b"
            state = "sent" if number > 1 else "pending"
            row = delivery(clock.now(), id=f"d{number}", intent_id=intent_id)
            write(store, Changes(deliveries=[row]))
            with store.transaction() as tx:
                tx.update_deliveries([row.but(state=state)])
            rows.append(row)

        def listed(**filters: str) -> list[str]:
            return [d.id for d in store.deliveries(TENANT, **filters)]  # type: ignore[arg-type]

        assert listed() == ["d3", "d2", "d1", "d0"]
        assert listed(intent_id="a") == ["d3", "d1"]
        assert listed(state="pending") == ["d1", "d0"]
        assert listed(state="sent", intent_id="b") == ["d2"]
        assert listed(before="d2") == ["d1", "d0"]
        assert [d.id for d in store.deliveries(TENANT, limit=1)] == ["d3"]

    def test_what_there_is_is_counted(self, store: Store, clock: FakeClock) -> None:
        one, two = filed(clock.now()), filed(clock.now(), tenant="globex")
        write(store, one, two)
        clock.advance(5)
        write(store, decided(the(one), clock.now()))
        write(store, Changes(deliveries=[delivery(clock.now())]))
        assert store.counts() == {
            "intents.WAITING": 1, "intents.COMPLETED": 1, "deliveries.pending": 1,
        }  # fmt: skip
        assert store.last_event_at() == clock.now()

    def test_another_stores_commit_wakes(
        self, store: Store, other: Store, clock: FakeClock
    ) -> None:
        changes = filed(clock.now())
        with _heard(other) as heard:
            write(store, changes)
            heard.wait_for(ref(the(changes)))
            write(store, decided(the(changes), clock.now()))
            heard.wait_for(ref(the(changes)))

    def test_many_at_once_wake(self, store: Store, other: Store, clock: FakeClock) -> None:
        batch = Changes()
        for _ in range(300):
            one = filed(clock.now())
            batch.created += one.created
            batch.events += one.events
        with _heard(other) as heard:
            write(store, batch)
            heard.wait_for(*(ref(new.intent) for new in batch.created))

    def test_watching_ends(self, store: Store, other: Store, clock: FakeClock) -> None:
        with _heard(other) as heard:
            first = filed(clock.now())
            write(store, first)
            heard.wait_for(ref(the(first)))
        heard.forget()
        write(store, filed(clock.now()))
        with _heard(other) as again:
            last = filed(clock.now())
            write(store, last)
            again.wait_for(ref(the(last)))
        assert heard.empty()


class _heard:
    """What a store's watch has told so far."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: queue.SimpleQueue[Sequence[Ref] | None] = queue.SimpleQueue()
        self._end: Callable[[], None] | None = None

    def __enter__(self) -> _heard:
        self._end = self._store.watch(self._queue.put)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._end is not None
        self._end()

    def wait_for(self, *refs: Ref) -> None:
        """Wait until these were named, or until it was said that it could be any."""
        missing = set(refs)
        while missing:
            told = self._queue.get(timeout=PATIENCE)
            missing = set() if told is None else missing - set(told)

    def forget(self) -> None:
        while not self._queue.empty():
            self._queue.get()

    def empty(self) -> bool:
        return self._queue.empty()

    def test_deliveries_are_found_by_channel_and_counted(
        self, store: Store, clock: FakeClock
    ) -> None:
        now = clock.now()
        old = delivery(now - 10, id="1")
        mail = [delivery(now, id=name).but(channel="email") for name in ("2", "3")]
        hook = delivery(now, id="4").but(channel="webhook", recipient="ledger", state="dead")
        sent = delivery(now, id="5").but(channel="email", state="sent", sent_at=now + 7)
        write(store, Changes(deliveries=[old, *mail, hook, sent]))
        found = store.deliveries(TENANT, channel="email", limit=2)
        assert [one.id for one in found] == ["5", "3"]
        assert store.deliveries(TENANT, channel="email", state="sent") == [sent]
        counts = [
            (one.channel, one.endpoint, one.state, one.count, one.last_at)
            for one in store.delivery_counts(TENANT, now)
        ]
        assert counts == [
            ("email", "", "pending", 2, now),
            ("email", "", "sent", 1, now + 7),
            ("webhook", "ledger", "dead", 1, now),
        ]
        assert store.delivery_counts("other", 0) == []
