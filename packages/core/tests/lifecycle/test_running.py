"""The permit to act, and decided intents in the hands of workers."""

from __future__ import annotations

from typing import Any

import pytest

from holdshort.errors import (
    Conflict,
    Forbidden,
    GrantRefused,
    LeaseLost,
    NotPending,
    OutcomeUnknown,
    StaleDigest,
)
from holdshort.lifecycle import (
    Cancel,
    Consume,
    EndLease,
    RenewLease,
    Report,
    Settle,
    Supersede,
    TakeLease,
    Tick,
)
from holdshort.models import Intent


def approved(house: Any, **body: Any) -> Intent:
    intent: Intent = house.decide(house.file(**body), "ana", "approved")
    return intent


def test_one_attempt_runs_and_its_retry_gets_the_same_answer(house: Any) -> None:
    intent = approved(house)
    started = house.do(intent, Consume(house.agent, intent.digest, "a"))
    assert house.events == ["grant_consumed"]
    again = house.do(started, Consume(house.agent, intent.digest, "a"))
    assert (again.grant, house.events) == (started.grant, [])
    with pytest.raises(GrantRefused) as refused:
        house.do(started, Consume(house.agent, intent.digest, "b"))
    assert refused.value.details["reason"] == "started"


def test_what_is_not_exactly_the_approved_action_does_not_run(house: Any) -> None:
    intent = approved(house)
    with pytest.raises(StaleDigest):
        house.do(intent, Consume(house.agent, "0" * 64, "a"))
    other = house.agent.but(id="agent://acme/prod/other")
    with pytest.raises(Forbidden):
        house.do(intent, Consume(other, intent.digest, "a"))
    for who in (house.person("ana"), house.agent.but(kind="service")):
        with pytest.raises(Forbidden):
            house.do(intent, Consume(who, intent.digest, "a"))


def test_nothing_runs_without_a_yes(house: Any) -> None:
    pending = house.file()
    rejected = house.decide(pending, "ana", "rejected")
    canceled = house.do(pending, Cancel(house.agent))
    for intent, reason in [
        (pending, "pending"),
        (rejected, "not_approved"),
        (canceled, "not_approved"),
    ]:
        with pytest.raises(GrantRefused) as refused:
            house.do(intent, Consume(house.agent, intent.digest, "a"))
        assert refused.value.details["reason"] == reason


def test_a_permit_ends_by_time_and_by_a_newer_intent(house: Any) -> None:
    intent = approved(house)
    revoked = house.do(intent, Supersede(house.agent, by="newer"))
    with pytest.raises(GrantRefused) as refused:
        house.do(revoked, Consume(house.agent, intent.digest, "a"))
    assert refused.value.details["reason"] == "revoked"
    house.now += 86400 * 1000
    with pytest.raises(GrantRefused) as refused:
        house.do(intent, Consume(house.agent, intent.digest, "a"))
    assert refused.value.details["reason"] == "expired"


def test_a_run_is_reported_once(house: Any) -> None:
    intent = approved(house)
    started = house.do(intent, Consume(house.agent, intent.digest, "a"))
    with pytest.raises(Conflict):
        house.do(started, Report(house.agent, "b", True))
    done = house.do(started, Report(house.agent, "a", True, result=7))
    assert (done.grant.state, done.grant.result, done.wake_at) == ("done", 7, None)
    house.do(done, Report(house.agent, "a", True, result=7))
    assert house.events == []
    with pytest.raises(Conflict):
        house.do(done, Report(house.agent, "a", False))
    with pytest.raises(GrantRefused) as refused:
        house.do(done, Consume(house.agent, intent.digest, "b"))
    assert (refused.value.details["reason"], refused.value.details["result"]) == ("done", 7)


def lost(house: Any, **body: Any) -> Intent:
    intent = approved(house, **body)
    started = house.do(intent, Consume(house.agent, intent.digest, "a"))
    after: Intent = house.after(started, 900)
    return after


def test_a_run_that_never_reports_is_asked_about_and_not_repeated(house: Any) -> None:
    intent = lost(house)
    assert (intent.grant.state, house.events) == ("unknown", ["run_lost"])
    (question,) = house.last.questions
    assert question.intent_id == intent.grant.question
    assert question.request.to == ("ana@acme.com",)
    assert question.settles.intent_id == intent.id
    with pytest.raises(OutcomeUnknown):
        house.do(intent, Consume(house.agent, intent.digest, "b"))
    happened = house.do(intent, Settle("a", happened=True, by="person:ana@acme.com"))
    with pytest.raises(GrantRefused):
        house.do(happened, Consume(house.agent, intent.digest, "b"))
    did_not = house.do(intent, Settle("a", happened=False, by="person:ana@acme.com"))
    assert house.do(did_not, Consume(house.agent, intent.digest, "b")).grant.attempt == "b"


def test_a_late_report_settles_it_and_withdraws_the_question(house: Any) -> None:
    intent = lost(house)
    done = house.do(intent, Report(house.agent, "a", True))
    assert done.grant.state == "done"
    assert [f.intent_id for f in house.last.follow_ups] == [intent.grant.question]


def test_a_harmless_run_is_repeated_without_asking(house: Any) -> None:
    intent = lost(house, idempotent=True)
    assert (intent.grant.state, house.last.questions) == ("open", ())
    assert house.do(intent, Consume(house.agent, intent.digest, "b")).grant.attempt == "b"


def test_leases_pass_on_when_a_worker_dies_and_fence_it_out(house: Any) -> None:
    intent = approved(house, resume="worker")
    first = house.do(intent, TakeLease(house.agent, "w1", 60))
    with pytest.raises(NotPending):
        house.do(first, TakeLease(house.agent, "w2", 60))
    renewed = house.do(first, RenewLease(house.agent, "w1", 1, 90))
    assert renewed.lease_at == house.now + 90_000
    house.now += 90_000
    second = house.do(renewed, TakeLease(house.agent, "w2", 60))
    assert (second.lease.worker, second.lease.epoch) == ("w2", 2)
    with pytest.raises(LeaseLost):
        house.do(second, RenewLease(house.agent, "w1", 1, 60))
    with pytest.raises(LeaseLost):
        house.do(second, EndLease(house.agent, "w1", 1))
    ended = house.do(second, EndLease(house.agent, "w2", 2))
    assert (ended.lease_at, house.events) == (None, ["resumed"])


def test_what_is_not_meant_for_a_worker_is_not_leased(house: Any) -> None:
    with pytest.raises(NotPending):
        house.do(approved(house), TakeLease(house.agent, "w1", 60))
    assert house.decide(house.file(resume="worker"), "ana", "rejected").lease_at == house.now


def test_a_job_whose_worker_died_in_mid_run_is_asked_about_first(house: Any) -> None:
    intent = approved(house, resume="worker")
    leased = house.do(intent, TakeLease(house.agent, "w1", 60))
    started = house.do(leased, Consume(house.agent, intent.digest, "a#1"))
    house.now += 60_000
    taken = house.do(started, TakeLease(house.agent, "w2", 60))
    assert (taken.grant.state, taken.lease_at) == ("unknown", None)
    back = house.do(taken, Settle("a#1", happened=False, by="person:ana@acme.com"))
    assert house.do(back, TakeLease(house.agent, "w2", 60)).lease.epoch == 2


def test_a_renewing_worker_is_not_taken_for_dead(house: Any) -> None:
    intent = approved(house, resume="worker")
    leased = house.do(intent, TakeLease(house.agent, "w1", 3600))
    running = house.do(leased, Consume(house.agent, intent.digest, "a#1"))
    house.now += 800_000
    running = house.do(running, RenewLease(house.agent, "w1", 1, 3600))
    house.now += 800_000
    assert house.do(running, Tick()).grant.state == "started"
