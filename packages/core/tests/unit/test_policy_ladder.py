from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdshort.models import HumanTask, Policy, Step
from holdshort.policy.ladder import escalate, next_due, open_step, remind
from holdshort.policy.resolve import BUILT_IN

from .office import START


def step(**policy: Any) -> Step:
    fields = {name: value for name, value in BUILT_IN.items() if name in Policy.model_fields}
    return Step(
        name="s",
        task=HumanTask(),
        policy=Policy.model_validate(fields | {"escalate": ()} | policy),
        reviewers=("ana@acme.com",),
    )


def rungs(*afters: float) -> list[dict[str, Any]]:
    return [{"after": after, "to": (f"r{n}@acme.com",)} for n, after in enumerate(afters)]


def test_opening_a_step_starts_its_time() -> None:
    opened = open_step(step(escalate=rungs(1800)), START)
    assert (opened.status, opened.assigned, opened.asked_at) == ("open", ("ana@acme.com",), START)
    assert opened.remind_at == START + 300_000
    assert opened.escalate_at == START + 1_800_000
    assert opened.deadline_at == START + 28_800_000
    assert next_due(opened) == opened.remind_at


def test_nothing_is_due_on_a_step_that_is_not_open() -> None:
    assert next_due(step()) is None
    assert next_due(open_step(step(), START).but(status="done")) is None


def test_no_reminders_and_no_ladder() -> None:
    opened = open_step(step(max_reminders=0), START)
    assert opened.remind_at is None
    assert opened.escalate_at is None
    assert next_due(opened) == opened.deadline_at
    assert open_step(step(remind_after=None), START).remind_at is None


def test_an_escalation_adds_whoever_is_not_asked_yet() -> None:
    ladder = [{"after": 1, "to": ("ana@acme.com", "bo@acme.com")}, {"after": 5, "to": ("cy@x",)}]
    opened = open_step(step(escalate=ladder), START).but(claimed_by="ana@acme.com")
    once = escalate(opened)
    assert once.assigned == ("ana@acme.com", "bo@acme.com")
    assert once.claimed_by is None
    assert once.escalate_at == START + 5000
    twice = escalate(once)
    assert twice.assigned == ("ana@acme.com", "bo@acme.com", "cy@x")
    assert (twice.level, twice.escalate_at) == (2, None)


seconds = st.floats(0, 10_000)


@given(
    first=seconds,
    every=st.floats(0, 5000),
    most=st.integers(0, 20),
    ladder=st.lists(seconds, max_size=4).map(sorted),
    jumps=st.lists(st.integers(0, 5_000_000), max_size=10),
)
def test_whatever_the_times_the_ladder_ends(
    first: float, every: float, most: int, ladder: list[float], jumps: list[int]
) -> None:
    """Reminders are at most as many as planned, none is early, and missed ones count as one."""
    policy = {"remind_after": first, "remind_every": every, "max_reminders": most}
    one = open_step(step(escalate=rungs(*ladder), **policy), START)
    now, said = START, 0
    for jump in jumps:
        now += jump
        if one.remind_at is not None and one.remind_at <= now:
            before, one, said = one, remind(one, now), said + 1
            assert one.reminded > before.reminded
            assert one.remind_at is None or one.remind_at > now
            due = START + round((first + (one.reminded - 1) * every) * 1000)
            assert due <= now, "a reminder that is not due yet was counted"
        while one.escalate_at is not None and one.escalate_at <= now:
            before, one = one, escalate(one)
            assert one.level == before.level + 1
            assert set(before.assigned) <= set(one.assigned)
    assert said <= one.reminded <= most
    assert one.level <= len(ladder)
