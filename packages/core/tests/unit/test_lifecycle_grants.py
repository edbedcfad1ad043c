from __future__ import annotations

from typing import Any

import pytest

from holdshort.errors import Conflict, Forbidden, GrantRefused, OutcomeUnknown, StaleDigest
from holdshort.lifecycle import Cancel, Consume, Fail, Report, Settle

from .office import AGENT, OTHER, SERVICE, SYSTEM, Office, person, refused

DAY = 86400.0


def test_a_permit_is_used_and_reported(office: Office) -> None:
    office.approved()
    intent = office.consume()
    assert office.events == ["grant_consumed"]
    assert intent.grant is not None
    assert (intent.grant.state, intent.grant.attempt) == ("started", "a")
    assert intent.grant.run_until == intent.wake_at == office.now + 900_000
    office.now += 5000
    intent = office.report(result={"id": 7})
    assert office.events == ["reported"]
    assert intent.grant is not None
    assert (intent.grant.state, intent.grant.result) == ("done", {"id": 7})
    assert (intent.grant.reported_at, intent.wake_at) == (office.now, None)
    assert intent.status == "COMPLETED"


def test_the_same_attempt_gets_the_same_answer_for_ever(office: Office) -> None:
    office.approved()
    started = office.consume()
    assert office.consume() == started
    done = office.report()
    assert office.consume() == done
    assert office.events == []


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("started", "another attempt started at 2027-01-15T08:00:00.000Z and has not reported"),
        ("done", "already run once: done"),
        ("failed", "already run once: failed"),
    ],
)
def test_another_attempt_is_refused(office: Office, state: str, why: str) -> None:
    office.approved()
    office.consume()
    if state != "started":
        office.report(succeeded=state == "done", error="broke")
    with refused(GrantRefused, why) as refusal:
        office.consume("b")
    assert refusal.value.details["reason"] == state
    assert refusal.value.details["attempt"] == "a"


@pytest.mark.parametrize("digest", ["0" * 64, "f" * 64])
def test_what_is_not_exactly_the_approved_action_does_not_run(office: Office, digest: str) -> None:
    office.approved()
    with refused(StaleDigest, "not the action that was approved"):
        office.consume(digest=digest)
    office.consume()
    with refused(StaleDigest):
        office.consume(digest=digest)


@pytest.mark.parametrize("who", [OTHER, SERVICE, SYSTEM, person("ana")], ids=lambda w: w.actor)
def test_only_the_agent_that_asked_runs_and_reports(office: Office, who: Any) -> None:
    intent = office.approved()
    with refused(Forbidden, "only the agent that asked"):
        office.do(Consume(who, intent.digest, "a"))
    office.consume()
    with refused(Forbidden, "only the agent that asked"):
        office.do(Report(who, "a", True))


@pytest.mark.parametrize(
    ("end", "reason", "why"),
    [
        ("pending", "pending", "nobody has decided yet"),
        ("rejected", "not_approved", "not approved: rejected"),
        ("timed_out", "not_approved", "not approved: rejected"),
        ("canceled", "not_approved", "not approved: CANCELED"),
        ("failed", "not_approved", "not approved: FAILED"),
        ("voted", "pending", "nobody has decided yet"),
    ],
)
def test_nothing_runs_without_a_yes(office: Office, end: str, reason: str, why: str) -> None:
    office.file(to=["ana@acme.com", "bo@acme.com"], quorum=2)
    if end == "rejected":
        office.decide("ana", "rejected")
    elif end == "timed_out":
        office.tick(28800)
    elif end == "canceled":
        office.do(Cancel(AGENT))
    elif end == "failed":
        office.do(Fail(AGENT, "broke"))
    elif end == "voted":
        office.decide("ana")
    with refused(GrantRefused, why) as refusal:
        office.consume()
    assert refusal.value.details["reason"] == reason
    with refused(GrantRefused, why):
        office.report()


def test_a_permit_ends_by_time(office: Office) -> None:
    office.approved()
    office.now += round(DAY * 1000) - 1
    still = office.intent
    office.consume()
    office.intents[still.id] = still
    office.now += 1
    with refused(GrantRefused, "ended at 2027-01-16T08:00:00.000Z; ask again") as refusal:
        office.consume()
    assert refusal.value.details["reason"] == "expired"


def test_a_policy_sets_how_long_a_permit_and_a_run_last(office: Office) -> None:
    office.policies({"grant_ttl": 10, "execution_timeout": 20})
    intent = office.approved()
    assert intent.grant is not None
    assert intent.grant.expires_at == office.now + 10_000
    assert office.consume().wake_at == office.now + 20_000


def test_an_attempt_that_started_in_time_may_ask_again_later(office: Office) -> None:
    office.policies({"grant_ttl": 10})
    office.approved()
    office.consume()
    office.now += 60_000
    assert office.consume().grant.state == "started"  # type: ignore[union-attr]


def test_a_run_is_reported_once(office: Office) -> None:
    office.approved()
    with refused(Conflict, "does not hold the permit"):
        office.report()
    office.consume()
    with refused(Conflict, "does not hold the permit"):
        office.report("b")
    done = office.report()
    assert office.report() == done
    with refused(Conflict, "already reported: done"):
        office.report(succeeded=False)


def test_a_failed_run_has_used_the_permit(office: Office) -> None:
    office.approved()
    office.consume()
    intent = office.report(succeeded=False, error="card declined")
    assert intent.grant is not None
    assert (intent.grant.state, intent.grant.error) == ("failed", "card declined")
    assert intent.status == "COMPLETED", "the answer is still the answer"
    with refused(GrantRefused, "already run once: failed"):
        office.consume("b")


def test_a_timed_out_yes_by_policy_is_a_permit_too(office: Office) -> None:
    office.policies(intent__pay__v1={"fallback": "approve"})
    office.file()
    office.tick(28800)
    assert office.consume().grant.state == "started"  # type: ignore[union-attr]
    assert office.intent.status == "TIMED_OUT"


# A run that never reports


def lost(office: Office, **body: Any) -> str:
    """An approved intent whose run never reported; its id."""
    intent = office.approved(**body)
    office.consume()
    office.tick(900)
    return intent.id


def test_a_run_that_never_reports_becomes_a_question(office: Office) -> None:
    intent_id = lost(office, title="Pay Bo", to=["ana@acme.com", "team:finance"])
    intent = office.intents[intent_id]
    assert office.events == ["run_lost"]
    assert intent.grant is not None
    assert (intent.grant.state, intent.grant.attempt) == ("unknown", "a")
    assert intent.wake_at is None
    question = office.question(intent)
    assert question.current.reviewers == ("ana@acme.com", "team:finance")
    assert question.current.task.task_type == "confirmation"
    assert question.title == "Did this happen? Pay Bo"
    assert question.agent == "holdshort"
    assert question.settles is not None
    assert (question.settles.intent_id, question.settles.attempt) == (intent_id, "a")
    for attempt in ("a", "b"):
        with refused(OutcomeUnknown) as refusal:
            office.consume(attempt)
        assert refusal.value.details["question"] == question.id


def test_not_one_millisecond_early(office: Office) -> None:
    office.approved()
    started = office.consume()
    office.now += 899_999
    assert office.tick() == started


@pytest.mark.parametrize("answer", ["confirmed", "denied", "nobody"])
def test_a_person_settles_what_happened(office: Office, answer: str) -> None:
    intent_id = lost(office)
    question = office.question(office.intents[intent_id])
    if answer == "nobody":
        office.tick(28800, question.id)
    else:
        office.decide("ana", answer, intent_id=question.id)
    grant = office.intents[intent_id].grant
    assert grant is not None
    assert grant.state == ("open" if answer == "denied" else "done")
    settled = office.logs[intent_id][-1]
    assert settled.event_type == "intent.settled"
    who = "system:timeout" if answer == "nobody" else "person:ana@acme.com"
    assert f'"actor":"{who}"' in settled.line
    intent = office.intents[intent_id]
    run_again = Consume(AGENT, intent.digest, "b")
    if answer == "denied":
        assert office.do(run_again, intent_id).grant.attempt == "b"  # type: ignore[union-attr]
    else:
        with refused(GrantRefused, "already run once: done"):
            office.do(run_again, intent_id)


def test_a_run_that_did_not_happen_still_needs_a_permit_that_has_not_ended(office: Office) -> None:
    office.policies({"grant_ttl": 1000})
    intent_id = lost(office)
    question = office.question(office.intents[intent_id])
    office.now += 200_000
    office.decide("ana", "denied", intent_id=question.id)
    with refused(GrantRefused, "ask again"):
        office.do(Consume(AGENT, office.intents[intent_id].digest, "b"), intent_id)


def test_the_second_run_may_be_lost_as_well(office: Office) -> None:
    intent_id = lost(office)
    first = office.question(office.intents[intent_id])
    office.decide("ana", "denied", intent_id=first.id)
    office.do(Consume(AGENT, office.intents[intent_id].digest, "b"), intent_id)
    office.tick(900, intent_id)
    second = office.question(office.intents[intent_id])
    assert second.id != first.id
    assert second.settles is not None
    assert second.settles.attempt == "b"


@pytest.mark.parametrize("succeeded", [True, False])
def test_a_late_report_settles_it_and_withdraws_the_question(
    office: Office, succeeded: bool
) -> None:
    intent_id = lost(office)
    question = office.question(office.intents[intent_id])
    intent = office.do(Report(AGENT, "a", succeeded, result=7), intent_id)
    assert intent.grant is not None
    assert intent.grant.state == ("done" if succeeded else "failed")
    assert office.intents[question.id].status == "CANCELED"


def test_a_settlement_of_another_attempt_changes_nothing(office: Office) -> None:
    intent_id = lost(office)
    before = office.intents[intent_id]
    assert office.do(Settle("b", False, "person:ana@acme.com"), intent_id) == before
    office.do(Report(AGENT, "a", True), intent_id)
    before = office.intents[intent_id]
    assert office.do(Settle("a", False, "person:ana@acme.com"), intent_id) == before


def test_a_late_report_after_no_may_not_claim_the_permit_back(office: Office) -> None:
    intent_id = lost(office)
    office.decide("ana", "denied", intent_id=office.question(office.intents[intent_id]).id)
    with refused(Conflict, "does not hold the permit"):
        office.do(Report(AGENT, "a", True), intent_id)


def test_a_harmless_run_is_repeated_without_asking(office: Office) -> None:
    intent_id = lost(office, idempotent=True)
    intent = office.intents[intent_id]
    assert intent.grant is not None
    assert (intent.grant.state, intent.grant.question) == ("open", None)
    assert len(office.intents) == 1
    assert office.consume("b").grant.state == "started"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "since",
    [
        {"default_policy": {"quorum": 3}},
        {"inactive": frozenset({"ana@acme.com", "root@acme.com"})},
        {"default_reviewers": (), "inactive": frozenset({"ana@acme.com"})},
        {"teams": {}, "inactive": frozenset({"ana@acme.com"})},
        {"default_policy": {"fallback": "approve"}},
        {"type_policies": {"*": {"require_comment": True, "reject_quorum": 5}}},
        {"type_policies": {"*": {"remind_after": 0, "deadline": 0}}},
    ],
    ids=str,
)
def test_the_question_is_filed_whatever_has_changed_since(office: Office, since: Any) -> None:
    """People leave and policies change between the yes and the crash. A question that could not
    be filed would hold up the intent, and every batch that touches it, for ever."""
    office.approved()
    office.consume()
    intent_id = office.intent.id
    office.directory = office.directory.but(**since)
    office.directory.memo.clear()
    office.tick(900)
    question = office.question(office.intents[intent_id])
    office.tick(10 * 28800, question.id)
    assert office.intents[question.id].status == "TIMED_OUT"
    grant = office.intents[intent_id].grant
    assert grant is not None
    assert grant.state == "done", "nobody knows, so it is never run again"


def test_a_question_has_as_many_reviewers_as_the_intent(office: Office) -> None:
    """However they were named, as many as a request may name."""
    many = [f"p{n}@acme.com" for n in range(49)]
    intent_id = lost(office, payload={"reviewers": ["ana@acme.com", *many]})
    assert len(office.question(office.intents[intent_id]).current.reviewers) == 50


def test_a_permit_with_which_nothing_was_done_is_given_back(office: Office) -> None:
    office.approved()
    office.consume("a")
    office.report("a", succeeded=False, began=False, error="stopped")
    assert office.events == ["grant_returned"]
    assert office.intent.grant is not None
    assert office.intent.grant.state == "open"
    office.report("a", succeeded=False, began=False)
    office.consume("b")
    with refused(Conflict):
        office.report("a", succeeded=False, began=False)
    office.report("b", succeeded=True)
    with refused(Conflict):
        office.report("b", succeeded=False, began=False)
