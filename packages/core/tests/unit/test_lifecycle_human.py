from __future__ import annotations

import json
from typing import Any

import pytest

from holdshort.digest import action_digest
from holdshort.errors import (
    AlreadyDecided,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotAReviewer,
    NotPending,
    StaleDigest,
)
from holdshort.lifecycle import Cancel, Claim, Comment, Consume, Decide, Delegate, Release
from holdshort.models import Intent
from holdshort.requests import DecisionRequest

from .office import AGENT, OTHER, OWNER, SERVICE, SYSTEM, Office, person, refused
from .test_kinds import FORM, OUTCOMES

DATA = {"amount": 1, "assignee": "bo@acme.com"}
THREE = ["ana@acme.com", "bo@acme.com", "cy@acme.com"]
CHAIN = {"steps": [{"to": "ana@acme.com"}, {"to": "bo@acme.com"}, {"to": "cy@acme.com"}]}
PAY = {"action": {"tool": "pay", "arguments": {"sum": 1}}}


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


# What was shown and what is edited


def test_a_stale_digest_is_refused(office: Office) -> None:
    intent = office.file(to=THREE, quorum=2, **PAY)
    office.decide("ana", arguments={"sum": 2}, digest=intent.digest)
    with refused(StaleDigest) as refusal:
        office.decide("bo", digest=intent.digest)
    assert refusal.value.details == {"shown": intent.digest, "stored": office.intent.digest}
    assert office.decide("bo", digest=office.intent.digest).status == "COMPLETED"


def test_an_edit_is_a_new_digest_and_what_is_permitted(office: Office) -> None:
    before = office.file(**PAY, environment="prod")
    intent = office.decide("ana", arguments={"sum": 2})
    assert office.events == ["edited", "decided", "completed"]
    new = action_digest(tool="pay", arguments={"sum": 2}, agent=AGENT.id, environment="prod")
    assert intent.digest == new != before.digest
    assert intent.edited_arguments == {"sum": 2}
    assert intent.decision is not None
    assert intent.grant is not None
    assert (intent.decision.edited, intent.decision.digest, intent.grant.digest) == (True, new, new)
    details = json.loads(office.last.events[0].line)["details"]
    assert details == {"before": before.digest, "arguments": {"sum": 2}}
    with refused(StaleDigest):
        office.do(Consume(AGENT, before.digest, "a"))
    office.do(Consume(AGENT, new, "a"))


@pytest.mark.parametrize("same", [{"sum": 1}, {"sum": 1.0}])
def test_arguments_that_say_the_same_are_no_edit(office: Office, same: Any) -> None:
    before = office.file(**PAY)
    intent = office.decide("ana", arguments=same)
    assert (intent.digest, intent.edited_arguments) == (before.digest, None)
    assert intent.decision is not None
    assert intent.decision.edited is False


def test_an_edit_voids_the_yeses_to_what_was_before(office: Office) -> None:
    office.file(to=THREE, quorum=2, **PAY)
    office.decide("ana")
    intent = office.decide("bo", arguments={"sum": 2})
    assert office.events == ["edited", "voted"]
    assert intent.status == "WAITING"
    assert [vote.void for vote in intent.current.votes] == [True, False]
    intent = office.decide("ana")
    assert intent.status == "COMPLETED"
    assert {vote.digest for vote in intent.current.live_votes} == {intent.digest}


def test_a_no_stands_whatever_is_edited(office: Office) -> None:
    office.policies({"reject_quorum": 2})
    office.file(to=THREE, **PAY, quorum=2)
    office.decide("ana", "rejected")
    intent = office.decide("bo", arguments={"sum": 2})
    assert [vote.void for vote in intent.current.votes] == [False, False]
    with refused(AlreadyDecided, "you already answered 'rejected'"):
        office.decide("ana", arguments={"sum": 3})
    assert office.intent == intent
    assert office.decide("cy", "rejected").status == "COMPLETED"


def test_who_said_yes_may_edit_afterwards(office: Office) -> None:
    office.file(to=THREE, quorum=2, **PAY)
    office.decide("ana")
    intent = office.decide("ana", arguments={"sum": 2})
    assert [vote.void for vote in intent.current.votes] == [True, False]
    assert intent.status == "WAITING"


def test_the_retry_of_an_edit_passes(office: Office) -> None:
    before = office.file(to=THREE, quorum=2, **PAY)
    edit = {"arguments": {"sum": 2}, "digest": before.digest}
    intent = office.decide("ana", **edit)
    assert office.decide("ana", **edit) == intent
    done = office.decide("bo", digest=intent.digest)
    assert office.decide("ana", **edit) == done


@pytest.mark.parametrize(
    ("error", "why", "policy", "answer"),
    [
        (InvalidRequest, "come with a yes", {}, {"outcome": "rejected"}),
        (Forbidden, "does not let reviewers edit", {"allow_edit": False}, {}),
        (InvalidRequest, "exact JSON", {}, {"arguments": {"sum": float("nan")}}),
    ],
)
def test_where_an_edit_is_refused(
    office: Office, error: Any, why: str, policy: dict[str, Any], answer: dict[str, Any]
) -> None:
    office.policies(policy)
    office.file(**PAY)
    with refused(error, why):
        office.decide("ana", **({"arguments": {"sum": 2}} | answer))


def test_a_later_step_cannot_edit_what_an_earlier_one_approved(office: Office) -> None:
    office.file(steps=[{"to": "ana@acme.com"}, {"to": "bo@acme.com"}], **PAY)
    office.decide("ana", arguments={"sum": 2})
    with refused(Conflict, "earlier step has approved"):
        office.decide("bo", arguments={"sum": 3})
    intent = office.decide("bo", arguments={"sum": 2})
    assert intent.decision is not None
    assert intent.decision.edited, "the answer tells that it is not what was asked"
    assert intent.edited_arguments == {"sum": 2}


# Claims, delegation, remarks


def test_a_claim_keeps_others_off(office: Office) -> None:
    office.file(to=THREE)
    intent = office.claim("ana")
    assert office.events == ["claimed"]
    assert intent.current.claimed_by == "ana@acme.com"
    assert office.claim("ana") == intent
    for attempt in (lambda: office.claim("bo"), lambda: office.decide("bo")):
        with refused(Conflict, "ana@acme.com has") as refusal:
            attempt()
        assert refusal.value.details == {"claimed_by": "ana@acme.com"}
    with refused(Forbidden, "only they can give it back"):
        office.do(Release(person("bo")))
    assert office.decide("ana").status == "COMPLETED"


def test_a_claim_is_given_back(office: Office) -> None:
    office.file(to=THREE)
    office.claim("ana")
    intent = office.do(Release(person("ana")))
    assert office.events == ["released"]
    assert intent.current.claimed_by is None
    assert office.do(Release(person("bo"))) == intent, "nothing to release"
    assert office.decide("bo").status == "COMPLETED"


def test_an_escalation_frees_a_claim(office: Office) -> None:
    office.file(to=THREE)
    office.claim("ana")
    assert office.tick(1800).current.claimed_by is None
    assert office.decide("bo").status == "COMPLETED"


def test_a_delegation_adds_somebody_who_may_decide(office: Office) -> None:
    office.file()
    office.claim("ana")
    intent = office.do(Delegate(person("ana"), "bo@acme.com", "I am away"))
    assert office.events == ["delegated"]
    assert office.told == [("asked", ("bo@acme.com",))]
    assert intent.assigned == ("ana@acme.com", "bo@acme.com")
    assert intent.current.delegated == (("ana@acme.com", "bo@acme.com"),)
    assert intent.current.claimed_by is None
    details = json.loads(office.last.events[0].line)["details"]
    assert details == {"step": 0, "to": "bo@acme.com", "comment": "I am away"}
    assert office.decide("bo").status == "COMPLETED"


def test_a_delegation_by_somebody_else_leaves_a_claim(office: Office) -> None:
    office.file(to=["ana@acme.com", "bo@acme.com"])
    office.claim("ana")
    assert office.delegate("bo", "new@acme.com").current.claimed_by == "ana@acme.com"


@pytest.mark.parametrize(
    ("who", "to", "error", "why"),
    [
        ("bo", "cy@acme.com", Forbidden, "may not be delegated again"),
        ("ana", OWNER, Forbidden, "owns the agent"),
        ("ana", "ana@acme.com", Conflict, "already asked"),
        ("cy", "new@acme.com", NotAReviewer, "is not asked"),
    ],
)
def test_which_delegations_are_refused(
    office: Office, who: str, to: str, error: Any, why: str
) -> None:
    office.file()
    office.delegate("ana", "bo@acme.com")
    with refused(error, why):
        office.delegate(who, to)


def test_a_delegation_said_twice_is_one(office: Office) -> None:
    office.file()
    before = office.delegate("ana", "bo@acme.com")
    assert office.delegate("ana", "bo@acme.com") == before
    assert office.events == []


def test_a_delegation_does_not_multiply_votes(office: Office) -> None:
    office.file(to=["bo@acme.com", "ana@acme.com"], quorum=2)
    office.delegate("bo", "team:finance")
    office.decide("bo")
    assert office.decide("bo").status == "WAITING"


def test_a_delegation_holds_for_its_step_only(office: Office) -> None:
    office.file(steps=[{"to": "ana@acme.com"}, {"to": "bo@acme.com"}])
    office.delegate("ana", "new@acme.com")
    office.decide("new")
    with refused(NotAReviewer):
        office.decide("new")


@pytest.mark.parametrize("who", [AGENT, SERVICE, person("ana")], ids=lambda who: who.kind)
def test_a_remark_decides_nothing(office: Office, who: Any) -> None:
    before = office.file()
    intent = office.do(Comment(who, "approved!"))
    assert office.events == ["commented"]
    assert office.told == [("commented", ())]
    assert (intent.status, intent.steps, intent.wake_at) == (
        before.status,
        before.steps,
        before.wake_at,
    )


@pytest.mark.parametrize("who", [OTHER, person("stranger")], ids=lambda who: who.kind)
def test_who_has_no_part_in_it_makes_no_remarks(office: Office, who: Any) -> None:
    office.file()
    with pytest.raises(Forbidden):
        office.do(Comment(who, "hello"))


ENDED = {
    "claim": Claim(person("ana")),
    "release": Release(person("ana")),
    "delegate": Delegate(person("ana"), "bo@acme.com"),
}


@pytest.mark.parametrize("what", ENDED)
def test_nothing_is_taken_or_handed_on_after_the_end(office: Office, what: str) -> None:
    intent = office.approved()
    with refused(NotPending, "COMPLETED"):
        office.do(ENDED[what])
    assert isinstance(office.intent, Intent)
    assert office.intent == intent


@pytest.mark.parametrize("what", ENDED)
@pytest.mark.parametrize("who", [AGENT, SERVICE, SYSTEM], ids=lambda who: who.kind)
def test_only_people_take_and_hand_on(office: Office, what: str, who: Any) -> None:
    office.file()
    command = ENDED[what]
    rest = [command.to] if isinstance(command, Delegate) else []
    with refused(Forbidden, "only people decide"):
        office.do(type(command)(who, *rest))
