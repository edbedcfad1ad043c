"""The intents that adapters file: the same call is the same question, and all of it is shown."""

from __future__ import annotations

from typing import Any

import pytest

from holdshort import Client, InvalidRequest, Reviewer
from holdshort.adapters import Gate, call_key, question_intent, shown_arguments, tool_intent

from .conftest import ANA, payment


def send(client: Client, body: dict[str, Any]) -> str:
    fields = dict(body)
    return client.send_intent(fields.pop("intent_type"), **fields)


def test_the_same_call_is_the_same_intent(client: Client) -> None:
    assert send(client, payment({"to": "x", "amount": 5})) == send(
        client, payment({"amount": 5, "to": "x"})
    )
    assert send(client, payment({"to": "x", "amount": 5}, "c2")) != send(
        client, payment({"to": "x", "amount": 5})
    )


def test_keys_differ_in_each_part() -> None:
    parts = [("f", "r", "s", "c", 0), ("f", "r", "s", "c", 1), ("f", "r", "s", "d", 0)]
    parts += [("f", "r", "t", "c", 0), ("f", "q", "s", "c", 0), ("g", "r", "s", "c", 0)]
    parts += [("f", "r\0s", "", "c", 0), ("f", "r", "\0sc", "", 0)]
    keys = {call_key(*part) for part in parts}  # type: ignore[arg-type]
    assert len(keys) == len(parts)
    assert all(len(key) <= 128 for key in keys)


def test_all_of_the_call_is_shown(client: Client) -> None:
    asked = client.get_intent(send(client, payment({"to": "x", "amount": 5})))
    assert asked["intent_type"] == "intent.tool.pay.v1"
    assert asked["human_task"]["title"] == 'pay(amount=5, to="x")'
    assert asked["assigned"] == [ANA]


def test_what_a_gate_says_is_asked(client: Client) -> None:
    gate = {"task": "review", "title": "Pay?", "deadline": "1h", "fields": {"quorum": 2}}
    gate |= {"description": "why", "intent_type": "intent.money.v1", "to": [ANA, "bo@acme.com"]}
    body = tool_intent(Gate(**gate), key="k", tool="pay", arguments={})
    asked = client.get_intent(send(client, body))
    assert asked["intent_type"] == "intent.money.v1"
    assert asked["human_task"]["task_type"] == "review"
    assert asked["human_task"]["title"] == "Pay?"


def test_long_titles_are_cut_and_the_arguments_are_not(client: Client) -> None:
    body = payment({"text": "x" * 5000, "bidi": "\u202e"})
    assert len(body["title"]) <= 255
    assert "\u202e" not in body["title"]
    assert body["action"]["arguments"]["text"] == "x" * 5000


@pytest.mark.parametrize(
    "arguments", [{"a": object()}, {"a": float("nan")}, {1: "a"}, {"a": (1, 2)}, "text", None]
)
def test_what_cannot_be_shown_is_refused(arguments: Any) -> None:
    with pytest.raises(InvalidRequest):
        shown_arguments(arguments)


def test_a_question_is_answered_by_one_of_its_options(client: Client, ana: Reviewer) -> None:
    body = question_intent(key="q", question="Which one?", options=["red", "blue"], to=ANA)
    asked = send(client, body)
    with pytest.raises(InvalidRequest):
        ana.submit(asked, "provided", data={"answer": "green"})
    ana.submit(asked, "provided", data={"answer": "blue"})
    assert client.wait_for(asked, timeout=10).data == {"answer": "blue"}


def test_a_question_is_answered_by_text(client: Client, ana: Reviewer) -> None:
    asked = send(client, question_intent(key="q", question="Why?", to=ANA))
    ana.submit(asked, "provided", comment="Because.")
    assert client.wait_for(asked, timeout=10).comment == "Because."
