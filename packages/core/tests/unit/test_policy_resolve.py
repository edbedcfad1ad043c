from __future__ import annotations

from typing import Any

import pytest

from holdshort.errors import Forbidden, InvalidRequest
from holdshort.models import Policy, Rung
from holdshort.policy.resolve import BUILT_IN, type_policy

from .office import START, Office, refused

#: A value of each part of a policy that is not the built-in one.
OTHER_VALUES: dict[str, Any] = {
    "remind_after": 10.0,
    "remind_every": 20.0,
    "max_reminders": 7,
    "deadline": 999.0,
    "risk": "high",
    "allow_edit": False,
    "require_comment": True,
    "separation_of_duties": False,
    "grant_ttl": 60.0,
    "execution_timeout": 30.0,
}
BY_CALL = ("remind_after", "remind_every", "max_reminders", "deadline")


def policy(office: Office, **body: Any) -> Policy:
    return office.file(**body).current.policy


def test_what_holds_where_nobody_says_otherwise(office: Office) -> None:
    found = policy(office)
    assert found == Policy.model_validate(
        BUILT_IN | {"escalate": [{"after": 1800.0, "to": ("team:admins",)}]}
    )
    assert (found.remind_after, found.remind_every, found.max_reminders) == (300, 1500, 2)
    assert (found.deadline, found.fallback) == (28800, "reject")


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_the_type_comes_before_the_tenant_and_the_call_before_both(
    office: Office, name: str
) -> None:
    built_in, other = BUILT_IN[name], OTHER_VALUES[name]
    assert getattr(policy(office), name) == built_in
    office.policies({name: other})
    assert getattr(policy(office), name) == other
    office.policies({name: other}, intent__pay__v1={name: built_in})
    assert getattr(policy(office), name) == built_in
    office.policies(intent__pay__v1={name: other})
    assert getattr(policy(office), name) == other
    assert getattr(policy(office, intent_type="intent.other.v1"), name) == built_in
    if name in BY_CALL:
        assert getattr(policy(office, **{name: built_in}), name) == built_in
        assert getattr(policy(office, **{name: None}), name) == other, "null says nothing"


def test_a_step_comes_before_the_request_around_it(office: Office) -> None:
    intent = office.file(
        deadline=60,
        remind_after=5,
        steps=[{"to": "ana@acme.com", "deadline": 30}, {"to": "bo@acme.com"}],
    )
    assert [step.policy.deadline for step in intent.steps] == [30, 60]
    assert [step.policy.remind_after for step in intent.steps] == [5, 5]


@pytest.mark.parametrize(
    ("intent_type", "deadline"),
    [
        ("intent.pay.v1", 1),
        ("intent.pay.v2", 2),
        ("intent.pay.large.v1", 2),
        ("intent.other.v1", 3),
        ("elsewhere.pay.v1", 4),
    ],
)
def test_the_longest_pattern_wins(office: Office, intent_type: str, deadline: float) -> None:
    office.policies(
        {"deadline": 4},
        intent__pay__v1={"deadline": 1},
        intent__pay___any={"deadline": 2},
        intent___any={"deadline": 3},
    )
    patterns = list(office.directory.type_policies)
    assert patterns == ["intent.pay.v1", "intent.pay.*", "intent.*"]
    assert policy(office, intent_type=intent_type).deadline == deadline
    office.policies({"deadline": 4})
    assert policy(office, intent_type=intent_type).deadline == 4


def test_a_pattern_without_a_star_is_exact(office: Office) -> None:
    office.policies(intent__pay={"deadline": 1})
    assert policy(office).deadline == 28800
    assert type_policy(office.directory, "intent.pay.v1").deadline is None


def test_what_a_type_leaves_unsaid_is_as_the_tenant_says(office: Office) -> None:
    office.policies({"deadline": 4, "risk": "high"}, intent__pay__v1={"deadline": 1})
    found = policy(office)
    assert (found.deadline, found.risk) == (1, "high")


@pytest.mark.parametrize(
    ("said", "ladder"),
    [
        ({}, [(1800, ("team:admins",))]),
        ({"escalate": []}, []),
        ({"escalate": "bo@acme.com"}, [(1800, ("bo@acme.com",))]),
        ({"escalate": ["bo@acme.com", "cy@acme.com"]}, [(1800, ("bo@acme.com",)), (3600, ...)]),
        ({"escalate_after": "10m"}, [(600, ("team:admins",))]),
        ({"escalate_after": 600, "escalate": ["bo@acme.com"]}, [(600, ("bo@acme.com",))]),
        (
            {"escalate": [{"after": "1h", "to": "bo@acme.com"}, {"to": "cy@acme.com"}]},
            [(3600, ("bo@acme.com",)), (5400, ("cy@acme.com",))],
        ),
        (
            {"escalate": [["2h", "bo@acme.com"], ["1h", "cy@acme.com"]]},
            [(3600, ("cy@acme.com",)), (7200, ("bo@acme.com",))],
        ),
        ({"escalate_to": "bo@acme.com"}, [(1800, ("bo@acme.com",))]),
    ],
)
@pytest.mark.parametrize("level", ["call", "type", "tenant"])
def test_the_ladder(office: Office, said: dict[str, Any], ladder: Any, level: str) -> None:
    if level == "type":
        office.policies(intent__pay__v1=said)
    elif level == "tenant":
        office.policies(said)
    found = policy(office, **(said if level == "call" else {})).escalate
    assert [rung.after for rung in found] == [after for after, _ in ladder]
    for rung, (_, to) in zip(found, ladder, strict=True):
        assert to is ... or rung.to == to


def test_without_default_reviewers_there_is_no_default_ladder(office: Office) -> None:
    office.directory = office.directory.but(default_reviewers=())
    assert policy(office).escalate == ()


def test_only_a_policy_lets_a_timeout_approve(office: Office) -> None:
    with refused(Forbidden, "only a policy may let a timeout approve"):
        office.file(fallback="approve")
    with refused(Forbidden, "only a policy") as refusal:
        office.file(steps=[{"to": "ana@acme.com"}, {"to": "bo@acme.com", "fallback": "approve"}])
    assert refusal.value.details["field"] == "steps[1].fallback"
    office.policies(intent__pay__v1={"fallback": "approve"})
    assert policy(office).fallback == "approve"
    assert policy(office, fallback="approve").fallback == "approve"
    assert policy(office, fallback="reject").fallback == "reject"
    with refused(Forbidden, "only a policy"):
        office.file(intent_type="intent.other.v1", fallback="approve")


@pytest.mark.parametrize(
    ("standing", "said", "holds"),
    [
        ({}, {"quorum": 2}, (2, 1)),
        ({"quorum": 2}, {}, (2, 1)),
        ({"quorum": 2}, {"quorum": 1}, (2, 1)),
        ({"quorum": 2}, {"quorum": 3}, (3, 1)),
        ({"reject_quorum": 2}, {}, (1, 2)),
        ({"reject_quorum": 2}, {"reject_quorum": 1}, (1, 1)),
        ({"reject_quorum": 2}, {"reject_quorum": 3}, (1, 2)),
        ({}, {"reject_quorum": 3}, (1, 1)),
    ],
)
def test_a_call_makes_a_quorum_stricter_and_never_weaker(
    office: Office, standing: dict[str, Any], said: dict[str, Any], holds: tuple[int, int]
) -> None:
    office.policies(intent__pay__v1=standing)
    found = policy(office, to=["ana@acme.com", "team:finance"], **said)
    assert (found.quorum, found.reject_quorum) == holds


def test_a_policy_that_names_who_decides_binds_the_call(office: Office) -> None:
    office.policies(
        intent__pay__v1={"reviewers": ["bo@acme.com"], "escalate": ["role:cfo"]},
    )
    step = office.file(
        to="stranger@else.com",
        payload={"reviewer": "stranger@else.com"},
        escalate=[{"after": 1, "to": "stranger@else.com"}],
    ).current
    assert step.reviewers == ("bo@acme.com",)
    assert step.policy.escalate == (Rung(after=1800, to=("role:cfo",)),)
    chain = office.file(steps=[{"to": "stranger@else.com"}, {"to": "stranger@else.com"}])
    assert {step.reviewers for step in chain.steps} == {("bo@acme.com",)}


@pytest.mark.parametrize(
    ("said", "field", "why"),
    [
        ({"remind_after": 0.5}, "remind_after", "shortest allowed is 1 s"),
        ({"remind_after": 0}, "remind_after", "shortest allowed is 1 s"),
        ({"remind_every": "1ms"}, "remind_every", "shortest allowed is 1 s"),
        ({"remind_interval_seconds": 0}, "remind_every", "shortest allowed"),
        ({"deadline": "367d"}, "deadline", "longest allowed is 366 d"),
        ({"ttl_seconds": 10**8}, "deadline", "longest allowed"),
        ({"deadline_at": "2029-01-15T08:00:00Z"}, "deadline_at", "longest allowed is 366 d"),
        ({"deadline_at": "9999-12-31T23:59:59Z"}, "deadline_at", "longest allowed"),
        ({"deadline_at": "2027-01-15T08:00:00Z"}, "deadline_at", "already passed"),
        ({"deadline_at": "2001-01-01T00:00:00Z"}, "deadline_at", "already passed"),
        ({"deadline_at": "0001-01-01T00:00:00+14:00"}, "deadline_at", "already passed"),
    ],
)
def test_times_out_of_bounds_are_refused_by_field(
    office: Office, said: dict[str, Any], field: str, why: str
) -> None:
    with refused(InvalidRequest, why) as refusal:
        office.file(**said)
    assert refusal.value.details["problems"][0]["field"] == field


def test_a_step_out_of_bounds_is_named(office: Office) -> None:
    with refused(InvalidRequest) as refusal:
        office.file(steps=[{"to": "ana@acme.com"}, {"to": "bo@acme.com", "remind_after": 0}])
    assert refusal.value.details["problems"][0]["field"] == "steps[1].remind_after"


def test_the_bounds_themselves_are_allowed(office: Office) -> None:
    found = policy(office, remind_after=1, remind_every=1, deadline="366d")
    assert (found.remind_after, found.remind_every, found.deadline) == (1, 1, 366 * 86400)


def test_a_policy_of_the_tenant_is_not_held_to_the_bounds_of_a_call(office: Office) -> None:
    office.policies({"remind_after": 0.1, "deadline": "3000d"})
    assert policy(office).remind_after == 0.1
    assert policy(office).deadline == 3000 * 86400


@pytest.mark.parametrize("text", ["2027-01-15T08:01:00Z", "2027-01-15T10:01:00+02:00"])
def test_a_deadline_at_a_moment(office: Office, text: str) -> None:
    step = office.file(deadline_at=text).current
    assert step.policy.deadline == 60
    assert step.deadline_at == START + 60_000


def test_a_moment_is_no_deadline_for_several_steps(office: Office) -> None:
    two = [{"to": "ana@acme.com"}, {"to": "bo@acme.com"}]
    with refused(InvalidRequest, "one moment for one step"):
        office.file(steps=two, deadline_at="2027-01-15T09:00:00Z")
    office.file(steps=two[:1], deadline_at="2027-01-15T09:00:00Z")
