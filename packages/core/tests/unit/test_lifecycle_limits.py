"""An agent's limits and its kill, in the lifecycle."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdshort.errors import Conflict, Forbidden, InvalidRequest, LimitReached
from holdshort.lifecycle import Consume, Decide, Pause, Report, Unpause
from holdshort.limits import Cost, Limits, Scope, Usage
from holdshort.policy.caps import committed
from holdshort.requests import DecisionRequest

from .office import AGENT, SERVICE, Office, person, refused

PAY = {"tool": "pay", "arguments": {"sum": 60, "order": {"total": "60.5"}}}


def limit(office: Office, **limits: Any) -> None:
    office.directory = office.directory.but(limits={AGENT.id: Limits(**limits)}, _memo={})


def details(office: Office) -> Any:
    return json.loads(office.last.events[0].line)["details"]


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        ({"intent_types": Scope(deny=("intent.pay.*",))}, "intent_type_not_allowed"),
        ({"intent_types": Scope(allow=("intent.data.*",))}, "intent_type_not_allowed"),
        ({"tools": Scope(deny=("pay",))}, "tool_not_allowed"),
        ({"tools": Scope(allow=("read*",))}, "tool_not_allowed"),
    ],
)
def test_what_is_not_in_its_scope_is_not_asked_for(
    office: Office, limits: dict[str, Any], rule: str
) -> None:
    limit(office, **limits)
    with refused(Forbidden, "an administrator sets") as refusal:
        office.file(action=PAY)
    assert refusal.value.details["rule"] == rule
    assert office.intents == {}


def test_a_scope_that_was_narrowed_since_stops_the_run(office: Office) -> None:
    intent = office.approved(action=PAY)
    limit(office, tools=Scope(deny=("pay",)))
    with refused(Forbidden, "may not use the tool pay"):
        office.consume()
    office.directory = office.directory.but(limits={}, _memo={})
    assert office.consume().grant.state == "started"  # type: ignore[union-attr]
    assert intent.tool == "pay"


def test_the_limits_for_every_agent_hold_for_who_has_none(office: Office) -> None:
    everybody = {"*": Limits(tools=Scope(deny=("pay",)))}
    office.directory = office.directory.but(limits=everybody, _memo={})
    with refused(Forbidden, "may not use the tool"):
        office.file(action=PAY)
    own = everybody | {AGENT.id: Limits()}
    office.directory = office.directory.but(limits=own, _memo={})
    office.file(action=PAY)


def test_the_policy_says_where_the_arguments_hold_the_cost(office: Office) -> None:
    office.policies(intent__pay__v1={"cost_from": "order.total"})
    # What the agent says beside it does not count: only the arguments are approved.
    intent = office.file(action=PAY, cost={"amount": 1})
    assert intent.cost == Cost(micros=60_500_000, currency="USD", bound=True)
    for wrong in ({}, {"order": 5}, {"order": {"total": -1}}, {"order": {"total": "NaN"}}):
        with refused(InvalidRequest, "arguments.order.total"):
            office.file(action={"tool": "pay", "arguments": wrong})


def test_an_edit_by_a_reviewer_changes_the_cost(office: Office) -> None:
    office.policies(intent__pay__v1={"cost_from": "sum"})
    office.file(action=PAY)
    intent = office.decide("ana", arguments={"sum": 40})
    assert intent.cost == Cost(micros=40_000_000, currency="USD", bound=True)
    office.file(action=PAY)
    with refused(InvalidRequest, "arguments.sum"):
        office.decide("ana", arguments={"sum": -40})


def test_62_a_cost_in_another_currency_or_none_where_it_is_needed(office: Office) -> None:
    limit(office, micros_per_day=100_000_000, currency="EUR", require_cost=True)
    with refused(InvalidRequest, "are in EUR"):
        office.file(action=PAY, cost={"amount": 1, "currency": "USD"})
    with refused(InvalidRequest, "say what this may cost"):
        office.file(action=PAY)
    intent = office.file(action=PAY, cost={"amount": 1, "currency": "EUR"})
    assert intent.cost == Cost(micros=1_000_000, currency="EUR")
    office.file()  # a question spends nothing


def test_an_alert_goes_on_and_tells(office: Office) -> None:
    limit(office, intents_per_day=0, on_breach="alert", approvers=("bo@acme.com",))
    office.usage = Usage()
    intent = office.file()
    assert intent.status == "WAITING"
    assert "limit_exceeded" in office.events
    assert ("limit_exceeded", ("bo@acme.com",)) in office.told


def test_block_says_when_to_come_back(office: Office) -> None:
    limit(office, intents_per_hour=2, intents_per_day=2)
    office.usage = Usage().plus(8, intents=2)
    with refused(LimitReached, "3 intents of 2 a day") as refusal:
        office.file()
    assert refusal.value.details["dimension"] == "intents_per_day"
    assert refusal.value.details["reset_at"] == "2027-01-16T00:00:00Z"
    assert 0 < refusal.value.retry_after <= 86_400


def test_a_breach_that_needs_approval_asks_first(office: Office) -> None:
    limit(office, micros_per_day=100_000_000, on_breach="require_approval")
    office.policies(_any={"fallback": "approve", "quorum": 2})
    office.directory = office.directory.but(default_reviewers=("role:cfo",), _memo={})
    office.usage = Usage().plus(0, micros=60_000_000)
    intent = office.file(to=["ana@acme.com", "bo@acme.com"], action=PAY, cost={"amount": 60})
    assert [step.name for step in intent.steps] == ["over_limit", "approval"]
    assert intent.assigned == ("role:cfo",)
    assert "120 USD of 100 USD a day" in intent.current.task.description
    # The tenant lets a timeout approve; here it never does.
    assert office.tick(9 * 3600).decision.positive is False  # type: ignore[union-attr]
    office.file(to=["ana@acme.com", "bo@acme.com"], action=PAY, cost={"amount": 60})
    assert office.decide("cy").assigned == ("ana@acme.com", "bo@acme.com")
    office.decide("ana")
    assert office.decide("bo").status == "COMPLETED"


def test_where_nobody_could_approve_it_is_refused(office: Office) -> None:
    approvers = ("team:empty",)
    limit(office, intents_per_day=0, on_breach="require_approval", approvers=approvers)
    office.usage = Usage()
    with refused(LimitReached, "1 intents of 0 a day"):
        office.file()


def test_what_is_committed_follows_the_intent(office: Office) -> None:
    limit(office, micros_per_day=10**9)
    office.usage = Usage()
    asked = {"action": PAY, "cost": {"amount": 60}}

    def now() -> float:
        return committed(office.intent) / 10**6

    office.file(**asked)
    assert now() == 60
    office.decide("ana")
    assert now() == 60
    office.consume()
    office.do(Report(AGENT, "a", True, cost=Cost(micros=45_000_000, currency="USD")))
    assert now() == 45
    for end in (
        lambda: office.decide("ana", "rejected"),
        lambda: office.tick(9 * 3600),
    ):
        office.file(**asked)
        end()
        assert now() == 0
    office.file(**asked)
    office.decide("ana")
    office.consume()
    office.report(succeeded=False)
    assert now() == 60, "a run that failed and named no figure may have cost all of it"
    with refused(InvalidRequest, "in USD"):
        office.file(**asked)
        office.decide("ana")
        office.consume()
        office.do(Report(AGENT, "a", True, cost=Cost(micros=1, currency="EUR")))


@pytest.mark.parametrize(("reported", "counts"), [(0, 60), (45, 60), (75, 75)])
def test_62_a_report_frees_nothing_of_what_the_arguments_say(
    office: Office, reported: int, counts: int
) -> None:
    limit(office, micros_per_day=10**9)
    office.policies(intent__pay__v1={"cost_from": "sum"})
    office.usage = Usage()
    office.approved(action=PAY)
    office.consume()
    cost = Cost(micros=reported * 10**6, currency="USD")
    office.do(Report(AGENT, "a", True, cost=cost))
    assert committed(office.intent) == counts * 10**6


def test_a_kill_stops_the_time_and_the_permit(office: Office) -> None:
    office.approved()
    office.do(Pause(SERVICE))
    assert office.events == ["grant_revoked"]
    assert office.intent.grant.state == "revoked"  # type: ignore[union-attr]
    office.file(remind_after=60, deadline=600)
    office.tick(30)
    before = office.do(Pause(SERVICE))
    assert (office.events, office.intent.wake_at) == (["paused"], None)
    assert office.do(Pause(SERVICE)) == before
    office.tick(3600)
    assert office.events == []
    with refused(Conflict, "stands still"):
        office.decide("ana")
    after = office.do(Unpause(SERVICE))
    assert after.current.deadline_at == before.current.deadline_at + 3_600_000  # type: ignore[operator]
    assert office.tick(29).current.reminded == 0
    assert office.tick(1).current.reminded == 1
    assert office.tick(541).status == "TIMED_OUT"


def test_a_run_that_has_begun_is_not_undone_by_a_kill(office: Office) -> None:
    office.approved()
    office.consume()
    office.do(Pause(SERVICE))
    assert office.intent.grant.state == "started"  # type: ignore[union-attr]
    assert office.report().grant.state == "done"  # type: ignore[union-attr]


def test_an_answer_that_is_held_does_not_outlive_a_kill(office: Office) -> None:
    office.file()
    answer = DecisionRequest(outcome="approved", undo_seconds=10)
    office.do(Decide(person("ana"), answer))
    office.do(Pause(SERVICE))
    assert office.events == ["answer_dropped", "paused"]
    office.do(Unpause(SERVICE))
    assert office.tick(60).status == "WAITING"


def test_a_moment_that_was_named_stays_that_moment(office: Office) -> None:
    office.file(deadline_at="2027-01-15T09:00:00Z")
    ends = office.intent.current.deadline_at
    office.do(Pause(SERVICE))
    office.tick(60)
    assert office.do(Unpause(SERVICE)).current.deadline_at == ends


def test_who_takes_no_part_in_it_stops_nothing(office: Office) -> None:
    office.file()
    other = office.intent.id
    office.directory = office.directory.but(killed=frozenset({AGENT.id}), _memo={})
    with refused(Forbidden, "was killed"):
        office.file()
    with refused(Conflict, "stands still"):
        office.decide("ana", intent_id=other)
    with refused(Forbidden, "was killed"):
        office.do(Consume(AGENT, office.intent.digest, "a"))
