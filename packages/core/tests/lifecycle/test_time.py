"""What time does: reminders, escalation, deadlines, and what happens after a long sleep."""

from __future__ import annotations

from typing import Any

import pytest

from holdshort.errors import AlreadyDecided, Forbidden, InvalidRequest
from holdshort.lifecycle import Claim


def test_the_default_policy_reminds_escalates_and_times_out(house: Any) -> None:
    intent = house.file(payload={"reviewer": "cfo@company.com"})
    assert intent.assigned == ("cfo@company.com",)
    intent = house.after(intent, 299.999)
    assert house.events == []
    intent = house.after(intent, 0.001)
    assert house.told == [("reminded", ("cfo@company.com",))]
    intent = house.after(intent, 1499.999)
    assert house.events == []
    intent = house.after(intent, 0.001)
    assert house.events == ["reminder", "escalated"]
    assert house.told[1] == ("escalated", ("team:admins",))
    assert intent.assigned == ("cfo@company.com", "team:admins")
    intent = house.after(intent, 28800 - 1800 - 0.001)
    assert house.events == []
    intent = house.after(intent, 0.001)
    assert intent.status == "TIMED_OUT"
    assert intent.decision is not None
    assert (intent.decision.outcome, intent.decision.positive) == ("rejected", False)
    assert (intent.decision.decided_by, intent.decision.timed_out) == ("system:timeout", True)
    assert intent.grant is None
    assert intent.wake_at is None


def test_reminders_missed_while_nothing_ran_are_one(house: Any) -> None:
    intent = house.file(remind_after="1m", remind_every="1m", max_reminders=10, escalate=[])
    intent = house.after(intent, 5 * 60 + 30)
    assert house.events == ["reminder"]
    assert intent.current.reminded == 5
    intent = house.after(intent, 30)
    assert house.events == ["reminder"]
    assert intent.current.reminded == 6


def test_a_deadline_that_passed_while_nothing_ran_ends_it_without_reminding(house: Any) -> None:
    intent = house.after(house.file(), 48 * 3600)
    assert house.events == ["timed_out"]
    assert intent.status == "TIMED_OUT"


def test_a_ladder_climbs_rung_by_rung_and_only_adds(house: Any) -> None:
    intent = house.file(escalate=[["30m", "bo@acme.com"], ["1h", "team:finance"]], max_reminders=0)
    intent = house.after(intent, 1800)
    assert intent.assigned == ("ana@acme.com", "bo@acme.com")
    intent = house.after(intent, 1800)
    assert intent.assigned == ("ana@acme.com", "bo@acme.com", "team:finance")
    assert house.decide(intent, "cy", "approved").status == "COMPLETED"


def test_rungs_without_times_come_half_an_hour_apart(house: Any) -> None:
    intent = house.file(escalate=["bo@acme.com", "team:finance"])
    assert [rung.after for rung in intent.current.policy.escalate] == [1800, 3600]


def test_an_escalation_frees_a_claim(house: Any) -> None:
    intent = house.do(house.file(), Claim(house.person("ana")))
    assert intent.current.claimed_by == "ana@acme.com"
    assert house.after(intent, 1800).current.claimed_by is None


def test_a_decision_at_the_very_millisecond_of_the_deadline_is_too_late(house: Any) -> None:
    intent = house.after(house.file(deadline=60), 60)
    with pytest.raises(AlreadyDecided, match="system:timeout"):
        house.decide(intent, "ana", "approved")


@pytest.mark.parametrize("level", ["call", "type", "everything"])
def test_a_deadline_can_be_set_on_every_level(house: Any, level: str) -> None:
    said = {"deadline": 60.0}
    if level == "type":
        house.plan(**{"intent__pay__v1": said})
    elif level == "everything":
        house.plan(everything=said)
    intent = house.file(**(said if level == "call" else {}))
    assert intent.current.policy.deadline == 60


def test_the_call_comes_before_the_type_and_the_type_before_everything(house: Any) -> None:
    house.plan(
        everything={"deadline": 1.0, "max_reminders": 9},
        intent__={"deadline": 2.0},
        **{"intent__pay__*": {"deadline": 3.0}},
    )
    policy = house.file().current.policy
    assert (policy.deadline, policy.max_reminders) == (3.0, 9)
    assert house.file(deadline=4).current.policy.deadline == 4


def test_only_a_policy_lets_a_timeout_approve(house: Any) -> None:
    with pytest.raises(Forbidden, match="only a policy"):
        house.file(fallback="approve")
    house.plan(**{"intent__pay__v1": {"fallback": "approve"}})
    intent = house.after(house.file(), 28800)
    assert intent.status == "TIMED_OUT"
    assert intent.decision.positive
    assert intent.decision.decided_by == "system:timeout"
    assert intent.grant is not None


def test_a_call_makes_a_policy_stricter_and_not_weaker(house: Any) -> None:
    house.plan(
        **{"intent__pay__v1": {"quorum": 2, "reviewers": ["ana@acme.com", "bo@acme.com"]}},
    )
    intent = house.file(to="cy@acme.com", quorum=1, escalate=["stranger@else.com"])
    step = intent.current
    assert step.policy.quorum == 2
    assert step.reviewers == ("ana@acme.com", "bo@acme.com")
    assert [rung.to for rung in step.policy.escalate] == [("team:admins",)]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"remind_after": 0.001}, "shortest allowed"),
        ({"deadline": 400 * 86400}, "longest allowed"),
        ({"deadline_at": "2001-01-01T00:00:00Z"}, "already passed"),
        ({"quorum": 9}, "only 2 people"),
    ],
)
def test_times_and_quorums_out_of_bounds_are_refused(house: Any, said: Any, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        house.file(**said)


def test_the_protocols_names_mean_the_same(house: Any) -> None:
    policy = house.file(
        remind_after_seconds=10,
        remind_interval_seconds=20,
        max_reminders=3,
        escalate_to="bo@acme.com",
        ttl_seconds=600,
    ).current.policy
    assert (policy.remind_after, policy.remind_every, policy.deadline) == (10, 20, 600)
    assert policy.escalate[0].to == ("bo@acme.com",)
