"""Gated tools: one approval, one execution, and nothing at all where something fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from crewai import Agent, Crew, Task
from crewai.hooks import (
    register_before_tool_call_hook,
    unregister_before_tool_call_hook,
)
from crewai.tools import BaseTool, tool
from pydantic import BaseModel

from holdshort import Client, Reviewer
from holdshort.adapters import Gate
from holdshort.errors import HoldshortError
from holdshort_crewai import HumanTool, gate_tools

from .scripted import Scripted, call, once

PAID: list[Any] = []
GATES = {"pay*": Gate(to="ana@acme.com")}


@pytest.fixture(autouse=True)
def _clean() -> None:
    PAID.clear()


@tool("pay")
def pay(to: str, amount: int) -> str:
    """Pay an amount to somebody."""
    PAID.append((to, amount))
    return f"paid {amount} to {to}"


@tool("pay_badly")
def pay_badly(to: str) -> str:
    """Pay, and fail."""
    PAID.append(to)
    raise OSError("the bank is closed")


class Transfer(BaseModel):
    to: str
    amount: int = 1


class PayByClass(BaseTool):
    name: str = "Pay By Class"
    description: str = "Pays"
    args_schema: type[BaseModel] = Transfer

    def _run(self, to: str, amount: int = 1) -> str:
        PAID.append((to, amount))
        return f"paid {amount} to {to}"


@contextmanager
def answering(client: Client, answer: Any) -> Iterator[list[dict[str, Any]]]:
    """Answer all that is asked meanwhile; the intents are what it yields."""
    over, asked = threading.Event(), []
    earlier = client.list_intents()

    def work() -> None:
        known = {intent["intent_id"] for intent in earlier}
        while not over.is_set():
            for intent in client.list_intents():
                if intent["intent_id"] not in known:
                    known.add(intent["intent_id"])
                    asked.append(intent)
                    answer(intent["intent_id"])
            time.sleep(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield asked
    finally:
        over.set()
        thread.join()


def _crew(model: Scripted, *tools: Any, **fields: Any) -> Crew:
    agent = Agent(role="clerk", goal="g", backstory="b", llm=model, tools=list(tools), **fields)
    task = Task(description="Do it.", expected_output="a report", agent=agent)
    return Crew(agents=[agent], tasks=[task])


def _model(say: Any, **fields: Any) -> Scripted:
    return Scripted(model="scripted", say=say, seen=[], **fields)


def test_a_gated_tool_looks_as_before(client: Client) -> None:
    [behind] = gate_tools([pay], GATES, client)
    assert (behind.name, behind.description) == (pay.name, pay.description)
    assert behind.args_schema is pay.args_schema
    assert behind is not pay


@pytest.mark.parametrize("native", [True, False])
def test_approved_in_process(client: Client, ana: Reviewer, native: bool) -> None:
    def react(turns: int, messages: Any) -> str:
        if turns == 0:
            return 'Thought: pay\nAction: pay\nAction Input: {"to": "bob", "amount": 5}'
        return "Thought: I now know the final answer\nFinal Answer: all done"

    model = _model(once(call("pay", to="bob", amount=5)) if native else react, native=native)
    crew = gate_tools(_crew(model, pay), GATES, client, timeout=30)
    with answering(client, lambda one: ana.approve(one, arguments={"to": "bob", "amount": 4})):
        assert crew.kickoff().raw == "all done"
    assert PAID == [("bob", 4)]
    assert "paid 4 to bob" in model.told()
    assert "amount: 5 -> 4" in model.told()


def test_rejected_with_the_reason(client: Client, ana: Reviewer) -> None:
    model = _model(once(call("pay", to="bob", amount=5)))
    crew = gate_tools(_crew(model, pay), GATES, client, timeout=30)
    with answering(client, lambda one: ana.reject(one, comment="over budget")):
        crew.kickoff()
    assert PAID == []
    assert "over budget" in model.told()


def test_a_failing_tool_is_not_tried_six_times(client: Client, ana: Reviewer) -> None:
    def react(turns: int, messages: Any) -> str:
        if turns == 0:
            return 'Thought: pay\nAction: pay_badly\nAction Input: {"to": "bob"}'
        return "Thought: I now know the final answer\nFinal Answer: all done"

    model = _model(react, native=False)
    crew = gate_tools(_crew(model, pay_badly), GATES, client, timeout=30)
    with answering(client, ana.approve) as asked:
        crew.kickoff()
    assert PAID == ["bob"]
    assert len(asked) == 1
    assert "the bank is closed" in model.told()


def test_nobody_in_time(client: Client) -> None:
    model = _model(once(call("pay", to="bob", amount=5)))
    crew = gate_tools(_crew(model, pay), GATES, client, timeout=0.1)
    crew.kickoff()
    assert PAID == []
    assert "in time" in model.told()
    assert client.list_intents()[0]["status"] == "CANCELED"


def test_called_directly(client: Client, ana: Reviewer) -> None:
    [behind, by_class] = gate_tools([pay, PayByClass()], {"*": GATES["pay*"]}, client, timeout=30)
    with answering(client, ana.reject):
        assert "not executed" in behind.run(to="bob", amount=1)
        assert "not executed" in by_class.run(to="bob")
    assert PAID == []
    with answering(client, ana.approve):
        assert by_class.run(to="bob") == "paid 1 to bob"
    assert PAID == [("bob", 1)]


def test_edited_so_that_it_does_not_fit(client: Client, ana: Reviewer) -> None:
    [behind] = gate_tools([pay], GATES, client, timeout=30)
    with answering(client, lambda one: ana.approve(one, arguments={"to": "bob", "amount": "x"})):
        assert "do not fit the tool" in behind.run(to="bob", amount=1)
    assert PAID == []


class _Away(Client):
    """A server that nobody reaches."""

    def _run(self, flow: Any) -> Any:
        raise HoldshortError("nobody is there")


def test_it_fails_closed_where_the_server_is_away(database: str) -> None:
    with _Away(database) as away:
        model = _model(once(call("pay", to="bob", amount=5)))
        gate_tools(_crew(model, pay), GATES, away, timeout=1).kickoff()
        assert "nobody is there" in model.told()
        with pytest.raises(HoldshortError, match="nobody is there"):
            gate_tools(pay, GATES, away, timeout=1).run(to="bob", amount=1)
    assert PAID == []


def test_a_gate_that_errs_asks(client: Client, ana: Reviewer) -> None:
    def errs(name: str, arguments: dict[str, Any]) -> bool:
        raise LookupError(name)

    gates = {"*": Gate(when=errs, to="ana@acme.com")}
    [behind] = gate_tools([pay], gates, client, timeout=30)
    with answering(client, ana.reject) as asked:
        behind.run(to="bob", amount=1)
    assert len(asked) == 1
    assert PAID == []


def test_what_crewai_adds_by_itself_is_gated_by_a_hook(client: Client, ana: Reviewer) -> None:
    """Delegation is such a tool; MCP's come the same way."""
    delegate = call("delegate_work_to_coworker", task="t", context="c", coworker="helper")
    chief = _model(once(delegate))
    helper = _model(lambda turns, messages: "helped")
    about = {"goal": "g", "backstory": "b"}
    one = Agent(role="chief", llm=chief, allow_delegation=True, **about)
    two = Agent(role="helper", llm=helper, **about)
    task = Task(description="Do it.", expected_output="a report", agent=one)
    for answer, word in ((ana.reject, "not executed"), (ana.approve, "helped")):
        crew = Crew(agents=[one, two], tasks=[task])
        gate_tools(crew, {"delegate_*": Gate(to="ana@acme.com")}, client, timeout=30)
        with answering(client, answer) as asked:
            crew.kickoff()
        assert asked[0]["tool"] == "delegate_work_to_coworker"
        assert word in chief.told()
        assert len(helper.seen) == (1 if word == "helped" else 0)
        one, two = one.copy(), two.copy()
        task = Task(description="Do it.", expected_output="a report", agent=one)
        one.llm, two.llm = chief, helper


def test_the_hook_fails_closed(database: str) -> None:
    delegate = call("delegate_work_to_coworker", task="t", context="c", coworker="helper")
    chief, helper = _model(once(delegate)), _model(lambda turns, messages: "helped")
    about = {"goal": "g", "backstory": "b"}
    one = Agent(role="chief", llm=chief, allow_delegation=True, **about)
    two = Agent(role="helper", llm=helper, **about)
    task = Task(description="Do it.", expected_output="a report", agent=one)
    with _Away(database) as away:
        gate_tools(Crew(agents=[one, two], tasks=[task]), ["delegate_*"], away).kickoff()
    assert helper.seen == []
    assert "nobody is there" in chief.told()


def test_a_copy_of_an_agent_does_not_slip_through(client: Client, ana: Reviewer) -> None:
    delegate = call("delegate_work_to_coworker", task="t", context="c", coworker="helper")
    chief, helper = _model(once(delegate)), _model(lambda turns, messages: "helped")
    about = {"goal": "g", "backstory": "b"}
    one = Agent(role="chief", llm=chief, allow_delegation=True, **about)
    two = Agent(role="helper", llm=helper, **about)
    task = Task(description="Do it for {who}.", expected_output="a report", agent=one)
    gates = {"delegate_*": Gate(to="ana@acme.com")}
    crew = gate_tools(Crew(agents=[one, two], tasks=[task]), gates, client, timeout=30)
    with answering(client, ana.reject) as asked:
        crew.kickoff_for_each([{"who": "bob"}, {"who": "eve"}])
    assert len(asked) == 2
    assert helper.seen == []


def test_other_hooks_cannot_open_it(client: Client, ana: Reviewer) -> None:
    """CrewAI runs a tool whose hook has raised. The gate is in the tool."""

    def broken(context: Any) -> None:
        raise RuntimeError("a hook of somebody else's")

    register_before_tool_call_hook(broken)
    try:
        model = _model(once(call("pay", to="bob", amount=5)))
        crew = gate_tools(_crew(model, pay), GATES, client, timeout=30)
        with answering(client, ana.reject):
            crew.kickoff()
    finally:
        unregister_before_tool_call_hook(broken)
    assert PAID == []


def test_what_cannot_be_gated_is_refused(client: Client) -> None:
    with pytest.raises(TypeError, match="only a BaseTool"):
        gate_tools([print], GATES, client)


def test_a_person_is_asked_in_process(client: Client, ana: Reviewer) -> None:
    model = _model(once(call("ask_human", question="Which?", options=["red", "blue"])))
    crew = _crew(model, HumanTool(client, to="ana@acme.com", timeout=30))
    answer = {"answer": "blue"}
    with answering(client, lambda one: ana.submit(one, "provided", data=answer)):
        crew.kickoff()
    assert "blue" in model.told()
