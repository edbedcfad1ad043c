"""Figures of deciding, over real intents at known times."""

from __future__ import annotations

import pytest

from holdshort.server.figures import DAY, Figures, Times, figures, times_of

from .house import AGENT, ANA, BO, House

pytestmark = pytest.mark.anyio


async def over(house: House, days: int = 30) -> Figures:
    return await figures(house.engine, "default", days)


@pytest.mark.parametrize(
    ("took", "p50", "p95"),
    [
        ([], 0, 0),
        ([5], 5, 5),
        ([4, 1, 3, 2], 2, 4),
        (list(range(1, 101)), 50, 95),
        (list(range(1, 22)), 11, 20),
    ],
)
def test_percentiles_are_values_that_were_measured(took: list[int], p50: int, p95: int) -> None:
    assert times_of(took) == Times(len(took), p50, p95)


async def test_nothing_yet(house: House) -> None:
    found = await over(house)
    assert (found.overall.count, found.reviewers, found.by_day) == (0, [], [])


async def test_time_to_decision_by_type_and_person(house: House) -> None:
    for seconds in (10, 20, 60):
        asked = await house.ask(payload={"n": seconds})
        house.clock.advance(seconds)
        await house.decide(asked)
    slow = await house.ask(intent_type="intent.slow.v1", to=BO)
    house.clock.advance(3600)
    await house.decide(slow, "rejected", key=house.bo)
    waiting = await house.ask(to=[ANA, BO], payload={"n": 4})
    found = await over(house)
    assert found.overall == Times(4, 20_000, 3_600_000)
    assert dict(found.by_type)["intent.slow.v1"] == Times(1, 3_600_000, 3_600_000)
    assert sum(times.count for _, times in found.by_day) == 4
    ana, bo = found.reviewers
    assert (ana.person, ana.answers, ana.waiting, ana.yes_rate) == (ANA, 3, 1, 1.0)
    assert (bo.person, bo.answers, bo.waiting, bo.yes_rate) == (BO, 1, 1, 0.0)
    assert (ana.times.p50, ana.fast_rate) == (20_000, 0.0)
    assert waiting


async def test_a_timeout_is_nobodys_decision(house: House) -> None:
    await house.ask(deadline=60)
    house.clock.advance(61)
    await house.holdshort.tick()
    found = await over(house)
    assert (found.timed_out, found.overall.count, found.reviewers) == (1, 0, [])


async def test_answers_faster_than_reading(house: House) -> None:
    """Attack 51: what was asked an hour ago and clicked away in a second counts as that second."""
    asked = [await house.ask(payload={"n": n, "text": "x" * 1000}) for n in range(4)]
    house.clock.advance(3600)
    for one in asked:
        house.clock.advance(1)
        await house.decide(one)
    (ana,) = (await over(house)).reviewers
    assert (ana.answers, ana.fast) == (4, 3)  # of the first one nothing is known
    assert ana.times.p50 > 3_600_000
    assert ana.reading is not None
    assert ana.reading > 900


async def test_a_held_answer_counts_when_it_was_given(house: House) -> None:
    asked = await house.ask()
    house.clock.advance(2)
    await house.decide(asked, undo_seconds=10)
    house.clock.advance(11)
    await house.holdshort.tick()
    found = await over(house)
    assert found.reviewers[0].times.p50 == 2_000
    assert found.reviewers[0].fast == 1
    assert found.overall.p50 > 10_000


async def test_what_is_asked_again_and_again(house: House) -> None:
    for _ in range(3):
        await house.ask(payload={"same": True})
    last = await house.ask(payload={"same": True})
    await house.ask(payload={"same": False})
    (repeat,) = (await over(house)).repeats
    assert (repeat.agent, repeat.count, repeat.newest) == (AGENT, 4, last)


async def test_only_the_period_counts(house: House) -> None:
    await house.decide(await house.ask())
    house.clock.advance(8 * DAY / 1000)
    await house.decide(await house.ask(payload={"n": 2}))
    assert (await over(house, 7)).overall.count == 1
    assert (await over(house, 30)).overall.count == 2


async def test_only_the_tenants_own_count(house: House) -> None:
    agent = await house.key("agent", "agent://other/production/x", tenant="other")
    await house.ask(agent, to="eve@other.com")
    assert (await over(house)).intents == 0
