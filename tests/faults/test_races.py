"""Two at once, on two replicas of one database: one wins, and the other is told who."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from holdshort.clock import FakeClock
from holdshort.errors import AlreadyDecided, GrantRefused, NotPending
from holdshort.models import DEFAULT_TENANT

from .replicas import ANA, BEN, Counted, Replica, replica

ROUNDS = 40
TYPE = "intent.data.export.v1"


class Pair:
    """Two replicas with one clock between them."""

    def __init__(self, one: Replica, two: Replica, clock: FakeClock, posted: Counted) -> None:
        self.one, self.two, self.clock, self.posted = one, two, clock, posted


@asynccontextmanager
async def pair(database: str) -> AsyncIterator[Pair]:
    clock, posted = FakeClock(), Counted()
    channels = {"console": posted}
    async with (
        replica(database, clock, notifiers=channels) as one,
        replica(database, clock, notifiers=channels) as two,
    ):
        yield Pair(one, two, clock, posted)


def with_pair(database: str, story: Callable[[Pair], Awaitable[None]]) -> None:
    async def run() -> None:
        async with pair(database) as both:
            await asyncio.wait_for(story(both), 60)

    asyncio.run(run())


def test_two_deciders(database: str) -> None:
    async def story(both: Pair) -> None:
        ana, ben = both.one.person(ANA), both.two.person(BEN)
        winners: Counter[str | None] = Counter()
        for number in range(ROUNDS):
            intent_id = await both.one.agent.send_intent(TYPE, to=[ANA, BEN])
            answers = [ana.submit(intent_id, "approved"), ben.submit(intent_id, "rejected")]
            if number % 2:
                answers.reverse()
            said = await asyncio.gather(*answers, return_exceptions=True)
            (lost,) = [one for one in said if isinstance(one, BaseException)]
            (won,) = [one for one in said if isinstance(one, dict)]
            assert isinstance(lost, AlreadyDecided), lost
            assert lost.details["decision"]["decided_by"] == won["decision"]["decided_by"]
            first = await both.one.agent.wait_for(intent_id, timeout=5)
            second = await both.two.agent.wait_for(intent_id, timeout=5)
            assert first == second
            assert first.decided_by == won["decision"]["decided_by"]
            assert first.approved == (first.decided_by == f"person:{ANA}")
            assert len(both.one.log(intent_id, "intent.decided")) == 1
            winners[first.decided_by] += 1
        assert sum(winners.values()) == ROUNDS

    with_pair(database, story)


def test_a_decision_against_the_deadline(database: str) -> None:
    async def story(both: Pair) -> None:
        ana = both.one.person(ANA)

        async def time_is_up(after: float) -> None:
            ends = time.perf_counter() + after
            while time.perf_counter() < ends:
                await asyncio.sleep(0)
            both.clock.advance(0.001)
            await both.two.holdshort.timers.tick()

        longest = 0.0
        for _ in range(5):
            intent_id = await both.one.agent.send_intent(TYPE, to=ANA)
            started = time.perf_counter()
            await ana.submit(intent_id, "approved")
            longest = max(longest, time.perf_counter() - started)
        ends = Counter[str]()
        for number in range(ROUNDS):
            intent_id = await both.one.agent.send_intent(TYPE, to=ANA, deadline=60)
            both.clock.advance(59.999)
            said = await asyncio.gather(
                ana.submit(intent_id, "approved"),
                # Each round a little later: from long before the answer to well after it.
                time_is_up(3 * longest * number / ROUNDS),
                return_exceptions=True,
            )
            lost = [one for one in said if isinstance(one, BaseException)]
            decision = await both.two.agent.wait_for(intent_id, timeout=5)
            ends[decision.status] += 1
            ended = ("intent.completed", "intent.timed_out")
            assert sum(len(both.one.log(intent_id, name)) for name in ended) == 1
            if decision.timed_out:
                (error,) = lost
                assert isinstance(error, AlreadyDecided), error
                assert error.details["decision"]["decided_by"] == "system:timeout"
                assert not decision.approved
            else:
                assert lost == []
                assert decision.approved
                assert decision.decided_by == f"person:{ANA}"
        assert set(ends) == {"COMPLETED", "TIMED_OUT"}, "neither side should always win"

    with_pair(database, story)


def test_a_withdrawal_against_a_decision(database: str) -> None:
    async def story(both: Pair) -> None:
        ana = both.two.person(ANA)
        for number in range(ROUNDS):
            intent_id = await both.one.agent.send_intent(TYPE, to=ANA)
            race = [both.one.agent.cancel(intent_id), ana.submit(intent_id, "approved")]
            if number % 2:
                race.reverse()
            said = await asyncio.gather(*race, return_exceptions=True)
            (lost,) = [one for one in said if isinstance(one, BaseException)]
            decision = await both.one.agent.wait_for(intent_id, timeout=5)
            assert decision == await both.two.agent.wait_for(intent_id, timeout=5)
            assert isinstance(lost, NotPending), lost
            assert lost.details["status"] == decision.status
            assert decision.approved == (decision.status == "COMPLETED")
            ended = ("intent.completed", "intent.canceled")
            assert sum(len(both.one.log(intent_id, name)) for name in ended) == 1

    with_pair(database, story)


def test_the_same_timers_on_two_replicas(database: str) -> None:
    async def story(both: Pair) -> None:
        intents = [
            await both.one.agent.send_intent(TYPE, to=ANA, remind_after=60, deadline=120)
            for _ in range(100)
        ]
        for event_type, seconds in (("intent.reminder", 60), ("intent.timed_out", 60)):
            both.clock.advance(seconds)
            timers = (both.one.holdshort.timers, both.two.holdshort.timers)
            # Twice each: a pass that finds a row held by the other leaves it to the other.
            await asyncio.gather(*(timer.tick() for timer in (*timers, *timers)))
            await asyncio.gather(*(timer.tick() for timer in timers))
            assert [len(both.one.log(one, event_type)) for one in intents] == [1] * 100
        reasons = Counter(
            one.reason for one in both.one.store.deliveries(DEFAULT_TENANT, limit=500)
        )
        assert reasons == {"asked": 100, "reminded": 100, "timed_out": 100}

    with_pair(database, story)


def test_the_same_post_on_two_replicas(database: str) -> None:
    async def story(both: Pair) -> None:
        # As after a crash: what is left over belongs to nobody any more.
        for _ in range(60):
            await both.one.agent.send_intent(TYPE, to=ANA)
        both.one.holdshort.outbox._queue.clear()
        both.clock.advance(31)
        boxes = (both.one.holdshort.outbox, both.two.holdshort.outbox)
        await asyncio.gather(*(box.tick() for box in boxes))
        assert len(both.posted.sent) == 60
        assert set(Counter(both.posted.sent).values()) == {1}
        states = Counter(one.state for one in both.one.store.deliveries(DEFAULT_TENANT, limit=99))
        assert states == {"sent": 60}

    with_pair(database, story)


def test_fifty_executors_of_one_grant(database: str) -> None:
    async def story(both: Pair) -> None:
        for _ in range(5):
            intent_id = await both.one.agent.send_intent(TYPE, to=ANA)
            await both.two.person(ANA).approve(intent_id)
            digest = (await both.one.agent.wait_for(intent_id, timeout=5)).digest
            agents = [both.one.agent, both.two.agent] * 25
            said = await asyncio.gather(
                *(one.consume(intent_id, digest, f"try-{n}") for n, one in enumerate(agents)),
                return_exceptions=True,
            )
            (permit,) = [one for one in said if isinstance(one, dict)]
            assert permit["run"]
            refused = [one for one in said if isinstance(one, GrantRefused)]
            assert len(refused) == 49
            for one in refused:
                assert one.details["reason"] == "started"
                assert one.details["attempt"] == permit["attempt_id"]
            assert len(both.one.log(intent_id, "intent.grant_consumed")) == 1

    with_pair(database, story)


def test_two_workers_lease(database: str) -> None:
    async def story(both: Pair) -> None:
        filed = set()
        for _ in range(30):
            intent_id = await both.one.agent.send_intent(TYPE, to=ANA, resume="worker")
            await both.two.person(ANA).approve(intent_id)
            filed.add(intent_id)
        leased: list[str] = []
        while len(leased) < len(filed):
            taken = await asyncio.gather(
                *(
                    one.lease(f"worker-{number}", [TYPE], limit=7)
                    for number, one in enumerate((both.one.agent, both.two.agent))
                )
            )
            assert any(taken)
            leased += [job["intent_id"] for jobs in taken for job in jobs]
        assert Counter(leased) == Counter(filed)

    with_pair(database, story)
