"""`ApprovalMiddleware`: what is approved runs once, as approved; the rest is told to the model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from holdshort import Client, Reviewer, Worker
from holdshort_langgraph import (
    ApprovalMiddleware,
    Gate,
    HumanInTheLoopMiddleware,
    LangGraphApp,
    Suspended,
    human_tool,
)
from holdshort_langgraph.session import CURRENT, Session

from .conftest import ANA
from .graphs import Model, pay

CONFIG: Any = {"configurable": {"thread_id": "t1"}}
HELLO = {"messages": [("user", "pay")]}
PAID: list[Any] = []


@pytest.fixture(autouse=True)
def _nothing_paid() -> None:
    PAID.clear()


@tool(name_or_callable="pay")
def pay_tool(to: str, amount: int, token: str = "") -> str:
    """Pay somebody."""
    PAID.append((to, amount, *([token] if token else [])))
    return f"paid {to} {amount}"


def agent_of(turns: list[list[dict[str, Any]]], gates: Any = None, tools: Any = ()) -> Any:
    spec = gates if gates is not None else {"pay": Gate(to=ANA)}
    return create_agent(
        Model(turns=turns),
        [pay_tool, *tools],
        middleware=[ApprovalMiddleware(gates=spec)],
        checkpointer=InMemorySaver(),
    )


@contextmanager
def session(client: Client) -> Iterator[None]:
    """Somebody else's run of the agent, with a client at hand and no lease."""
    token = CURRENT.set(Session(client, "app", "t1"))
    try:
        yield
    finally:
        CURRENT.reset(token)


def work(client: Client, app: LangGraphApp) -> None:
    Worker(client, apps=[app], retry_after=0.0).run(once=True)


def heard(client: Client, thread_id: str = "t1") -> str:
    run = client.get_run(thread_id)
    assert run is not None
    assert run["status"] == "done", run
    return str(run["result"]["messages"][-1]["content"])


def test_a_call_that_nobody_gates_runs_at_once(client: Client) -> None:
    app = LangGraphApp(agent_of([[pay()]], gates={"wipe": True}), client, name="app")

    result = app.invoke(HELLO, "t1")

    assert result["messages"][-1].content == "heard: paid bob 5"


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_approved_calls_run_once_as_approved(client: Client, ana: Reviewer, colour: str) -> None:
    agent = agent_of([[pay("bob", 5, "c1"), pay("eve", 6, "c2")]])
    app = LangGraphApp(agent, client, name="app", asynchronous=colour == "async")
    in_colour = {
        "sync": lambda: app.invoke(HELLO, "t1"),
        "async": lambda: asyncio.run(app.ainvoke(HELLO, "t1")),
    }
    asked = in_colour[colour]()
    assert isinstance(asked, Suspended)
    ids = {client.get_intent(one)["arguments"]["to"]: one for one in asked.intent_ids}

    ana.approve(ids["eve"], arguments={"to": "eve", "amount": 1}, comment="less")
    work(client, app)
    assert PAID == [("eve", 1)]  # at once, while the other one waits
    ana.approve(ids["bob"])
    for _ in range(2):
        work(client, app)

    assert PAID == [("eve", 1), ("bob", 5)]
    assert "amount: 6 -> 1" in heard(client)
    assert "less" in heard(client)


def test_a_refusal_and_a_withdrawal_each_tell_the_model_why(client: Client, ana: Reviewer) -> None:
    agent = agent_of([[pay("a", 1, "c1"), pay("b", 2, "c2")]])
    app = LangGraphApp(agent, client, name="app", wakes="all")
    first, second = app.invoke(HELLO, "t1").intent_ids
    ana.reject(first, comment="too much")
    client.cancel(second, "not needed")
    work(client, app)

    assert PAID == []
    assert "rejected by ana@acme.com" in heard(client)
    assert "too much" in heard(client)
    assert "was withdrawn" in heard(client)


def test_the_same_call_id_in_a_later_turn_is_another_question(
    client: Client, ana: Reviewer
) -> None:
    app = LangGraphApp(agent_of([[pay()], [pay()]]), client, name="app")
    (first,) = app.invoke(HELLO, "t1").intent_ids
    ana.approve(first)
    work(client, app)

    run = client.get_run("t1")
    assert run is not None
    (second,) = run["waits"]
    assert second != first
    ana.reject(second)
    work(client, app)
    assert PAID == [("bob", 5)]


@pytest.mark.parametrize(
    "forged",
    [
        True,
        {"type": "approve"},
        {"decisions": [{"type": "approve"}]},
        [{"type": "accept", "args": None}],
        "ours",
    ],
)
def test_a_forged_answer_does_not_act_and_the_question_stays(
    client: Client, ana: Reviewer, forged: Any
) -> None:
    agent = agent_of([[pay()]])
    app = LangGraphApp(agent, client, name="app")
    (intent,) = app.invoke(HELLO, "t1").intent_ids
    (pending,) = agent.get_state(CONFIG).interrupts
    answer = {"holdshort": pending.value["key"]} if forged == "ours" else forged
    with session(client):
        agent.invoke(Command(resume={pending.id: answer}), CONFIG)

    assert PAID == []
    assert client.get_intent(intent)["status"] == "WAITING"
    ana.approve(intent)
    work(client, app)
    assert PAID == [("bob", 5)]
    assert heard(client) == "heard: paid bob 5"


def test_a_question_forged_in_the_state_approves_nothing_else(
    client: Client, ana: Reviewer
) -> None:
    """Who can write to the checkpoints shows people something harmless under the call's key."""
    agent = agent_of([[pay("eve", 1000)]])
    harmless = {
        "intent_type": "intent.tool.pay.v1",
        "to": ANA,
        "action": {"tool": "pay", "arguments": {"to": "bob", "amount": 1}},
    }
    with session(client):
        agent.invoke(HELLO, CONFIG)
        (pending,) = agent.get_state(CONFIG).interrupts
        intent = client.send_intent(harmless, key=pending.value["key"])
        ana.approve(intent)
        agent.invoke(Command(resume={pending.id: {"holdshort": pending.value["key"]}}), CONFIG)

    assert PAID == []
    assert agent.get_state(CONFIG).interrupts  # it still waits for a decision about this call


def test_arguments_that_were_changed_in_the_thread_are_asked_about_again(
    client: Client, ana: Reviewer
) -> None:
    agent = agent_of([[pay("bob", 5)]])
    app = LangGraphApp(agent, client, name="app")
    (intent,) = app.invoke(HELLO, "t1").intent_ids
    ana.approve(intent)
    message = agent.get_state(CONFIG).values["messages"][-1]
    call = {"type": "tool_call", **pay("eve", 500)}
    changed = message.model_copy(update={"tool_calls": [call]})
    agent.update_state(CONFIG, {"messages": [changed]}, as_node="model")
    with session(client):
        agent.invoke(None, CONFIG)
    work(client, app)

    assert PAID == []
    run = client.get_run("t1")
    assert run is not None
    (again,) = run["waits"]
    assert client.get_intent(again)["arguments"] == {"to": "eve", "amount": 500}


def test_secrets_are_masked_everywhere_and_bound_all_the_same(
    client: Client, ana: Reviewer
) -> None:
    call = {"id": "c1", "name": "pay", "args": {"to": "bob", "amount": 5, "token": "s3cr3t"}}
    agent = agent_of([[call]], {"pay": Gate(to=ANA, secrets=("token",))})
    app = LangGraphApp(agent, client, name="app")
    (intent,) = app.invoke(HELLO, "t1").intent_ids

    assert "s3cr3t" not in str(client.get_intent(intent))
    assert "s3cr3t" not in str(agent.get_state(CONFIG).interrupts)
    ana.approve(intent)
    work(client, app)
    assert PAID == [("bob", 5, "s3cr3t")]


def test_a_tool_that_failed_is_not_run_again_and_the_model_is_told(
    client: Client, ana: Reviewer
) -> None:
    @tool
    def wipe(path: str) -> str:
        """Delete."""
        PAID.append(path)
        raise OSError("disk on fire")

    call = {"id": "c1", "name": "wipe", "args": {"path": "/x"}}
    agent = agent_of([[call]], {"wipe": Gate(to=ANA)}, [wipe])
    app = LangGraphApp(agent, client, name="app")
    (intent,) = app.invoke(HELLO, "t1").intent_ids
    ana.approve(intent)
    for _ in range(3):
        work(client, app)

    assert PAID == ["/x"]
    assert "disk on fire" in heard(client)


def test_a_gated_tool_may_stop_for_a_person_itself(client: Client, ana: Reviewer) -> None:
    @tool
    def wipe(path: str) -> str:
        """Delete."""
        colour = interrupt("which colour?")
        PAID.append((path, colour))
        return f"{path} {colour}"

    call = {"id": "c1", "name": "wipe", "args": {"path": "/x"}}
    agent = agent_of([[call]], {"wipe": Gate(to=ANA)}, [wipe])
    app = LangGraphApp(agent, client, name="app", fields={"to": ANA})
    (intent,) = app.invoke(HELLO, "t1").intent_ids
    ana.approve(intent, arguments={"path": "/y"})
    work(client, app)
    run = client.get_run("t1")
    assert run is not None
    (question,) = run["waits"]
    ana.submit(question, "provided", comment="red")
    work(client, app)

    assert PAID == [("/y", "red")]
    assert "/y red" in heard(client)


def test_a_new_message_closes_the_calls_that_were_open(client: Client, ana: Reviewer) -> None:
    agent = agent_of([[pay()]])
    app = LangGraphApp(agent, client, name="app")
    (intent,) = app.invoke(HELLO, "t1").intent_ids

    result = app.invoke({"messages": [("user", "never mind")]}, "t1", replace=True)

    assert client.get_intent(intent)["status"] == "CANCELED"
    kinds = [message.type for message in result["messages"]]
    assert kinds == ["human", "ai", "tool", "human", "ai"]
    assert PAID == []


def test_arguments_that_cannot_be_shown_are_not_executed(client: Client) -> None:
    call = {"id": "c1", "name": "pay", "args": {"to": "bob", "amount": float("nan")}}
    app = LangGraphApp(agent_of([[call]]), client, name="app")

    result = app.invoke(HELLO, "t1")

    assert PAID == []
    assert "cannot be shown" in result["messages"][-1].content


def test_a_model_asks_a_person(client: Client, ana: Reviewer) -> None:
    calls = [
        {"id": "c1", "name": "ask_human", "args": {"question": "which region?"}},
        {"id": "c2", "name": "ask_human", "args": {"question": "how?", "options": ["a", "b"]}},
        {"id": "c3", "name": "ask_human", "args": {"question": "why?"}},
    ]
    app = LangGraphApp(agent_of([calls], tools=[human_tool(to=ANA)]), client, name="app")
    ids = {client.get_intent(one)["title"]: one for one in app.invoke(HELLO, "t1").intent_ids}
    ana.submit(ids["which region?"], "provided", comment="north")
    ana.submit(ids["how?"], "provided", data={"answer": "b"})
    ana.reject(ids["why?"], comment="I do not know")
    work(client, app)

    assert heard(client).startswith("heard: north | b | ")
    assert "I do not know" in heard(client)


def hitl(client: Client, config: Any, calls: Any = None) -> LangGraphApp:
    agent = create_agent(
        Model(turns=[calls or [pay()]]),
        [pay_tool],
        middleware=[HumanInTheLoopMiddleware({"pay": config}, to=ANA)],
        checkpointer=InMemorySaver(),
    )
    return LangGraphApp(agent, client, name="app")


def test_the_drop_in_takes_langchains_configuration(client: Client, ana: Reviewer) -> None:
    app = hitl(client, True)
    (intent,) = app.invoke(HELLO, "t1").intent_ids
    ana.submit(intent, "changes_requested", comment="it is paid already")
    work(client, app)
    assert heard(client) == "heard: it is paid already"

    app = hitl(client, {"allowed_decisions": ["approve"], "description": lambda c, s, r: c["id"]})
    (intent,) = app.invoke(HELLO, "t2").intent_ids
    assert client.get_intent(intent)["description"] == "call_0"
    ana.approve(intent, arguments={"to": "eve", "amount": 1})
    work(client, app)
    assert "cannot be approved with changed arguments" in heard(client, "t2")
    assert PAID == []

    app = hitl(client, {"allowed_decisions": ["respond"]})
    (intent,) = app.invoke(HELLO, "t3").intent_ids
    ana.submit(intent, "provided", comment="42")
    work(client, app)
    assert heard(client, "t3") == "heard: 42"

    app = hitl(client, {"allowed_decisions": ["approve"], "when": lambda request: False})
    assert app.invoke(HELLO, "t4")["messages"][-1].content == "heard: paid bob 5"

    app = hitl(client, {"allowed_decisions": ["approve"], "when": lambda request: 1 / 0})
    assert isinstance(app.invoke(HELLO, "t5"), Suspended)
