"""Graphs that speak other shapes work unchanged, and get their own answer shape back."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware as LangChains
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from holdshort import Client, Reviewer, Worker
from holdshort_langgraph import LangGraphApp

from .conftest import ANA
from .graphs import Model, asking, parallel, pay

INBOX = {
    "action_request": {"action": "mail", "args": {"n": 1}},
    "config": {
        "allow_accept": True,
        "allow_edit": True,
        "allow_respond": True,
        "allow_ignore": True,
    },
    "description": "Send it?",
}
QUESTION = {
    "action_request": {"action": "question", "args": {"text": "which?"}},
    "config": {
        "allow_accept": False,
        "allow_edit": False,
        "allow_respond": True,
        "allow_ignore": True,
    },
}


def yes(ana: Reviewer, intent: str) -> None:
    ana.approve(intent)


def edited(ana: Reviewer, intent: str) -> None:
    ana.approve(intent, arguments={"n": 2})


def no(ana: Reviewer, intent: str) -> None:
    ana.reject(intent, comment="not now")


def changes(ana: Reviewer, intent: str) -> None:
    ana.submit(intent, "changes_requested", comment="shorter")


def told(ana: Reviewer, intent: str) -> None:
    ana.submit(intent, "provided", comment="blue")


def tell_json(ana: Reviewer, intent: str) -> None:
    ana.submit(intent, "provided", comment='{"colour": "blue"}')


class Form(BaseModel):
    colour: str
    count: int


def fill(ana: Reviewer, intent: str) -> None:
    ana.submit(intent, "provided", data={"colour": "blue", "count": 2})


def choose(ana: Reviewer, intent: str) -> None:
    ana.submit(intent, "provided", data={"answer": "b"})


@pytest.mark.parametrize(
    ("question", "options", "how", "answer"),
    [
        ("which?", {}, told, "blue"),
        ("which?", {}, tell_json, {"colour": "blue"}),
        ("which?", {}, no, None),
        ({"question": "which?", "of": [1]}, {}, told, "blue"),
        ({"0123456789abcdef0123456789abcdef": 1}, {}, told, "blue"),
        (INBOX, {}, yes, [{"type": "accept", "args": {"action": "mail", "args": {"n": 1}}}]),
        ([INBOX], {}, edited, [{"type": "edit", "args": {"action": "mail", "args": {"n": 2}}}]),
        ([INBOX], {}, no, [{"type": "ignore", "args": None}]),
        ([INBOX], {}, changes, [{"type": "response", "args": "shorter"}]),
        ([QUESTION], {}, told, [{"type": "response", "args": "blue"}]),
        ("fill", {"response_schema": Form}, fill, Form(colour="blue", count=2)),
        ("choose", {"response_schema": Literal["a", "b"]}, choose, "b"),
    ],
)
def test_a_question_and_its_answer(
    client: Client, ana: Reviewer, question: Any, options: Any, how: Any, answer: Any
) -> None:
    node = asking(question, **options)
    graph = parallel(node).compile(checkpointer=InMemorySaver())
    app = LangGraphApp(graph, client, name="app", fields={"to": ANA})
    (intent,) = app.invoke({"out": []}, "t1").intent_ids

    how(ana, intent)
    Worker(client, apps=[app]).run(once=True)

    config: Any = {"configurable": {"thread_id": "t1"}}
    assert graph.get_state(config).values["out"] == [answer]


PAID: list[Any] = []


@tool(name_or_callable="pay")
def pay_tool(to: str, amount: int) -> str:
    """Pay somebody."""
    PAID.append((to, amount))
    return f"paid {to} {amount}"


@tool
def wipe(to: str = "") -> str:
    """Something that nobody gates."""
    raise AssertionError("an edit must not reach another tool")


def langchains(client: Client, mode: Any, allowed: list[str]) -> LangGraphApp:
    PAID.clear()
    agent = create_agent(
        Model(turns=[[pay("bob", 5, "c1"), pay("eve", 6, "c2")]]),
        [pay_tool, wipe],
        middleware=[LangChains({"pay": {"allowed_decisions": allowed}}, interrupt_mode=mode)],
        checkpointer=InMemorySaver(),
    )
    return LangGraphApp(agent, client, name="app", fields={"to": ANA})


def last(client: Client) -> str:
    run = client.get_run("t1")
    assert run is not None
    assert run["status"] == "done", run
    return str(run["result"]["messages"][-1]["content"])


@pytest.mark.parametrize("mode", ["batched", "per_call"])
def test_langchains_own_middleware_gets_its_own_decisions(
    client: Client, ana: Reviewer, mode: str
) -> None:
    app = langchains(client, mode, ["approve", "edit", "reject"])
    bob, eve = app.invoke({"messages": [("user", "pay")]}, "t1").intent_ids
    ana.approve(bob, arguments={"to": "bob", "amount": 3})
    Worker(client, apps=[app]).run(once=True)
    ana.reject(eve, comment="not eve")

    Worker(client, apps=[app]).run(once=True)

    assert PAID == [("bob", 3)]
    assert "paid bob 3" in last(client)
    assert "not eve" in last(client)


@pytest.mark.parametrize("mode", ["batched", "per_call"])
def test_an_answer_that_would_poison_the_thread_is_asked_for_again(
    client: Client, ana: Reviewer, mode: str
) -> None:
    app = langchains(client, mode, ["approve", "reject"])
    bob, eve = app.invoke({"messages": [("user", "pay")]}, "t1").intent_ids
    ana.approve(bob, arguments={"to": "bob", "amount": 3})  # edits are not allowed here
    ana.approve(eve)

    Worker(client, apps=[app]).run(once=True)

    again = client.list_intents(status="WAITING")
    assert any(
        "edited arguments" in client.get_intent(i["intent_id"])["description"] for i in again
    )
    for intent in again:
        ana.approve(intent["intent_id"])
    Worker(client, apps=[app]).run(once=True)
    assert sorted(PAID) == [("bob", 5), ("eve", 6)]
    assert "paid bob 5 | paid eve 6" in last(client)
