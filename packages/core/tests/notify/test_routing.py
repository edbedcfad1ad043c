from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from holdshort.models import Decision, Directory, HumanTask, Intent, Notice, Policy, Step
from holdshort.notify.routing import route
from holdshort.store.base import Delivery

NOW = 1_800_000_000_000
POLICY = Policy(
    remind_after=300,
    remind_every=1800,
    max_reminders=2,
    escalate=(),
    deadline=28800,
    fallback="reject",
    quorum=1,
    reject_quorum=1,
    risk="low",
    allow_edit=True,
    require_comment=False,
    separation_of_duties=True,
    grant_ttl=600,
    execution_timeout=600,
)


def step(**changes: Any) -> Step:
    made: dict[str, Any] = {
        "name": "approval",
        "task": HumanTask(title="Approve: export"),
        "policy": POLICY,
        "reviewers": ("ana@acme.com",),
        "status": "open",
        "deadline_at": NOW + 28_800_000,
    }
    return Step(**(made | changes))


def intent(*steps: Step, **changes: Any) -> Intent:
    made: dict[str, Any] = {
        "tenant": "acme",
        "id": "intent-1",
        "agent": "agent://acme/production/analyst",
        "intent_type": "intent.data.export_approval.v1",
        "correlation_id": "c",
        "key": "k",
        "body_hash": "h",
        "title": "Approve: export",
        "tool": "intent.data.export_approval.v1",
        "digest": "d",
        "status": "WAITING",
        "created_at": NOW,
        "updated_at": NOW,
        "steps": steps or (step(),),
    }
    return Intent(**(made | changes))


def directory(**changes: Any) -> Directory:
    return Directory(**({"tenant": "acme"} | changes))


def ids() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"d{next(numbers)}"


def routed(
    reason: str,
    to: tuple[str, ...] = (),
    *,
    about: Intent | None = None,
    at: Directory | None = None,
    index: int = 0,
    link: str | None = None,
) -> list[Delivery]:
    return route(
        Notice(reason, to, index),
        about or intent(),
        at or directory(),
        now=NOW,
        claim_until=NOW + 30_000,
        new_id=ids(),
        link=link,
    )


def told(deliveries: list[Delivery]) -> list[tuple[str, str]]:
    return [(one.channel, one.recipient) for one in deliveries]


def test_one_person_one_channel() -> None:
    assert routed("asked", ("ana@acme.com",)) == [
        Delivery(
            tenant="acme",
            id="d1",
            intent_id="intent-1",
            reason="asked",
            channel="console",
            recipient="ana@acme.com",
            body=json.dumps(
                {
                    "id": "d1",
                    "type": "intent.asked",
                    "timestamp": "2027-01-15T08:00:00.000Z",
                    "data": {
                        "intent_id": "intent-1",
                        "intent_type": "intent.data.export_approval.v1",
                        "title": "Approve: export",
                        "agent": "agent://acme/production/analyst",
                        "task_type": "approval",
                        "status": "WAITING",
                        "step": 0,
                        "risk": "low",
                        "recipient": "ana@acme.com",
                        "deadline_at": "2027-01-15T16:00:00.000Z",
                    },
                }
            ),
            next_at=NOW + 30_000,
            created_at=NOW,
        )
    ]


def test_every_person_on_every_channel_each_once() -> None:
    at = directory(
        channels=("console", "email"),
        teams={"finance": ("ana@acme.com", "bob@acme.com")},
        people={"bob@acme.com": ("cfo",)},
    )
    deliveries = routed("asked", ("team:finance", "role:cfo", "ana@acme.com"), at=at)
    assert told(deliveries) == [
        ("console", "ana@acme.com"),
        ("email", "ana@acme.com"),
        ("console", "bob@acme.com"),
        ("email", "bob@acme.com"),
    ]
    bodies = [json.loads(one.body) for one in deliveries]
    assert [body["data"]["recipient"] for body in bodies] == [one.recipient for one in deliveries]
    assert [body["id"] for body in bodies] == ["d1", "d2", "d3", "d4"]


@pytest.mark.parametrize("empty", ["team:ghost", "role:ghost"])
def test_nobody_there_is_never_silent(empty: str) -> None:
    at = directory(teams={"admins": ("root@acme.com",)})
    assert told(routed("escalated", (empty,), at=at)) == [
        ("console", empty),
        ("console", "root@acme.com"),
    ]


def test_nobody_there_and_no_default_reviewer_either() -> None:
    assert told(routed("asked", ("team:ghost",))) == [
        ("console", "team:ghost"),
        ("console", "team:admins"),
    ]


def test_who_left_is_not_written_to_while_there_is_somebody_else() -> None:
    at = directory(inactive=frozenset({"old@acme.com"}), teams={"admins": ("root@acme.com",)})
    assert told(routed("asked", ("old@acme.com",), at=at)) == [("console", "root@acme.com")]
    alone = directory(inactive=frozenset({"old@acme.com"}), default_reviewers=())
    assert told(routed("asked", ("old@acme.com",), at=alone)) == [("console", "old@acme.com")]


@pytest.mark.parametrize(
    "reason",
    ["asked", "reminded", "escalated", "decided", "timed_out", "canceled", "commented"],
)
def test_webhooks_get_what_they_asked_for(reason: str) -> None:
    at = directory(
        channels=(),
        webhooks=(
            ("all", ("*",)),
            ("this", ("intent.other", f"intent.{reason}")),
            ("other", ("intent.other",)),
        ),
    )
    deliveries = routed(reason, at=at, link="http://127.0.0.1:8100/i/intent-1")
    assert told(deliveries) == [("webhook", "all"), ("webhook", "this")]
    for one in deliveries:
        body = json.loads(one.body)
        assert body["type"] == f"intent.{reason}"
        assert body["id"] == one.id
        assert body["data"]["recipient"] is None
        assert body["data"]["url"] == "http://127.0.0.1:8100/i/intent-1"


@pytest.mark.parametrize("reason", ["decided", "commented"])
def test_no_person_is_told_what_is_for_programs(reason: str) -> None:
    assert routed(reason) == []


def test_the_decision_and_the_step_are_those_of_the_notice() -> None:
    decision = Decision(
        intent_id="intent-1",
        step=0,
        outcome="approved",
        positive=True,
        decided_by="person:ana@acme.com",
        at=NOW,
        via="api",
        digest="d",
    )
    second = step(task=HumanTask(task_type="form", title="Fill in: export"), deadline_at=None)
    about = intent(step(status="done", decision=decision), second, step=1)
    at = directory(webhooks=(("all", ("*",)),))
    (first,) = routed("decided", about=about, at=at)
    data = json.loads(first.body)["data"]
    assert (data["outcome"], data["decided_by"]) == ("approved", "person:ana@acme.com")
    assert data["timed_out"] is False
    (asked,) = routed("asked", about=about, at=at, index=1)
    data = json.loads(asked.body)["data"]
    assert (data["task_type"], data["title"], data["step"]) == ("form", "Fill in: export", 1)
    assert data["deadline_at"] is None
    assert "outcome" not in data
