"""Held answers: nothing comes of them until their time is up; they can be taken back."""

from __future__ import annotations

from typing import Any

import pytest

from holdshort.errors import Conflict, Forbidden, InvalidRequest, NotPending
from holdshort.lifecycle import Cancel, Tick, Undo
from holdshort.models import Intent

from .office import AGENT, Office, person, refused

TWO = ["ana@acme.com", "bo@acme.com"]
PAY = {"action": {"tool": "pay", "arguments": {"sum": 1}}}


def hold(office: Office, outcome: str = "approved", who: str = "ana", **answer: Any) -> Intent:
    return office.decide(who, outcome, undo_seconds=10, **answer)


def later(office: Office, seconds: float) -> Intent:
    office.now += round(seconds * 1000)
    return office.do(Tick())


def test_nothing_comes_of_it_yet(office: Office) -> None:
    office.file(**PAY)
    intent = hold(office)
    assert office.events == ["answer_held"]
    assert (intent.status, intent.grant, intent.current.votes) == ("WAITING", None, ())
    assert intent.wake_at == office.now + 10_000


def test_it_takes_effect_when_its_time_is_up(office: Office) -> None:
    office.file(**PAY)
    hold(office, comment="fine")
    assert later(office, 9.999).status == "WAITING"
    intent = later(office, 0.001)
    assert office.events == ["decided", "completed"]
    assert intent.decision is not None
    assert intent.grant is not None
    assert (intent.decision.decided_by, intent.decision.comment) == ("person:ana@acme.com", "fine")


def test_it_can_be_taken_back(office: Office) -> None:
    office.file(**PAY)
    hold(office, arguments={"sum": 2})
    intent = office.do(Undo(person("ana")))
    assert office.events == ["answer_undone"]
    assert (intent.current.held, intent.edited_arguments) == (None, None)
    assert later(office, 60).status == "WAITING"
    assert office.decide("ana", "rejected").status == "COMPLETED"


def test_an_edit_takes_effect_with_it(office: Office) -> None:
    before = office.file(**PAY)
    held = hold(office, arguments={"sum": 2})
    assert held.digest == before.digest
    intent = later(office, 10)
    assert intent.edited_arguments == {"sum": 2}
    assert intent.digest != before.digest


def test_only_its_giver_takes_it_back(office: Office) -> None:
    office.file(to=TWO)
    hold(office)
    with refused(Forbidden, "only ana@acme.com"):
        office.do(Undo(person("bo")))
    with refused(Forbidden):
        office.do(Undo(AGENT))


def test_too_late_to_take_back(office: Office) -> None:
    office.file()
    with refused(NotPending):
        office.do(Undo(person("ana")))
    hold(office)
    later(office, 10)
    with refused(NotPending, "it has taken effect"):
        office.do(Undo(person("ana")))


@pytest.mark.parametrize("who", ["ana", "bo"])
def test_nobody_answers_beside_it(office: Office, who: str) -> None:
    office.file(to=TWO)
    hold(office)
    with refused(Conflict, "unless they take it back") as refusal:
        office.decide(who, "rejected")
    assert refusal.value.details["held_by"] == "ana@acme.com"


def test_the_same_answer_again_is_a_retry(office: Office) -> None:
    office.file()
    intent = hold(office)
    assert hold(office) == intent
    done = later(office, 10)
    assert hold(office) == done


def test_what_is_wrong_is_said_at_once(office: Office) -> None:
    office.file(human_task={"required_comment": True})
    with refused(InvalidRequest, "comment"):
        hold(office)
    assert office.intent.current.held is None


def test_the_deadline_does_not_overtake_it(office: Office) -> None:
    office.file(deadline=60)
    office.now += 59_000
    hold(office)
    assert later(office, 5).status == "WAITING"
    assert later(office, 5).status == "COMPLETED"


def test_after_a_long_sleep_it_is_what_counts(office: Office) -> None:
    office.file(deadline=60)
    hold(office)
    intent = later(office, 10_000)
    assert intent.status == "COMPLETED"


def test_a_withdrawal_ends_it(office: Office) -> None:
    office.file()
    hold(office)
    intent = office.do(Cancel(AGENT))
    assert (intent.status, intent.current.held) == ("CANCELED", None)
    with refused(NotPending):
        office.do(Undo(person("ana")))


def test_who_has_left_meanwhile_has_not_decided(office: Office) -> None:
    office.file(to=TWO)
    hold(office)
    office.directory = office.directory.but(inactive=frozenset({"ana@acme.com"}))
    intent = later(office, 10)
    assert office.events == ["answer_dropped"]
    assert (intent.status, intent.current.held) == ("WAITING", None)


def test_a_vote_among_several_is_held_too(office: Office) -> None:
    office.file(to=TWO, quorum=2)
    hold(office)
    later(office, 10)
    assert office.events == ["voted"]
    assert office.decide("bo").status == "COMPLETED"
