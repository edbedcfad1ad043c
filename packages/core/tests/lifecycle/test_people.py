"""What people do, kind by kind, and what they may not."""

from __future__ import annotations

from typing import Any

import pytest

from holdshort.errors import (
    AlreadyDecided,
    Conflict,
    Forbidden,
    HoldshortError,
    InvalidRequest,
    NotAReviewer,
    StaleDigest,
    UnknownKind,
)
from holdshort.kinds import KINDS
from holdshort.lifecycle import Cancel, Claim, Decide, Delegate, Fail, Release, Supersede
from holdshort.models import Principal
from holdshort.requests import DecisionRequest

FORM = {
    "type": "object",
    "properties": {"amount": {"type": "integer"}, "note": {"type": "string"}},
    "required": ["amount"],
    "additionalProperties": False,
}


def test_there_are_eight_kinds() -> None:
    assert sorted(KINDS) == [
        "approval", "assignment", "clarification", "confirmation",
        "form", "manual_action", "override", "review",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "answer", "positive"),
    [
        ("approval", {"outcome": "approved"}, True),
        ("approval", {"outcome": "rejected"}, False),
        ("review", {"outcome": "approved"}, True),
        ("review", {"outcome": "changes_requested", "comment": "shorter"}, None),
        ("review", {"outcome": "rejected"}, False),
        ("form", {"outcome": "submitted", "data": {"amount": 5}}, True),
        ("form", {"outcome": "declined"}, False),
        ("manual_action", {"outcome": "completed"}, True),
        ("manual_action", {"outcome": "failed", "comment": "locked"}, False),
        ("override", {"outcome": "override_approved", "comment": "known"}, True),
        ("override", {"outcome": "rejected"}, False),
        ("confirmation", {"outcome": "confirmed"}, True),
        ("confirmation", {"outcome": "denied"}, False),
        ("assignment", {"outcome": "assigned", "data": {"assignee": "bo@acme.com"}}, True),
        ("assignment", {"outcome": "declined"}, False),
        ("clarification", {"outcome": "provided", "comment": "the blue one"}, True),
        ("clarification", {"outcome": "declined"}, False),
    ],
)
def test_every_outcome_of_every_kind(house: Any, kind: str, answer: Any, positive: Any) -> None:
    extra = {"human_task": {"form_schema": FORM}} if kind == "form" else {}
    intent = house.decide(house.file(task=kind, **extra), "ana", **answer)
    assert intent.status == "COMPLETED"
    assert intent.decision.positive is positive
    assert (intent.grant is not None) == (positive is True)
    assert house.events == ["decided", "completed"]


@pytest.mark.parametrize(
    ("kind", "answer", "field"),
    [
        ("approval", {"outcome": "confirmed"}, "outcome"),
        ("review", {"outcome": "changes_requested"}, "comment"),
        ("form", {"outcome": "submitted", "data": {"amount": "five"}}, "data.amount"),
        ("form", {"outcome": "submitted", "data": {"amount": 5, "x": 1}}, "data"),
        ("form", {"outcome": "submitted"}, "data"),
        ("manual_action", {"outcome": "failed"}, "comment"),
        ("override", {"outcome": "override_approved", "comment": "  "}, "comment"),
        ("assignment", {"outcome": "assigned"}, "data"),
        ("clarification", {"outcome": "provided"}, "comment"),
    ],
)
def test_an_answer_that_lacks_something_is_refused_by_field(
    house: Any, kind: str, answer: Any, field: str
) -> None:
    extra = {"human_task": {"form_schema": FORM}} if kind == "form" else {}
    with pytest.raises(InvalidRequest) as refused:
        house.decide(house.file(task=kind, **extra), "ana", **answer)
    assert refused.value.details["problems"][0]["field"] == field


def test_a_required_comment_and_evidence(house: Any) -> None:
    task = {"required_comment": True, "evidence_required": True}
    intent = house.file(human_task=task)
    with pytest.raises(InvalidRequest, match="comment"):
        house.decide(intent, "ana", "rejected")
    with pytest.raises(InvalidRequest, match="evidence"):
        house.decide(intent, "ana", "approved", comment="seen")
    evidence = [{"name": "photo", "sha256": "0" * 64}]
    done = house.decide(intent, "ana", "approved", comment="seen", evidence=evidence)
    assert done.decision.evidence == ({"name": "photo", "sha256": "0" * 64},)


def test_an_outcome_that_the_agent_invents_is_never_a_yes(house: Any) -> None:
    intent = house.file(human_task={"allowed_outcomes": ["go", "approved_by_default", "denied"]})
    assert house.decide(intent, "ana", "go").grant is None
    assert house.decide(intent, "ana", "denied").decision.positive is False


def test_unknown_kinds_and_unusable_schemas_are_refused(house: Any) -> None:
    with pytest.raises(UnknownKind, match="approval"):
        house.file(task="handshake")
    with pytest.raises(InvalidRequest, match="form_schema"):
        house.file(task="form")
    with pytest.raises(InvalidRequest, match="not fetched"):
        house.file(human_task={"form_schema": {"$ref": "http://127.0.0.1:1/x"}})
    with pytest.raises(InvalidRequest, match="JSON Schema"):
        house.file(human_task={"form_schema": {"type": "nonsense"}})


def test_a_pattern_that_explodes_elsewhere_is_quick_here(house: Any) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}
    intent = house.file(task="form", human_task={"form_schema": schema})
    with pytest.raises(InvalidRequest, match=r"does not match|x"):
        house.decide(intent, "ana", "submitted", data={"x": "a" * 50_000 + "!"})


@pytest.mark.parametrize("kind", ["agent", "service", "system"])
def test_only_people_decide(house: Any, kind: Any) -> None:
    intent = house.file()
    who = Principal(kind=kind, id="ana@acme.com", tenant="t")
    with pytest.raises(Forbidden, match="only people"):
        house.do(intent, Decide(who, DecisionRequest(outcome="approved")))


def test_who_is_not_asked_may_not_decide_and_who_left_the_team_neither(house: Any) -> None:
    with pytest.raises(NotAReviewer, match=r"ana@acme\.com"):
        house.decide(house.file(), "bo", "approved")
    intent = house.file(to="team:finance")
    house.directory = house.directory.but(teams={"finance": ("cy@acme.com",)})
    with pytest.raises(NotAReviewer):
        house.decide(intent, "bo", "approved")
    house.directory = house.directory.but(inactive=frozenset({"cy@acme.com"}))
    with pytest.raises(NotAReviewer):
        house.decide(intent, "cy", "approved")


def test_the_agents_owner_does_not_decide_what_it_asks(house: Any) -> None:
    with pytest.raises(Forbidden, match="owns the agent"):
        house.decide(house.file(to="owner@acme.com"), "owner", "approved")
    house.plan(**{"intent__pay__v1": {"separation_of_duties": False}})
    assert house.decide(house.file(to="owner@acme.com"), "owner", "approved").grant


def test_a_quorum_counts_people_once(house: Any) -> None:
    intent = house.file(to=["ana@acme.com", "team:finance"], quorum=2)
    intent = house.decide(intent, "bo", "approved")
    assert (intent.status, house.events) == ("WAITING", ["voted"])
    again = house.decide(intent, "bo", "approved")
    assert (len(again.current.votes), house.events) == (1, [])
    with pytest.raises(AlreadyDecided, match="one person counts once"):
        house.decide(intent, "bo", "rejected")
    assert house.decide(intent, "cy", "approved").status == "COMPLETED"
    assert house.decide(intent, "cy", "rejected").decision.positive is False


def test_a_chain_goes_on_after_a_yes_and_ends_with_a_no(house: Any) -> None:
    steps = [{"name": "manager", "to": "ana@acme.com"}, {"name": "finance", "to": "bo@acme.com"}]
    intent = house.file(steps=steps)
    with pytest.raises(NotAReviewer):
        house.decide(intent, "bo", "approved")
    second = house.decide(intent, "ana", "approved", step=0)
    assert (second.step, second.status, second.assigned) == (1, "WAITING", ("bo@acme.com",))
    assert second.grant is None
    assert house.decide(second, "bo", "approved").grant is not None
    assert house.decide(intent, "ana", "rejected").status == "COMPLETED"
    assert house.events[-1] == "completed"


def test_an_edit_is_a_new_digest_and_voids_earlier_yeses(house: Any) -> None:
    intent = house.file(to=["ana@acme.com", "bo@acme.com", "cy@acme.com"], quorum=2)
    voted = house.decide(intent, "ana", "approved")
    edited = house.decide(voted, "bo", "approved", arguments={"sum": 2})
    assert edited.status == "WAITING"
    assert edited.digest != intent.digest
    assert [vote.by for vote in edited.current.live_votes] == ["bo@acme.com"]
    done = house.decide(edited, "ana", "approved")
    assert done.grant.digest == edited.digest
    assert (done.decision.edited, done.edited_arguments) == (True, {"sum": 2})


def test_where_an_edit_is_refused(house: Any) -> None:
    intent = house.file()
    with pytest.raises(InvalidRequest, match="runs nothing"):
        house.decide(intent, "ana", "rejected", arguments={"sum": 2})
    with pytest.raises(StaleDigest):
        house.decide(intent, "ana", "approved", digest="0" * 64)
    chain = house.file(steps=[{"to": "ana@acme.com"}, {"to": "bo@acme.com"}])
    chain = house.decide(chain, "ana", "approved")
    with pytest.raises(Conflict, match="earlier step"):
        house.decide(chain, "bo", "approved", arguments={"sum": 2})
    house.plan(**{"intent__pay__v1": {"allow_edit": False}})
    with pytest.raises(Forbidden, match="does not let"):
        house.decide(house.file(), "ana", "approved", arguments={"sum": 2})


def test_a_claim_keeps_others_off_until_it_is_released(house: Any) -> None:
    intent = house.do(house.file(to="team:finance"), Claim(house.person("bo")))
    with pytest.raises(Conflict, match=r"bo@acme\.com"):
        house.decide(intent, "cy", "approved")
    with pytest.raises(Forbidden):
        house.do(intent, Release(house.person("cy")))
    free = house.do(intent, Release(house.person("bo")))
    assert house.decide(free, "cy", "approved").status == "COMPLETED"


def test_delegation_is_one_hop_and_never_to_the_owner(house: Any) -> None:
    intent = house.file()
    given = house.do(intent, Delegate(house.person("ana"), "bo@acme.com", "on leave"))
    assert house.told == [("asked", ("bo@acme.com",))]
    with pytest.raises(Forbidden, match="delegated to you"):
        house.do(given, Delegate(house.person("bo"), "cy@acme.com"))
    with pytest.raises(Forbidden, match="owns the agent"):
        house.do(intent, Delegate(house.person("ana"), "owner@acme.com"))
    assert house.decide(given, "bo", "approved").decision.decided_by == "person:bo@acme.com"


def test_the_first_answer_stands_and_others_hear_of_it(house: Any) -> None:
    done = house.decide(house.file(to="team:finance"), "bo", "approved")
    with pytest.raises(AlreadyDecided) as told:
        house.decide(done, "cy", "rejected")
    assert told.value.details["decision"]["decided_by"] == "person:bo@acme.com"
    assert house.decide(done, "bo", "approved") == done.but(wake_at=None)
    with pytest.raises(AlreadyDecided):
        house.decide(done, "bo", "rejected")


def test_withdrawing(house: Any) -> None:
    intent = house.file()
    assert house.do(intent, Cancel(house.agent, "no need")).status == "CANCELED"
    assert house.told == [("canceled", ("ana@acme.com",))]
    assert house.do(intent, Fail(house.agent, "disk full")).status == "FAILED"
    superseded = house.do(intent, Supersede(house.agent, by="newer"))
    assert (superseded.status, superseded.superseded_by) == ("CANCELED", "newer")
    for withdrawn in (superseded, house.do(intent, Cancel(house.agent))):
        assert withdrawn.decision is None
        with pytest.raises(HoldshortError):
            house.decide(withdrawn, "ana", "approved")
    for who in (house.person("ana"), house.agent.but(id="agent://acme/prod/other")):
        with pytest.raises(Forbidden):
            house.do(intent, Cancel(who))


def test_nobody_to_ask_is_refused(house: Any) -> None:
    house.directory = house.directory.but(default_reviewers=())
    with pytest.raises(InvalidRequest, match="nobody to ask"):
        house.file(to=[], payload={})
    with pytest.raises(InvalidRequest, match=r"payload\.reviewer"):
        house.file(payload={"reviewer": "the boss"})
