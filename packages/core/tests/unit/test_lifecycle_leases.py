from __future__ import annotations

from typing import Any

import pytest

from holdshort.errors import Forbidden, LeaseLost, NotPending
from holdshort.lifecycle import Cancel, EndLease, RenewLease, TakeLease
from holdshort.models import Intent

from .office import AGENT, OTHER, SERVICE, Office, person, refused


def renew(office: Office, worker: str = "w1", epoch: int = 1, seconds: float = 60.0) -> Intent:
    return office.do(RenewLease(AGENT, worker, epoch, seconds))


def end(
    office: Office, worker: str = "w1", epoch: int = 1, again_in: float | None = None
) -> Intent:
    return office.do(EndLease(AGENT, worker, epoch, again_in))


def test_decided_work_is_leased_and_ended(office: Office) -> None:
    office.approved(resume="worker")
    intent = office.take()
    assert office.events == ["leased"]
    assert intent.lease is not None
    assert (intent.lease.worker, intent.lease.epoch) == ("w1", 1)
    assert intent.lease.until == intent.lease_at == office.now + 60_000
    intent = end(office)
    assert office.events == ["resumed"]
    assert intent.lease_at is None
    with refused(NotPending, "nothing to resume"):
        office.take("w2")
    assert end(office) == intent, "a retry"
    assert office.events == []
    for late in (lambda: renew(office), lambda: end(office, again_in=1)):
        with refused(LeaseLost):
            late()


@pytest.mark.parametrize("how", ["approved", "rejected", "timed_out", "canceled"])
def test_every_ending_wakes_the_worker(office: Office, how: str) -> None:
    office.file(resume="worker")
    with refused(NotPending):
        office.take()
    if how == "timed_out":
        office.tick(28800)
    elif how == "canceled":
        office.do(Cancel(AGENT))
    else:
        office.decide("ana", how)
    assert office.take().lease is not None


def test_what_a_client_waits_for_is_not_leased(office: Office) -> None:
    office.approved()
    with refused(NotPending, "nothing to resume"):
        office.take()


@pytest.mark.parametrize("who", [OTHER, SERVICE, person("ana")], ids=lambda who: who.kind)
def test_only_the_agent_that_asked_goes_on(office: Office, who: Any) -> None:
    office.approved(resume="worker")
    with refused(Forbidden):
        office.do(TakeLease(who, "w1", 60.0))
    office.take()
    for command in (RenewLease(who, "w1", 1, 60.0), EndLease(who, "w1", 1)):
        with refused(Forbidden):
            office.do(command)


def test_a_lease_passes_on_when_its_worker_dies_and_fences_it_out(office: Office) -> None:
    office.approved(resume="worker")
    office.take()
    with refused(NotPending):
        office.take("w2")
    office.now += 60_000
    intent = office.take("w2")
    assert intent.lease is not None
    assert (intent.lease.worker, intent.lease.epoch) == ("w2", 2)
    for late in (lambda: renew(office), lambda: end(office), lambda: end(office, again_in=1)):
        with refused(LeaseLost) as refusal:
            late()
        assert refusal.value.details == {"held_by": "w2"}
    with refused(LeaseLost):
        renew(office, "w2", 1)
    assert end(office, "w2", 2).lease_at is None


def test_one_worker_that_restarts_is_fenced_from_itself(office: Office) -> None:
    office.approved(resume="worker")
    office.take()
    office.now += 60_000
    office.take()
    with refused(LeaseLost):
        renew(office, epoch=1)
    renew(office, epoch=2)


def test_a_renewal_keeps_the_lease_and_writes_no_event(office: Office) -> None:
    office.approved(resume="worker")
    before = office.take()
    office.now += 59_000
    intent = renew(office)
    assert office.events == []
    assert intent.lease_at == office.now + 60_000
    assert intent.version == before.version + 1, "it is stored nevertheless"
    office.now += 59_000
    with refused(NotPending):
        office.take("w2")


def test_a_renewing_worker_keeps_its_run_alive(office: Office) -> None:
    office.approved(resume="worker")
    office.take(seconds=600)
    intent = office.consume()
    began = office.now
    assert intent.wake_at == began + 900_000
    office.now += 599_000
    assert renew(office, seconds=600).wake_at == office.now + 600_000
    office.now += 599_000
    intent = renew(office, seconds=600)
    assert intent.wake_at == office.now + 600_000 > began + 900_000
    assert office.tick() == intent
    assert renew(office, seconds=1).wake_at == intent.wake_at, "it never shortens the run"


def test_work_handed_back_comes_again(office: Office) -> None:
    office.approved(resume="worker")
    office.take()
    intent = end(office, again_in=5)
    assert office.events == ["lease_returned"]
    assert intent.lease_at == office.now + 5000
    with refused(NotPending):
        office.take("w2")
    office.now += 5000
    taken = office.take("w2")
    assert taken.lease is not None
    assert taken.lease.epoch == 2


def test_work_whose_worker_died_in_mid_run_is_asked_about_first(office: Office) -> None:
    office.approved(resume="worker")
    office.take()
    office.consume()
    office.now += 60_000
    intent = office.take("w2")
    assert office.events == ["run_lost"]
    assert intent.lease_at is None, "nothing is handed out"
    assert intent.grant is not None
    assert intent.grant.state == "unknown"
    with refused(LeaseLost):
        renew(office)
    with refused(NotPending):
        office.take("w2")
    question = office.question(intent)
    office.decide("ana", "denied", intent_id=question.id)
    again = office.do(TakeLease(AGENT, "w2", 60.0), intent.id)
    assert again.lease is not None
    assert again.lease.epoch == 2


@pytest.mark.parametrize("answer", ["confirmed", "nobody"])
def test_work_that_happened_is_not_handed_out_again(office: Office, answer: str) -> None:
    office.approved(resume="worker")
    office.take()
    office.consume()
    office.now += 60_000
    intent = office.take("w2")
    question = office.question(intent)
    if answer == "nobody":
        office.tick(28800, question.id)
    else:
        office.decide("ana", answer, intent_id=question.id)
    with refused(NotPending):
        office.do(TakeLease(AGENT, "w2", 60.0), intent.id)


def test_harmless_work_is_handed_to_the_next_worker_at_once(office: Office) -> None:
    office.approved(resume="worker", idempotent=True)
    office.take()
    office.consume()
    office.now += 60_000
    intent = office.take("w2")
    assert office.events == ["run_lost", "leased"]
    assert intent.grant is not None
    assert intent.grant.state == "open"
    assert intent.lease is not None
    assert intent.lease.epoch == 2


def test_a_finished_run_is_redelivered_without_a_question(office: Office) -> None:
    office.approved(resume="worker")
    office.take()
    office.consume()
    done = office.report()
    office.now += 60_000
    intent = office.take("w2")
    assert office.events == ["leased"]
    assert intent.grant == done.grant


def test_a_lost_run_takes_the_lease_along(office: Office) -> None:
    """It did not report within its time although its worker renews: nobody may go on with it."""
    office.policies({"execution_timeout": 30})
    office.approved(resume="worker")
    office.take()
    office.consume()
    intent = office.tick(30)
    assert office.events == ["run_lost"]
    assert intent.lease_at is None
    with refused(LeaseLost):
        renew(office)
