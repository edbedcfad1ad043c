"""What people do beside deciding: claim, release, delegate, comment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdshort.errors import (
    Conflict,
    Forbidden,
    NotAReviewer,
    NotPending,
)
from holdshort.lifecycle import Claim, Comment, Delegate, Release
from holdshort.models import Intent

from .office import AGENT, OTHER, OWNER, SERVICE, SYSTEM, Office, person, refused

THREE = ["ana@acme.com", "bo@acme.com", "cy@acme.com"]


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


def test_a_claim_of_who_has_left_keeps_nobody_off(office: Office) -> None:
    office.file(to=THREE)
    office.claim("ana")
    office.directory = office.directory.but(inactive=frozenset({"ana@acme.com"}), _memo={})
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
