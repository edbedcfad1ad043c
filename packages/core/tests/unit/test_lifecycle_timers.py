from __future__ import annotations

from typing import Any

import pytest

from holdshort.errors import AlreadyDecided, NotPending
from holdshort.lifecycle import Cancel

from .office import AGENT, START, Office, refused

HOUR = 3600.0


def fired(office: Office) -> list[tuple[float, str]]:
    """Run the clock from one due moment to the next, to the end; what happened when, in seconds."""
    seen = []
    while office.intent.wake_at is not None:
        wake = office.intent.wake_at
        office.now = wake - 1
        before = office.intent
        if before.updated_at < wake:
            assert office.tick() == before, "something happened before it was due"
            assert (office.last.events, office.last.notices) == ((), ())
        office.now = wake
        office.tick()
        seen += [((wake - START) / 1000, name) for name in office.events]
        assert office.intent.wake_at is None or office.intent.wake_at > wake
    return seen


def test_the_default_policy_from_asking_to_the_end(office: Office) -> None:
    office.file()
    assert fired(office) == [
        (300, "reminder"),
        (1800, "reminder"),
        (1800, "escalated"),
        (28800, "timed_out"),
    ]
    intent = office.intent
    assert intent.status == "TIMED_OUT"
    assert intent.assigned == ()
    assert intent.current.assigned == ("ana@acme.com", "team:admins")
    assert intent.grant is None
    assert intent.decision is not None
    assert intent.decision.model_dump(exclude={"intent_id", "digest"}) == {
        "step": 0,
        "outcome": "rejected",
        "positive": False,
        "decided_by": "system:timeout",
        "at": START + 28_800_000,
        "via": "timer",
        "comment": None,
        "data": None,
        "evidence": (),
        "edited": False,
        "timed_out": True,
        "on_behalf_of": None,
    }


@pytest.mark.parametrize(
    ("body", "times"),
    [
        (
            {"remind_after": 10, "remind_every": 20, "max_reminders": 3, "escalate": []},
            [(10, "reminder"), (30, "reminder"), (50, "reminder"), (100, "timed_out")],
        ),
        ({"max_reminders": 0, "escalate": []}, [(100, "timed_out")]),
        (
            {"max_reminders": 0, "escalate": [[30, "bo@acme.com"], [60, "team:finance"]]},
            [(30, "escalated"), (60, "escalated"), (100, "timed_out")],
        ),
        ({"remind_after": 100, "escalate": []}, [(100, "timed_out")]),
        (
            {"remind_after": 99.999, "escalate": []},
            [(99.999, "reminder"), (100, "timed_out")],
        ),
        ({"remind_after": 200, "escalate": [[200, "bo@acme.com"]]}, [(100, "timed_out")]),
        ({"max_reminders": 0, "escalate": [[0, "bo@acme.com"]]}, [(0, "escalated"), (100, ...)]),
    ],
)
def test_what_is_due_when(office: Office, body: dict[str, Any], times: Any) -> None:
    office.file(deadline=100, **body)
    found = fired(office)
    assert [at for at, _ in found] == [at for at, _ in times]
    for (_, name), (_, wanted) in zip(found, times, strict=True):
        assert wanted in (..., name)


def test_who_is_told(office: Office) -> None:
    office.file(to=["ana@acme.com", "bo@acme.com"], escalate=[[1800, "cy@acme.com"]])
    office.tick(300)
    assert office.told == [("reminded", ("ana@acme.com", "bo@acme.com"))]
    office.claim("ana")
    office.tick(1500)
    assert office.told == [("reminded", ("ana@acme.com",)), ("escalated", ("cy@acme.com",))]
    office.tick(28800)
    assert office.told == [("timed_out", ("ana@acme.com", "bo@acme.com", "cy@acme.com"))]


def test_who_was_escalated_to_may_decide_and_who_was_asked_still_may(office: Office) -> None:
    for who in ("ana", "bo"):
        office.file(escalate=["bo@acme.com"])
        office.tick(1800)
        assert office.decide(who).status == "COMPLETED"


def test_reminders_missed_in_48_hours_are_one(office: Office) -> None:
    office.file(deadline="7d", remind_every=600, max_reminders=1000, escalate=[])
    intent = office.tick(48 * HOUR)
    assert office.events == ["reminder"]
    assert office.told == [("reminded", ("ana@acme.com",))]
    assert intent.current.reminded == 288
    assert intent.current.remind_at is not None
    assert intent.current.remind_at > office.now


def test_rungs_missed_in_48_hours_are_all_climbed(office: Office) -> None:
    office.file(deadline="7d", escalate=["bo@acme.com", "role:cfo", "team:admins"])
    intent = office.tick(48 * HOUR)
    assert office.events == ["reminder", "escalated", "escalated", "escalated"]
    assert intent.current.level == 3
    assert intent.assigned == ("ana@acme.com", "bo@acme.com", "role:cfo", "team:admins")


def test_a_deadline_missed_in_48_hours_ends_it_without_reminding(office: Office) -> None:
    office.file()
    office.tick(48 * HOUR)
    assert office.events == ["timed_out"]
    assert [reason for reason, _ in office.told] == ["timed_out"]
    assert office.intent.current.reminded == 0
    assert office.tick() == office.intent
    assert office.events == []


def test_a_fallback_of_approve_goes_on_in_a_chain_and_ends_as_timed_out(office: Office) -> None:
    office.policies(intent__pay__v1={"fallback": "approve", "escalate": [], "max_reminders": 0})
    office.file(steps=[{"to": "ana@acme.com"}, {"to": "bo@acme.com"}])
    intent = office.tick(28800)
    assert office.events == ["step_timed_out", "human_task_assigned", "waiting"]
    assert (intent.status, intent.step, intent.grant) == ("WAITING", 1, None)
    assert intent.steps[0].decision is not None
    assert intent.steps[0].decision.timed_out
    assert intent.current.deadline_at == office.now + 28_800_000
    assert office.told == [("asked", ("bo@acme.com",))]
    intent = office.tick(28800)
    assert (intent.status, intent.decision.positive) == ("TIMED_OUT", True)  # type: ignore[union-attr]
    assert intent.grant is not None


def test_a_person_decides_a_chain_whose_first_step_timed_out(office: Office) -> None:
    office.policies(intent__pay__v1={"fallback": "approve"})
    office.file(steps=[{"to": "ana@acme.com"}, {"to": "bo@acme.com"}])
    office.tick(28800)
    intent = office.decide("bo")
    assert intent.status == "COMPLETED"
    assert intent.decision is not None
    assert not intent.decision.timed_out
    with refused(AlreadyDecided, "system:timeout"):
        office.decide("ana", step=0)


def test_a_rejecting_timeout_ends_a_chain(office: Office) -> None:
    office.file(steps=[{"to": "ana@acme.com"}, {"to": "bo@acme.com"}])
    intent = office.tick(28800)
    assert (intent.status, intent.step) == ("TIMED_OUT", 0)
    assert intent.steps[1].status == "pending"


@pytest.mark.parametrize(
    ("kind", "no"),
    [("approval", "rejected"), ("confirmation", "denied"), ("assignment", "declined")],
)
def test_a_timeout_answers_in_the_words_of_the_kind(office: Office, kind: str, no: str) -> None:
    office.file(task=kind)
    decision = office.tick(28800).decision
    assert decision is not None
    assert decision.outcome == no


@pytest.mark.parametrize("first", ["person", "time"])
def test_a_decision_in_the_very_millisecond_of_the_deadline(office: Office, first: str) -> None:
    """Whoever is applied first wins and the other is told; there are never two endings."""
    office.file()
    office.now = office.intent.current.deadline_at or 0
    if first == "person":
        intent = office.decide("ana")
        assert intent.status == "COMPLETED"
        assert office.tick() == intent
    else:
        office.tick()
        with refused(AlreadyDecided, "system:timeout"):
            office.decide("ana")
        assert office.intent.status == "TIMED_OUT"
    names = [event.event_type for event in office.logs[office.intent.id]]
    assert names.count("intent.completed") + names.count("intent.timed_out") == 1


def test_nothing_is_due_after_the_end(office: Office) -> None:
    office.file()
    office.do(Cancel(AGENT))
    assert office.intent.wake_at is None
    before = office.intent
    assert office.tick(10 * 28800) == before
    with refused(NotPending, "CANCELED"):
        office.decide("ana")


def test_a_clock_set_back_fires_nothing_and_the_record_goes_on(office: Office) -> None:
    office.file()
    office.tick(300)
    before = office.intent
    office.now -= 3_600_000
    assert office.tick() == before
    intent = office.claim("ana")
    assert intent.updated_at == before.updated_at
    assert office.last.events[0].at == before.updated_at
    assert office.decide("ana").decision.at == before.updated_at  # type: ignore[union-attr]


def test_a_clock_set_on_and_back_repeats_nothing(office: Office) -> None:
    office.file()
    office.tick(1800)
    reminded = office.intent.current.reminded
    office.now -= 1_800_000
    for _ in range(6):
        office.tick(300)
    assert office.intent.current.reminded == reminded == 2
    assert office.intent.current.level == 1


def test_votes_do_not_stop_the_time(office: Office) -> None:
    office.file(to=["ana@acme.com", "bo@acme.com"], quorum=2)
    office.decide("ana")
    intent = office.tick(28800)
    assert intent.status == "TIMED_OUT"
    assert intent.decision is not None
    assert intent.decision.positive is False
