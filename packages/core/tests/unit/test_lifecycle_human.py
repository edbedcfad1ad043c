from __future__ import annotations

import json
from typing import Any

import pytest

from holdshort.errors import (
    AlreadyDecided,
    InvalidRequest,
    NotAReviewer,
    NotPending,
)
from holdshort.lifecycle import Cancel, Comment, Decide
from holdshort.requests import DecisionRequest

from .office import AGENT, OTHER, SERVICE, SYSTEM, Office, person, refused
from .test_kinds import FORM, OUTCOMES

DATA = {"amount": 1, "assignee": "bo@acme.com"}
THREE = ["ana@acme.com", "bo@acme.com", "cy@acme.com"]
CHAIN = {"steps": [{"to": "ana@acme.com"}, {"to": "bo@acme.com"}, {"to": "cy@acme.com"}]}


def test_a_yes_completes_and_permits(office: Office) -> None:
    office.file()
    intent = office.decide("ana", comment="go")
    assert office.events == ["decided", "completed"]
    assert intent.status == "COMPLETED"
    assert intent.decision is not None
    assert intent.decision.model_dump() == {
        "intent_id": intent.id,
        "step": 0,
        "outcome": "approved",
        "positive": True,
        "decided_by": "person:ana@acme.com",
        "at": office.now,
        "via": "api",
        "digest": intent.digest,
        "comment": "go",
        "data": None,
        "evidence": (),
        "edited": False,
        "timed_out": False,
        "on_behalf_of": None,
    }
    assert intent.grant is not None
    assert (intent.grant.state, intent.grant.digest) == ("open", intent.digest)
    assert intent.grant.expires_at == office.now + 86_400_000
    assert intent.wake_at is None
    assert office.told == [("decided", ())]


@pytest.mark.parametrize(("kind", "outcome"), [(k, o) for k in OUTCOMES for o in OUTCOMES[k]])
def test_every_answer_of_every_kind(office: Office, kind: str, outcome: str) -> None:
    form = {"human_task": {"form_schema": FORM}} if kind == "form" else {}
    office.file(task=kind, **form)
    intent = office.decide("ana", outcome, comment="because", data=DATA)
    positive = outcome == OUTCOMES[kind][0]
    assert intent.status == "COMPLETED"
    assert intent.decision is not None
    assert intent.decision.positive is (None if outcome == "changes_requested" else positive)
    assert (intent.grant is not None) is positive
    assert intent.decision.data == DATA


def test_an_answer_that_lacks_something_is_refused_by_field(office: Office) -> None:
    office.file(task="form", human_task={"form_schema": FORM, "evidence_required": True})
    with refused(InvalidRequest) as refusal:
        office.decide("ana", "submitted", data={"amount": "x"})
    fields = [problem["field"] for problem in refusal.value.details["problems"]]
    assert fields == ["evidence", "data.amount"]
    intent = office.decide(
        "ana",
        "submitted",
        data={"amount": 5},
        evidence=[{"name": "scan", "sha256": "0" * 64}],
    )
    assert intent.decision is not None
    assert intent.decision.evidence == ({"name": "scan", "sha256": "0" * 64},)


def test_a_policy_may_require_a_comment(office: Office) -> None:
    office.policies({"require_comment": True})
    office.file()
    for outcome in ("approved", "rejected"):
        with refused(InvalidRequest, "needs a comment"):
            office.decide("ana", outcome)


@pytest.mark.parametrize("outcome", ["ship_it", "approved"])
def test_an_outcome_that_the_agent_invents_permits_nothing(office: Office, outcome: str) -> None:
    office.file(human_task={"allowed_outcomes": ["ship_it", "approved", "rejected"]})
    intent = office.decide("ana", outcome)
    assert intent.status == "COMPLETED"
    assert (intent.grant is not None) is (outcome == "approved")


# Several people


def test_a_quorum_of_different_people(office: Office) -> None:
    office.file(to=THREE, quorum=2)
    intent = office.decide("ana", comment="fine")
    assert office.events == ["voted"]
    assert json.loads(office.last.events[0].line)["details"] == {
        "outcome": "approved",
        "via": "api",
        "comment": "fine",
        "step": 0,
        "counted": 1,
        "needed": 2,
    }
    assert (intent.status, intent.decision, intent.grant) == ("WAITING", None, None)
    assert office.decide("ana", comment="fine") == intent, "a retry adds nothing"
    intent = office.decide("bo")
    assert intent.status == "COMPLETED"
    assert [vote.by for vote in intent.current.votes] == ["ana@acme.com", "bo@acme.com"]
    assert intent.decision is not None
    assert intent.decision.decided_by == "person:bo@acme.com"


def test_one_person_with_several_addresses_counts_once(office: Office) -> None:
    office.file(to=["bo@acme.com", "team:finance"], quorum=2)
    office.decide("bo")
    assert office.decide("bo").status == "WAITING"
    assert len(office.intent.current.votes) == 1


def test_who_has_answered_does_not_answer_again_otherwise(office: Office) -> None:
    office.file(to=THREE, quorum=2)
    office.decide("ana")
    with refused(AlreadyDecided, "you already answered 'approved'.*one person counts once"):
        office.decide("ana", "rejected")


def test_a_no_ends_it_whoever_said_yes(office: Office) -> None:
    office.file(to=THREE, quorum=3)
    office.decide("ana")
    office.decide("bo")
    intent = office.decide("cy", "rejected")
    assert (intent.status, intent.grant) == ("COMPLETED", None)
    assert intent.decision is not None
    assert intent.decision.outcome == "rejected"


def test_a_policy_may_want_more_than_one_no(office: Office) -> None:
    office.policies({"reject_quorum": 2})
    office.file(to=THREE)
    assert office.decide("ana", "rejected").status == "WAITING"
    intent = office.decide("bo", "rejected")
    assert intent.decision is not None
    assert intent.decision.positive is False


def test_another_answer_than_yes_or_no_ends_it_at_once(office: Office) -> None:
    office.file(to=THREE, quorum=3, task="review")
    office.decide("ana")
    intent = office.decide("bo", "changes_requested", comment="shorter")
    assert intent.decision is not None
    assert (intent.decision.positive, intent.decision.comment) == (None, "shorter")
    assert intent.grant is None


# Chains


def test_a_chain_goes_from_step_to_step(office: Office) -> None:
    office.file(**CHAIN)
    with refused(NotAReviewer):
        office.decide("bo")
    office.now += 60_000
    intent = office.decide("ana")
    assert office.events == ["decided", "human_task_assigned", "waiting"]
    assert (intent.status, intent.step, intent.grant) == ("WAITING", 1, None)
    assert [step.status for step in intent.steps] == ["done", "open", "pending"]
    assert intent.assigned == ("bo@acme.com",)
    assert intent.current.asked_at == office.now, "its time begins when it is asked"
    assert intent.wake_at == office.now + 300_000
    assert office.told == [("asked", ("bo@acme.com",))]
    office.decide("bo")
    intent = office.decide("cy")
    assert intent.status == "COMPLETED"
    assert intent.grant is not None
    assert [step.decision is not None for step in intent.steps] == [True] * 3


@pytest.mark.parametrize("outcome", ["rejected", "changes_requested"])
def test_anything_but_a_yes_ends_a_chain(office: Office, outcome: str) -> None:
    office.file(steps=[{"to": "ana@acme.com", "task": "review"}, {"to": "bo@acme.com"}])
    intent = office.decide("ana", outcome, comment="no")
    assert (intent.status, intent.step, intent.grant) == ("COMPLETED", 0, None)
    assert intent.steps[1].status == "pending"
    with refused(AlreadyDecided, f"{outcome} by person:ana@acme.com"):
        office.decide("bo")


def test_an_answer_meant_for_another_step_is_not_taken_for_this_one(office: Office) -> None:
    office.file(steps=[{"to": "ana@acme.com"}, {"to": "ana@acme.com"}])
    with refused(NotPending, "at step 0"):
        office.decide("ana", step=1)
    office.decide("ana", step=0)
    assert office.decide("ana", step=0).step == 1, "a retry of the first step's answer"
    with refused(AlreadyDecided):
        office.decide("ana", "rejected", step=0)
    assert office.decide("ana", step=1).status == "COMPLETED"


# The first answer stands


def test_a_repeated_answer_passes_and_adds_nothing(office: Office) -> None:
    intent = office.approved()
    office.now += 5000
    for answer in ({}, {"step": 0}, {"digest": intent.digest}, {"arguments": None}):
        assert office.decide("ana", **answer) == intent
        assert office.events == []


@pytest.mark.parametrize(
    ("who", "answer"),
    [
        ("ana", {"outcome": "rejected"}),
        ("bo", {"outcome": "approved"}),
        ("bo", {"outcome": "rejected"}),
        ("stranger", {"outcome": "approved"}),
        ("ana", {"outcome": "approved", "arguments": {"sum": 2}}),
        ("ana", {"outcome": "approved", "data": {"account": "another"}}),
    ],
)
def test_whoever_comes_later_is_told_who_was_first(
    office: Office, who: str, answer: dict[str, Any]
) -> None:
    office.file(to=["ana@acme.com", "bo@acme.com"])
    office.decide("ana")
    with refused(AlreadyDecided, "approved by person:ana@acme.com at 2027-01-15T08") as refusal:
        office.decide(who, **answer)
    assert refusal.value.details == {
        "decision": {
            "outcome": "approved",
            "decided_by": "person:ana@acme.com",
            "decided_at": "2027-01-15T08:00:00.000Z",
            "timed_out": False,
        },
        "status": "COMPLETED",
    }


def test_other_data_is_another_answer(office: Office) -> None:
    """A form filled in twice with different values: the second may not vanish without a word."""
    form = {"task": "form", "human_task": {"form_schema": FORM}}
    office.file(**form)
    intent = office.decide("ana", "submitted", data={"amount": 5})
    assert office.decide("ana", "submitted", data={"amount": 5}) == intent
    with refused(AlreadyDecided):
        office.decide("ana", "submitted", data={"amount": 6})
    office.file(to=THREE, quorum=2, **form)
    office.decide("ana", "submitted", data={"amount": 5})
    with refused(AlreadyDecided, "one person counts once"):
        office.decide("ana", "submitted", data={"amount": 6})


def test_a_retry_is_judged_by_the_step_it_is_for(office: Office) -> None:
    office.file(steps=[{"to": "ana@acme.com"}, {"to": ["ana@acme.com", "bo@acme.com"]}])
    office.decide("ana", step=0)
    intent = office.decide("ana", "rejected", step=1)
    assert office.decide("ana", step=0) == intent
    assert office.decide("ana", "rejected", step=1) == intent
    for late in ({"outcome": "rejected", "step": 0}, {"outcome": "approved", "step": 1}):
        with refused(AlreadyDecided):
            office.decide("ana", **late)


def test_who_answered_another_step_did_not_answer_this_one(office: Office) -> None:
    office.file(steps=[{"to": "ana@acme.com"}, {"to": ["ana@acme.com", "bo@acme.com"]}])
    office.decide("ana", step=0)
    office.decide("bo", step=1)
    with refused(AlreadyDecided, "by person:bo@acme.com"):
        office.decide("ana", step=1)


def test_an_answer_to_what_was_withdrawn_is_not_a_retry_of_an_earlier_step(office: Office) -> None:
    office.file(steps=[{"to": "ana@acme.com"}, {"to": "ana@acme.com"}])
    office.decide("ana")
    office.do(Cancel(AGENT))
    with refused(NotPending, "CANCELED; there is nothing to decide"):
        office.decide("ana")


def test_an_answer_after_the_deadline_is_told_so(office: Office) -> None:
    office.file()
    office.tick(28800)
    for outcome in ("approved", "rejected"):
        with refused(AlreadyDecided, "rejected by system:timeout") as refusal:
            office.decide("ana", outcome)
        assert refusal.value.details["decision"]["timed_out"] is True
        assert refusal.value.details["status"] == "TIMED_OUT"


@pytest.mark.parametrize("who", [AGENT, OTHER, SERVICE, SYSTEM], ids=lambda who: who.actor)
def test_nothing_but_a_person_repeats_an_answer(office: Office, who: Any) -> None:
    office.approved()
    ana_in_name = who.but(id="ana@acme.com")
    with refused(AlreadyDecided):
        office.do(Decide(ana_in_name, DecisionRequest(outcome="approved")))


def test_in_a_chain_the_step_has_to_be_said(office: Office) -> None:
    """Sent again after its answer was lost, it could be taken for the next step's."""
    office.file(steps=[{"to": "ana@acme.com"}, {"to": "ana@acme.com"}])
    with refused(InvalidRequest, "say which one"):
        office.do(Decide(person("ana"), DecisionRequest(outcome="approved")))
    office.decide("ana", step=0)
    office.decide("ana", step=0)
    assert office.intent.step == 1


def test_when_it_ended_does_not_change(office: Office) -> None:
    office.file()
    ended = office.do(Cancel(AGENT)).ended_at
    office.now += 5000
    office.do(Comment(person("ana"), "late"))
    assert office.intent.ended_at == ended
    assert office.intent.updated_at != ended
