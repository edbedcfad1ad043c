"""Agents as tools of agents, whose approvals are not lost."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_ai import Agent, DeferredToolRequests, RunContext
from pydantic_ai.messages import ToolCallPart

from holdshort import Client, Reviewer
from holdshort.errors import ConfigurationError
from holdshort_pydantic_ai import (
    DurableAgent,
    Gate,
    HumanApprovals,
    delegate,
)

from .kit import (
    ANA,
    ASKED,
    PAY,
    Bank,
    messages,
    nested,
    suspended,
)
from .scripts import returned, scripted


def test_three_agents_deep(client: Client, ana: Reviewer, bank: Bank, work: Any) -> None:
    app = nested(client, bank)
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    ana.approve(asked, arguments={"to": "eve", "amount": 1})
    assert work(app) == 1
    assert bank.paid == [("eve", 1)]
    assert returned(messages(client, "r1"), "o1") == "middle finished"


def test_a_gated_delegation(client: Client, ana: Reviewer, bank: Bank, work: Any) -> None:
    app = nested(client, bank, {**ASKED, "hand_over": Gate(to=ANA)})
    [over] = suspended(app.run_sync("go", run_id="r1"))
    assert client.get_intent(over)["tool"] == "hand_over"
    ana.approve(over)
    assert work(app) == 1
    run = client.get_run("r1")
    assert run is not None
    [pay] = run["waits"]
    assert client.get_intent(pay)["tool"] == "pay"
    ana.approve(pay)
    assert work(app) == 1
    assert bank.paid == [("bob", 3)]


def test_two_delegations_at_once(client: Client, ana: Reviewer, bank: Bank, work: Any) -> None:
    inner = Agent(scripted([PAY]), name="inner", tools=[bank.pay])
    calls = [ToolCallPart("hand_over", {}, "o1"), ToolCallPart("hand_over", {}, "o2"), PAY]
    outer = Agent(scripted(calls), name="outer", tools=[bank.pay])

    @outer.tool
    async def hand_over(ctx: RunContext[None]) -> str:
        return f"inner {await delegate(ctx, inner, 'pay')}"

    app = DurableAgent(outer, client, name="clerk", gates=ASKED)
    asked = suspended(app.run_sync("go", run_id="r1"), 3)
    titles = sorted(client.get_intent(one)["title"] for one in asked)
    assert [title.split(":")[0] for title in titles] == ["inner", "inner", "outer"]
    for one in asked[:2]:
        ana.approve(one)
    assert work(app) == 0
    ana.reject(asked[2], comment="one is enough")
    assert work(app) == 1
    assert bank.paid == [("bob", 3)] * 2


def test_masked_arguments_of_a_nested_agent(
    client: Client, ana: Reviewer, bank: Bank, work: Any
) -> None:
    app = nested(client, bank, {"pay": Gate(to=ANA, secrets=("to",))})
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    shown = ana.get(asked)["arguments"]
    assert "bob" not in str(shown)
    ana.approve(asked, arguments={**shown, "amount": 2})
    assert work(app) == 1
    assert bank.paid == [("bob", 2)]


def test_a_delegation_that_nobody_keeps(client: Client, bank: Bank) -> None:
    """The framework would tell the main agent of requests as if they were the other's answer."""
    output = [str, DeferredToolRequests]
    gates = HumanApprovals(client, gates=ASKED)
    inner = Agent(scripted([PAY]), tools=[bank.pay], output_type=output, capabilities=[gates])
    outer = Agent(scripted([ToolCallPart("hand_over", {}, "o1")]))

    @outer.tool
    async def hand_over(ctx: RunContext[None]) -> str:
        return f"inner {await delegate(ctx, inner, 'pay')}"

    with pytest.raises(ConfigurationError, match="would be lost"):
        outer.run_sync("go")
    assert bank.paid == []
