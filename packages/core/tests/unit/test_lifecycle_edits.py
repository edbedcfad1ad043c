"""What a reviewer was shown, and what becomes of arguments that they change."""

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
    StaleDigest,
)
from holdshort.lifecycle import Consume

from .office import AGENT, Office, refused

THREE = ["ana@acme.com", "bo@acme.com", "cy@acme.com"]
PAY = {"action": {"tool": "pay", "arguments": {"sum": 1}}}


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
