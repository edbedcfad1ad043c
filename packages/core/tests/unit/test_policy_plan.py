from __future__ import annotations

from typing import Any

import pytest

from holdshort.errors import Conflict, InvalidRequest, UnknownKind

from .office import Office, refused
from .test_kinds import FORM


def reviewers(office: Office, **body: Any) -> tuple[str, ...]:
    return office.file(**body).current.reviewers


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ({"to": "bo@acme.com"}, ("bo@acme.com",)),
        ({"to": ["bo@acme.com", "team:finance"]}, ("bo@acme.com", "team:finance")),
        ({"payload": {"reviewer": "cfo@company.com"}}, ("cfo@company.com",)),
        ({"payload": {"reviewer": " CFO@Company.com "}}, ("cfo@company.com",)),
        ({"payload": {"reviewer": ["a@x", "team:b"]}}, ("a@x", "team:b")),
        ({"payload": {"reviewers": ["a@x", "role:c"]}}, ("a@x", "role:c")),
        ({"payload": {"reviewers": "a@x", "reviewer": "b@x"}}, ("a@x",)),
        ({"payload": {"reviewers": [], "reviewer": "b@x"}}, ("b@x",)),
        ({"payload": {"reviewers": None, "reviewer": "b@x"}}, ("b@x",)),
        ({"payload": {"reviewer": ""}}, ("team:admins",)),
        ({"payload": {"reviewer": None}}, ("team:admins",)),
        ({"payload": {"reviewers": []}}, ("team:admins",)),
        ({"to": [], "payload": {"reviewer": "b@x"}}, ("b@x",)),
        ({"to": "bo@acme.com", "payload": {"reviewer": "b@x"}}, ("bo@acme.com",)),
        ({"to": [], "human_task": {"assignees": ["a@x"]}}, ("a@x",)),
        ({"to": [], "human_task": {"notify_email": "n@x"}}, ("n@x",)),
        ({"to": [], "human_task": {"assignees": ["a@x"], "notify_email": "n@x"}}, ("a@x",)),
        ({"to": "bo@acme.com", "human_task": {"assignees": ["a@x"]}}, ("bo@acme.com",)),
        ({"to": [], "payload": {}}, ("team:admins",)),
    ],
)
def test_who_is_asked(office: Office, body: dict[str, Any], asked: tuple[str, ...]) -> None:
    assert reviewers(office, **body) == asked


@pytest.mark.parametrize(
    "named",
    ["ana", 5, True, {"a": 1}, [5], ["ana"], ["a@x", None], "a@x, b@x", ["a@x"] * 51],
    ids=repr,
)
@pytest.mark.parametrize("field", ["reviewer", "reviewers"])
def test_a_payload_that_names_no_usable_reviewer_is_refused(
    office: Office, field: str, named: Any
) -> None:
    with refused(InvalidRequest, "write ana@acme.com, team:finance or role:cfo") as refusal:
        office.file(payload={field: named})
    assert refusal.value.details["problems"][0]["field"] == "payload.reviewer"
    office.file(payload={field: named}, to="ana@acme.com")


@pytest.mark.parametrize(
    ("body", "gone"),
    [
        ({"to": [], "payload": {}}, {"default_reviewers": ()}),
        ({"to": "ana@acme.com"}, {"inactive": frozenset({"ana@acme.com", "root@acme.com"})}),
        ({"to": "team:empty", "escalate": []}, {}),
        ({"to": ["team:unknown", "role:unknown"], "escalate": []}, {}),
    ],
)
def test_nobody_to_ask_is_refused(office: Office, body: Any, gone: Any) -> None:
    office.directory = office.directory.but(**gone)
    with refused(InvalidRequest):
        office.file(**body)


@pytest.mark.parametrize(
    ("body", "people"),
    [
        ({"to": "ana@acme.com", "escalate": []}, 1),
        ({"to": "ana@acme.com"}, 2),
        ({"to": ["ana@acme.com", "ANA@acme.com"], "escalate": []}, 1),
        ({"to": "team:finance", "escalate": []}, 2),
        ({"to": ["team:finance", "bo@acme.com", "role:cfo"], "escalate": []}, 2),
        ({"to": "team:finance", "escalate": ["ana@acme.com", "bo@acme.com"]}, 3),
    ],
)
def test_a_quorum_that_can_never_be_reached_is_refused(
    office: Office, body: dict[str, Any], people: int
) -> None:
    assert office.file(quorum=people, **body).current.policy.quorum == people
    with refused(InvalidRequest, f"only {people} people can ever be asked here") as refusal:
        office.file(quorum=people + 1, **body)
    assert refusal.value.details["problems"][0]["field"] == "quorum"


def test_the_step_at_fault_is_named(office: Office) -> None:
    chain = [{"to": "ana@acme.com"}, {"to": "bo@acme.com", "quorum": 9}]
    with refused(InvalidRequest) as refusal:
        office.file(steps=chain)
    assert refusal.value.details["problems"][0]["field"] == "steps[1].quorum"


@pytest.mark.parametrize(
    ("body", "task_type", "title"),
    [
        ({}, "approval", "Approve: intent.pay.v1"),
        ({"action": {"tool": "bank.pay"}}, "approval", "Approve: bank.pay"),
        ({"task": "review"}, "review", "Review: intent.pay.v1"),
        ({"human_task": {"task_type": "confirmation"}}, "confirmation", "Confirm: intent.pay.v1"),
        (
            {"task": "review", "human_task": {"task_type": "review"}},
            "review",
            "Review: intent.pay.v1",
        ),
        ({"title": "Pay Bo"}, "approval", "Pay Bo"),
        ({"human_task": {"title": "Pay Cy"}}, "approval", "Pay Cy"),
        ({"title": "Pay Bo", "human_task": {"title": "Pay Cy"}}, "approval", "Pay Bo"),
    ],
)
def test_what_is_asked(office: Office, body: dict[str, Any], task_type: str, title: str) -> None:
    intent = office.file(**body)
    assert (intent.current.task.task_type, intent.current.task.title) == (task_type, title)
    assert intent.title == title


def test_steps_have_titles_and_names_of_their_own(office: Office) -> None:
    intent = office.file(
        title="Pay Bo",
        description="the invoice",
        steps=[
            {"to": "ana@acme.com", "name": "manager"},
            {
                "to": "bo@acme.com",
                "title": "Book it",
                "task": "manual_action",
                "human_task": {"description": "in the ledger"},
            },
        ],
    )
    assert [step.name for step in intent.steps] == ["manager", "manual_action"]
    assert [step.task.title for step in intent.steps] == ["Pay Bo", "Book it"]
    assert [step.task.description for step in intent.steps] == ["the invoice", "in the ledger"]
    assert [step.status for step in intent.steps] == ["open", "pending"]


def test_a_task_that_contradicts_itself_is_refused(office: Office) -> None:
    with refused(InvalidRequest, "'review'.*'form'"):
        office.file(task="review", human_task={"task_type": "form", "form_schema": FORM})


@pytest.mark.parametrize("where", ["task", "human_task"])
def test_an_unknown_kind_is_refused(office: Office, where: str) -> None:
    body: Any = "launch" if where == "task" else {"task_type": "launch"}
    with refused(UnknownKind, "no kind of task named 'launch'"):
        office.file(**{where: body})


def test_a_form_needs_a_schema_that_can_be_used(office: Office) -> None:
    for task in ({}, {"form_schema": {"type": "x"}}, {"form_schema": {"$ref": "http://x/y"}}):
        with refused(InvalidRequest, "human_task.form_schema"):
            office.file(task="form", human_task=task)


@pytest.mark.parametrize(
    "kind", ["form", "assignment", "clarification", "manual_action", "override"]
)
def test_what_nobody_can_answer_by_default_needs_another_fallback(
    office: Office, kind: str
) -> None:
    task = {"task": kind, "human_task": {"form_schema": FORM} if kind == "form" else {}}
    office.policies(intent__pay__v1={"fallback": "approve"})
    with refused(Conflict, f"a {kind} cannot be answered by nobody"):
        office.file(**task)
    assert office.file(fallback="reject", **task).current.policy.fallback == "reject"


def test_what_is_planned_holds_whatever_the_policy_says_later(office: Office) -> None:
    office.file()
    office.policies({"deadline": 1, "require_comment": True, "quorum": 2})
    assert office.tick(60).status == "WAITING"
    assert office.decide("ana").status == "COMPLETED"
