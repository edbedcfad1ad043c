from __future__ import annotations

import json
from typing import Any

import pytest

from holdshort import audit
from holdshort.digest import action_digest
from holdshort.errors import Conflict, Forbidden, NotPending
from holdshort.lifecycle import Cancel, Fail, Supersede

from .office import AGENT, OTHER, SERVICE, START, SYSTEM, Office, person, refused


def test_a_new_intent_begins_with_the_events_of_the_protocol(office: Office) -> None:
    intent = office.file()
    assert office.events == [
        "created",
        "submitted",
        "delivered",
        "human_task_assigned",
        "waiting",
    ]
    assert (intent.status, intent.waiting_reason) == ("WAITING", "WAITING_FOR_HUMAN")
    assert [event.seq for event in office.last.events] == [1, 2, 3, 4, 5]
    lines = [json.loads(event.line) for event in office.last.events]
    assert [line["status"] for line in lines] == [
        "CREATED",
        "SUBMITTED",
        "DELIVERED",
        "WAITING",
        "WAITING",
    ]
    assert lines[0]["prev"] == audit.genesis("acme", intent.id)
    assert {line["at"] for line in lines} == {"2027-01-15T08:00:00.000Z"}
    assert {line["digest"] for line in lines} == {intent.digest}
    assert [line["actor"] for line in lines] == [AGENT.actor] * 2 + ["system"] * 3
    assert (intent.version, intent.seq, intent.created_at) == (1, 5, START)
    assert office.told == [("asked", ("ana@acme.com",))]


def test_the_action_is_what_was_said_or_the_payload(office: Office) -> None:
    bare = office.file(payload={"sum": 1, "reviewer": "ana@acme.com"})
    assert bare.tool == "intent.pay.v1"
    assert bare.digest == action_digest(
        tool="intent.pay.v1", arguments={"sum": 1, "reviewer": "ana@acme.com"}, agent=AGENT.id
    )
    said = office.file(action={"tool": "pay", "arguments": {"sum": 1}}, environment="prod")
    assert said.digest == action_digest(
        tool="pay", arguments={"sum": 1}, agent=AGENT.id, environment="prod"
    )
    assert said.digest != office.file(action={"tool": "pay", "arguments": {"sum": 1}}).digest


def test_the_agent_is_the_one_whose_key_it_is(office: Office) -> None:
    intent = office.file(from_agent="agent://acme/prod/somebody-else")
    assert (intent.agent, intent.owner) == (AGENT.id, AGENT.owner)


@pytest.mark.parametrize(
    ("body", "resume"),
    [({}, False), ({"resume": "worker"}, True), ({"continuation": {"thread": 1}}, True)],
)
def test_what_a_worker_goes_on_with(office: Office, body: dict[str, Any], resume: bool) -> None:
    intent = office.file(**body)
    assert intent.resume is resume
    assert intent.lease_at is None, "not before it is decided"
    assert office.decide("ana").lease_at == (office.now if resume else None)


def test_a_newer_intent_takes_an_older_ones_place(office: Office) -> None:
    old = office.file()
    new = office.file(supersedes=old.id)
    after = office.intents[old.id]
    assert (after.status, after.superseded_by, after.decision) == ("CANCELED", new.id, None)
    assert new.supersedes == old.id
    with refused(NotPending, "CANCELED"):
        office.decide("ana", intent_id=old.id)


def test_an_answered_intent_keeps_its_answer_and_loses_its_permit(office: Office) -> None:
    old = office.approved()
    office.file(supersedes=old.id)
    after = office.intents[old.id]
    assert after.status == "COMPLETED"
    assert after.decision == old.decision
    assert after.grant.state == "revoked"


def test_a_run_that_has_begun_is_not_revoked(office: Office) -> None:
    old = office.approved()
    office.consume()
    office.file(supersedes=old.id)
    assert office.intents[old.id].grant.state == "started"


def test_superseding_twice_by_the_same_is_once(office: Office) -> None:
    old = office.file()
    office.do(Supersede(AGENT, by="newer"), old.id)
    office.do(Supersede(AGENT, by="newer"), old.id)
    assert office.events == []


def test_nobody_supersedes_anothers_intent(office: Office) -> None:
    old = office.file()
    with refused(Forbidden):
        office.file(by=OTHER, supersedes=old.id)
    assert office.intents[old.id] == old
    assert len(office.intents) == 1, "what is refused is refused as a whole"


COMMANDS = {
    "cancel": lambda who: Cancel(who, "changed my mind"),
    "supersede": lambda who: Supersede(who, by="newer"),
    "fail": lambda who: Fail(who, "disk full"),
}


@pytest.mark.parametrize("what", COMMANDS)
@pytest.mark.parametrize("who", [AGENT, SERVICE, SYSTEM], ids=lambda who: who.kind)
def test_who_may_withdraw(office: Office, what: str, who: Any) -> None:
    office.file(resume="worker")
    intent = office.do(COMMANDS[what](who))
    assert intent.status == ("FAILED" if what == "fail" else "CANCELED")
    assert intent.waiting_reason is None
    assert (intent.decision, intent.grant, intent.wake_at) == (None, None, None)
    assert intent.current.status == "done"
    assert intent.lease_at == office.now, "the worker is told"
    assert office.told == [("canceled", ("ana@acme.com",))]
    assert intent.error == ("disk full" if what == "fail" else None)


@pytest.mark.parametrize("what", COMMANDS)
@pytest.mark.parametrize("who", [OTHER, person("ana"), person("owner")], ids=lambda who: who.id)
def test_who_may_not_withdraw(office: Office, what: str, who: Any) -> None:
    office.file()
    with refused(Forbidden):
        office.do(COMMANDS[what](who))


@pytest.mark.parametrize("end", ["decide", "time", "cancel", "fail"])
@pytest.mark.parametrize("what", ["cancel", "fail"])
def test_what_has_ended_is_not_withdrawn(office: Office, end: str, what: str) -> None:
    office.file()
    if end == "decide":
        office.decide("ana")
    elif end == "time":
        office.tick(28800)
    else:
        office.do(COMMANDS[end](AGENT))
    before = office.intent
    if end == what:
        assert office.do(COMMANDS[what](AGENT)) == before, "a retry"
        assert office.events == []
    else:
        with refused(NotPending, "already ended"):
            office.do(COMMANDS[what](AGENT))
    assert office.intent == before


def test_a_plan_that_cannot_work_files_nothing(office: Office) -> None:
    office.policies(intent__pay__v1={"fallback": "approve"})
    with refused(Conflict):
        office.file(task="override")
    assert office.intents == {}
