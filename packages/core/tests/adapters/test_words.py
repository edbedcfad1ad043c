"""What the model is told: who, why, and that it was not executed."""

from __future__ import annotations

from typing import Any

import pytest

from holdshort import Client, Decision, Reviewer
from holdshort.adapters import answer_of, edit_note, question_intent, refusal

from .conftest import ANA, payment
from .test_asking import send


def decided(client: Client, body: dict[str, Any], decide: Any) -> Decision:
    asked = send(client, body)
    decide(asked)
    return client.wait_for(asked, timeout=10)


def test_a_no_names_person_and_reason(client: Client, ana: Reviewer) -> None:
    decision = decided(client, payment({}), lambda i: ana.reject(i, comment="Wrong\x1b[31m one"))
    text = refusal(decision)
    assert f"was rejected by {ANA}" in text
    assert "not executed" in text
    assert "Wrong\\x1b[31m one" in text


def test_a_withdrawal_is_nobodys_no(client: Client) -> None:
    assert "withdrawn" in refusal(decided(client, payment({}), client.cancel))


def test_a_timeout_is_nobodys_no(client: Client) -> None:
    asked = send(client, payment({}) | {"deadline": 0.05})
    decision = client.wait_for(asked, timeout=20)
    assert "nobody decided in time" in refusal(decision)


def test_a_long_reason_is_cut(client: Client, ana: Reviewer) -> None:
    decision = decided(client, payment({}), lambda i: ana.reject(i, comment="x" * 9000))
    assert 2000 < len(refusal(decision)) < 2400


def test_an_edit_is_told(client: Client, ana: Reviewer) -> None:
    before = {"amount": 5, "to": "x"}
    after = {"amount": 4, "to": "x", "note": "n"}
    decision = decided(client, payment(before), lambda i: ana.approve(i, arguments=after))
    note = edit_note(decision, before)
    assert f"{ANA} approved this with changed arguments" in note
    assert "amount: 5 -> 4" in note
    assert 'note: null -> "n"' in note
    assert "to:" not in note


def test_no_edit_no_note(client: Client, ana: Reviewer) -> None:
    assert edit_note(decided(client, payment({"a": 1}), ana.approve), {"a": 1}) == ""


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ({}, {"comment": "so"}, "so"),
        ({"options": ["a", "b"]}, {"data": {"answer": "b"}}, "b"),
        ({"schema": {"type": "object"}}, {"data": {"x": 1, "y": 2}}, {"x": 1, "y": 2}),
    ],
)
def test_answers(
    client: Client,
    ana: Reviewer,
    question: dict[str, Any],
    answer: dict[str, Any],
    expected: Any,
) -> None:
    body = question_intent(key="q", question="What?", to=ANA, **question)
    decision = decided(client, body, lambda i: ana.submit(i, "provided", **answer))
    assert answer_of(decision) == expected
