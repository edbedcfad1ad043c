from __future__ import annotations

import pkgutil
from typing import Any

import pytest

from holdshort import kinds
from holdshort.errors import UnknownKind
from holdshort.kinds import KINDS, Kind, kind_named
from holdshort.models import HumanTask

from .office import refused

FORM = {
    "type": "object",
    "properties": {
        "amount": {"type": "integer", "minimum": 1},
        "lines": {"type": "array", "items": {"type": "object", "required": ["sku"]}},
    },
    "required": ["amount"],
}
OUTCOMES = {
    "approval": ["approved", "rejected"],
    "assignment": ["assigned", "declined"],
    "clarification": ["provided", "declined"],
    "confirmation": ["confirmed", "denied"],
    "form": ["submitted", "declined"],
    "manual_action": ["completed", "failed"],
    "override": ["override_approved", "rejected"],
    "review": ["approved", "changes_requested", "rejected"],
}
COMMENTED = {
    ("clarification", "provided"),
    ("manual_action", "failed"),
    ("override", "override_approved"),
    ("review", "changes_requested"),
}


def problems(kind: str, outcome: str, task: dict[str, Any] | None = None, **answer: Any) -> Any:
    form = {"form_schema": FORM} if kind == "form" else {}
    return KINDS[kind].problems_with_answer(
        HumanTask(task_type=kind, **(form | (task or {}))),
        outcome=outcome,
        **({"comment": None, "data": None, "evidence": False} | answer),
    )


def test_there_are_eight_one_a_file() -> None:
    files = {module.name for module in pkgutil.iter_modules(kinds.__path__)} - {"base", "schema"}
    assert files == set(KINDS) == set(OUTCOMES)
    assert all(name == kind.name for name, kind in KINDS.items())
    assert len({id(kind) for kind in KINDS.values()}) == 8


@pytest.mark.parametrize("name", ["", "Approval", "approve", "base", "schema", "approval "])
def test_an_unknown_kind_is_refused_with_those_that_exist(name: str) -> None:
    with refused(UnknownKind, "there are: approval, assignment, clarification"):
        kind_named(name)


@pytest.mark.parametrize("kind", OUTCOMES)
def test_the_outcomes_of_a_kind_and_what_they_mean(kind: str) -> None:
    one = KINDS[kind]
    yes, *others, no = OUTCOMES[kind]
    assert list(one.outcomes(HumanTask())) == OUTCOMES[kind]
    assert one.sign(yes) is True
    assert one.sign(no) is False
    assert [one.sign(other) for other in others] == [None] * len(others)
    assert one.negative == no


@pytest.mark.parametrize(("kind", "outcome"), [(k, o) for k in OUTCOMES for o in OUTCOMES[k]])
def test_which_answers_need_a_comment(kind: str, outcome: str) -> None:
    data = {"amount": 1, "assignee": "bo@acme.com"}
    needed = (kind, outcome) in COMMENTED
    for silence in (None, "", " \n"):
        found = problems(kind, outcome, comment=silence, data=data)
        assert [field for field, _ in found] == (["comment"] if needed else [])
    assert problems(kind, outcome, comment="because", data=data) == []


@pytest.mark.parametrize(("kind", "outcome"), [(k, o) for k in OUTCOMES for o in OUTCOMES[k]])
def test_a_task_or_a_policy_may_require_a_comment_for_every_answer(kind: str, outcome: str) -> None:
    data = {"amount": 1, "assignee": "bo@acme.com"}
    by_task = problems(kind, outcome, {"required_comment": True}, data=data)
    by_policy = problems(kind, outcome, comment_required=True, data=data)
    assert by_task == by_policy == [("comment", f"'{outcome}' needs a comment here")]


@pytest.mark.parametrize(("kind", "outcome"), [(k, o) for k in OUTCOMES for o in OUTCOMES[k]])
def test_required_evidence_stands_behind_a_yes_and_nothing_else(kind: str, outcome: str) -> None:
    answer = {"comment": "c", "data": {"amount": 1, "assignee": "x"}}
    task = {"evidence_required": True}
    found = [field for field, _ in problems(kind, outcome, task, **answer)]
    assert found == (["evidence"] if KINDS[kind].sign(outcome) else [])
    assert problems(kind, outcome, task, evidence=True, **answer) == []


@pytest.mark.parametrize(
    ("kind", "outcome", "data", "fields"),
    [
        ("form", "submitted", None, ["data"]),
        ("form", "submitted", {}, ["data"]),
        ("form", "submitted", {"amount": "5"}, ["data.amount"]),
        ("form", "submitted", {"amount": 0}, ["data.amount"]),
        ("form", "submitted", {"amount": 1.5}, ["data.amount"]),
        ("form", "submitted", {"amount": True}, ["data.amount"]),
        ("form", "submitted", {"amount": 1, "lines": [{"sku": 1}, {}]}, ["data.lines[1]"]),
        ("form", "submitted", {"amount": 0, "lines": 5}, ["data.amount", "data.lines"]),
        ("form", "submitted", {"amount": 1, "more": 1}, []),
        ("form", "declined", {"amount": "nonsense"}, []),
        ("assignment", "assigned", None, ["data"]),
        ("assignment", "assigned", {"assignee": ""}, ["data.assignee"]),
        ("assignment", "assigned", {"assignee": 5}, ["data.assignee"]),
        ("assignment", "assigned", {"assignee": "x" * 256}, ["data.assignee"]),
        ("assignment", "assigned", {"assignee": "team:finance"}, []),
        ("assignment", "declined", None, []),
    ],
)
def test_data_is_checked_and_the_place_is_named(
    kind: str, outcome: str, data: Any, fields: list[str]
) -> None:
    assert sorted(field for field, _ in problems(kind, outcome, data=data)) == fields


@pytest.mark.parametrize("kind", OUTCOMES)
def test_a_form_may_come_with_any_kind(kind: str) -> None:
    yes = OUTCOMES[kind][0]
    task = {"form_schema": FORM}
    assert problems(kind, yes, task, comment="c", data={"amount": "x"})[0][0] == "data.amount"
    assert problems(kind, yes, task, comment="c", data={"amount": 1}) == []


def test_a_form_says_what_a_clarification_would_say_in_its_comment() -> None:
    task = {"form_schema": FORM}
    assert problems("clarification", "provided", task, data={"amount": 1}) == []
    assert problems("override", "override_approved", task, data={"amount": 1}) == [
        ("comment", "'override_approved' needs a comment here")
    ]


@pytest.mark.parametrize("kind", OUTCOMES)
@pytest.mark.parametrize("outcome", ["", "yes", "APPROVED", "approve", "submitted_", "timed_out"])
def test_an_outcome_that_is_not_offered_is_refused(kind: str, outcome: str) -> None:
    ((field, why),) = problems(kind, outcome)
    assert field == "outcome"
    assert "not in allowed outcomes" in why
    assert OUTCOMES[kind][0] in why


@pytest.mark.parametrize("kind", OUTCOMES)
def test_an_outcome_that_an_agent_invents_is_never_a_yes(kind: str) -> None:
    one = KINDS[kind]
    task = {"allowed_outcomes": ("ship_it", "denied", *one.positive)}
    assert problems(kind, "ship_it", task) == []
    assert one.sign("ship_it") is None
    assert one.sign("denied") is False
    assert one.sign(one.positive[0]) is True
    others = {yes for other in KINDS.values() for yes in other.positive} - set(one.positive)
    assert not any(one.sign(other) for other in others)


def test_allowed_outcomes_replace_the_usual_ones() -> None:
    task = {"allowed_outcomes": ("approved", "later")}
    assert problems("approval", "later", task) == []
    assert problems("approval", "rejected", task)[0][0] == "outcome"


@pytest.mark.parametrize("kind", OUTCOMES)
def test_which_tasks_cannot_be_asked(kind: str) -> None:
    one: Kind = KINDS[kind]
    bare = HumanTask(task_type=kind)
    wanted = ["human_task.form_schema"] if kind == "form" else []
    assert [field for field, _ in one.problems_with_task(bare)] == wanted
    assert one.problems_with_task(HumanTask(form_schema=FORM)) == []
    ((field, why),) = one.problems_with_task(HumanTask(form_schema={"type": "nonsense"}))
    assert field == "human_task.form_schema"
    assert "not a usable JSON Schema" in why


def test_where_a_yes_must_carry_something_nobody_can_say_it_by_default() -> None:
    able = {name for name, kind in KINDS.items() if kind.can_default_to_yes}
    assert able == {"approval", "confirmation", "review"}
