from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from holdshort.requests import (
    CommentRequest,
    ConsumeRequest,
    DecisionRequest,
    DelegateRequest,
    FailRequest,
    IntentRequest,
    LeaseChange,
    LeaseRequest,
    PolicyPatch,
    ReportRequest,
    Request,
    RungRequest,
    TenantPolicy,
    address,
)

TYPE = "intent.pay.v1"


def asked(**body: Any) -> IntentRequest:
    return IntentRequest.model_validate({"intent_type": TYPE} | body)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("ana@acme.com", "ana@acme.com"),
        (" Ana@ACME.com ", "ana@acme.com"),
        ("team:Finance", "team:finance"),
        ("role:cfo", "role:cfo"),
        ("team:a.b_c-d1", "team:a.b_c-d1"),
        ("a+b@x", "a+b@x"),
    ],
)
def test_an_address_has_one_form(said: str, meant: str) -> None:
    assert address(said) == meant
    assert address(meant) == meant


@pytest.mark.parametrize(
    "said",
    [
        "",
        "ana",
        "@acme.com",
        "ana@",
        "ana@acme@com",
        "ana acme@x.com",
        "ana@acme.com\nbo@acme.com",
        "team:",
        "team:-x",
        "team:a b",
        "group:x",
        "role:a:b",
        "team:" + "a" * 64,
        "a" * 65 + "@x",
        "a@" + "x" * 191,
    ],
)
def test_what_is_no_address_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="is no reviewer"):
        address(said)


def test_whoever_is_named_twice_is_asked_once() -> None:
    assert asked(to=["ana@x", "bo@x", "Ana@X"]).to == ("ana@x", "bo@x")


@given(st.text())
def test_an_address_is_stable_or_refused(said: str) -> None:
    try:
        found = address(said)
    except ValueError:
        return
    assert address(found) == found


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"remind_after_seconds": 10}, {"remind_after": 10}),
        ({"remind_interval_seconds": 10}, {"remind_every": 10}),
        ({"escalate_to": "bo@acme.com"}, {"escalate": "bo@acme.com"}),
        ({"ttl_seconds": 10}, {"deadline": 10}),
        ({"step_deadline_seconds": 10}, {"deadline": 10}),
    ],
)
@pytest.mark.parametrize("where", ["request", "step", "policy"])
def test_the_intent_protocols_names_mean_the_same(
    theirs: dict[str, Any], ours: dict[str, Any], where: str
) -> None:
    def read(said: dict[str, Any]) -> Any:
        if where == "policy":
            return TenantPolicy.model_validate(said)
        return asked(**said) if where == "request" else asked(steps=[said])

    assert read(theirs) == read(ours)
    with pytest.raises(ValidationError, match="say the same thing; send one of them"):
        read(theirs | ours)


@pytest.mark.parametrize(
    "both",
    [
        {"ttl_seconds": 1, "step_deadline_seconds": 1},
        {"deadline": "5m", "deadline_at": "2030-01-01T00:00:00Z"},
        {"ttl_seconds": 60, "deadline_at": "2030-01-01T00:00:00Z"},
    ],
)
def test_two_spellings_of_one_thing_are_refused(both: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="say the same thing"):
        asked(**both)


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (IntentRequest, {"intent_type": TYPE}),
        (IntentRequest, {"intent_type": TYPE, "steps": [{"to": "a@x", "unknown": 1}]}),
        (IntentRequest, {"intent_type": TYPE, "human_task": {"unknown": 1}}),
        (IntentRequest, {"intent_type": TYPE, "action": {"tool": "t", "unknown": 1}}),
        (IntentRequest, {"intent_type": TYPE, "escalate": [{"to": "a@x", "unknown": 1}]}),
        (PolicyPatch, {}),
        (TenantPolicy, {}),
        (DecisionRequest, {"outcome": "approved"}),
        (DecisionRequest, {"outcome": "approved", "evidence": [{"name": "x", "unknown": 1}]}),
        (DelegateRequest, {"to": "a@x"}),
        (CommentRequest, {"text": "x"}),
        (FailRequest, {"error": "x"}),
        (ConsumeRequest, {"digest": "0" * 64, "attempt_id": "a"}),
        (ReportRequest, {"attempt_id": "a", "succeeded": True}),
        (LeaseRequest, {"worker": "w", "intent_types": [TYPE]}),
        (LeaseChange, {"worker": "w", "epoch": 1}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_an_unknown_field_is_refused_by_name(model: type[Request], body: dict[str, Any]) -> None:
    if "unknown" not in str(body):
        model.model_validate(body)
        body = body | {"unknown": 1}
    with pytest.raises(ValidationError, match="Extra inputs") as refusal:
        model.model_validate(body)
    assert [found["loc"][-1] for found in refusal.value.errors()] == ["unknown"]


@pytest.mark.parametrize("field", ["decided_by", "actor", "tenant", "by", "via", "reviewer"])
def test_an_answer_cannot_say_who_decides(field: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        DecisionRequest.model_validate({"outcome": "approved", field: "cfo@acme.com"})


@pytest.mark.parametrize("field", ["risk", "allow_edit", "separation_of_duties", "grant_ttl"])
def test_a_call_cannot_say_what_only_a_policy_may(field: str) -> None:
    TenantPolicy.model_validate({field: {"risk": "low", "grant_ttl": 5}.get(field, True)})
    with pytest.raises(ValidationError, match="Extra inputs"):
        asked(**{field: "low"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"intent_type": "pay"}, "intent_type"),
        ({"intent_type": "intent.pay"}, "intent_type"),
        ({"intent_type": "intent.Pay.v1"}, "intent_type"),
        ({"intent_type": "intent.pay.v1\n"}, "intent_type"),
        ({"to": ["ana"]}, "to"),
        ({"to": ["a@x"] * 51}, "to"),
        ({"to": 5}, "to"),
        ({"remind_after": True}, "remind_after"),
        ({"remind_after": "soon"}, "remind_after"),
        ({"deadline": -1}, "deadline"),
        ({"deadline": "20000d"}, "deadline"),
        ({"deadline": 10**400}, "deadline"),
        ({"max_reminders": -1}, "max_reminders"),
        ({"max_reminders": 1001}, "max_reminders"),
        ({"quorum": 0}, "quorum"),
        ({"quorum": 51}, "quorum"),
        ({"reject_quorum": 0}, "reject_quorum"),
        ({"fallback": "maybe"}, "fallback"),
        ({"escalate": 5}, "escalate"),
        ({"escalate": [{"after": "1h"}]}, "escalate"),
        ({"escalate": ["a@x"] * 21}, "escalate"),
        ({"title": "x" * 256}, "title"),
        ({"description": "x" * 10_001}, "description"),
        ({"payload": []}, "payload"),
        ({"steps": [{"to": "a@x"}] * 21}, "steps"),
        ({"human_task": {"allowed_outcomes": ["Yes!"]}}, "human_task"),
        ({"human_task": {"allowed_outcomes": ["a"] * 21}}, "human_task"),
        ({"action": {"tool": ""}}, "action"),
        ({"action": {"tool": "t", "arguments": [1]}}, "action"),
        ({"deadline_at": "tomorrow"}, "deadline_at"),
        ({"resume": "later"}, "resume"),
    ],
)
def test_a_wrong_value_is_refused_by_its_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        asked(**body)
    assert refusal.value.errors()[0]["loc"][0] == field


def test_a_deadline_needs_a_time_zone() -> None:
    with pytest.raises(ValidationError, match="needs a time zone"):
        asked(deadline_at="2030-01-01T00:00:00")


@pytest.mark.parametrize(
    "beside", [{"to": "a@x"}, {"task": "review"}, {"human_task": {"title": "x"}}]
)
def test_with_steps_nothing_is_said_beside_them(beside: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="in each step, not beside them"):
        asked(steps=[{"to": "a@x"}], **beside)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("a@x", [(None, ("a@x",))]),
        (["a@x", "team:b"], [(None, ("a@x",)), (None, ("team:b",))]),
        ({"after": "1h", "to": "a@x"}, [(3600.0, ("a@x",))]),
        ([{"after": 60, "to": ["a@x", "b@x"]}], [(60.0, ("a@x", "b@x"))]),
        ([("30m", "a@x"), ["1h", ["b@x"]]], [(1800.0, ("a@x",)), (3600.0, ("b@x",))]),
        ([], []),
    ],
)
def test_how_a_ladder_may_be_written(said: Any, meant: Any) -> None:
    assert [(rung.after, rung.to) for rung in asked(escalate=said).escalate or ()] == meant
    assert RungRequest(to="a@x").after is None


def test_durations_in_every_spelling() -> None:
    for said in (300, 300.0, "300", "5m", timedelta(minutes=5)):
        assert asked(deadline=said).deadline == 300.0
    assert asked(deadline=None).deadline is None


@pytest.mark.parametrize(
    "body",
    [
        {"outcome": ""},
        {"outcome": "Approved"},
        {"outcome": "approved "},
        {"outcome": "a" * 64},
        {"outcome": 1},
        {"outcome": "approved", "digest": "0" * 63},
        {"outcome": "approved", "digest": "G" * 64},
        {"outcome": "approved", "step": -1},
        {"outcome": "approved", "arguments": []},
        {"outcome": "approved", "data": "x"},
        {"outcome": "approved", "evidence": [{"name": "x", "sha256": "short"}]},
        {"outcome": "approved", "evidence": [{"url": "x"}]},
        {},
    ],
)
def test_an_answer_that_is_not_one(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DecisionRequest.model_validate(body)
