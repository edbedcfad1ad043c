"""What the tests of durable agents share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic_ai import Agent, RunContext
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.models.test import TestModel

from holdshort import Client
from holdshort_pydantic_ai import (
    Done,
    DurableAgent,
    Gate,
    Human,
    Suspended,
    delegate,
)

from .scripts import scripted

ANA = "ana@acme.com"
ASKED = {"pay": Gate(to=ANA)}


PAY = ToolCallPart("pay", {"to": "bob"}, "c1")


class Bank:
    """A tool with effects."""

    def __init__(self) -> None:
        self.paid: list[tuple[str, int]] = []
        self.looked = 0

    def pay(self, to: str, amount: int = 3) -> str:
        """Pay somebody."""
        self.paid.append((to, amount))
        return f"paid {amount} to {to}"

    def look(self, what: str) -> str:
        """Look something up."""
        self.looked += 1
        return f"saw {what}"


def durable(client: Client, bank: Bank, model: Any, **more: Any) -> DurableAgent:
    tools = more.pop("tools", [bank.pay, bank.look])
    toolsets = more.pop("toolsets", [])
    agent = Agent(model, name="clerk", tools=tools, toolsets=toolsets)
    return DurableAgent(agent, client, name="clerk", **{"gates": ASKED, **more})


def suspended(outcome: Any, count: int = 1) -> list[str]:
    assert isinstance(outcome, Suspended), outcome
    assert len(outcome.intent_ids) == count
    return outcome.intent_ids


def messages(client: Client, run_id: str, app: str = "clerk") -> list[Any]:
    """The conversation of a run that is over."""
    agent = DurableAgent(Agent(TestModel()), client, name=app)
    outcome = agent.run_sync("go", run_id=run_id)
    assert isinstance(outcome, Done)
    return outcome.messages


def until_done(app: DurableAgent, work: Any, client: Client, run_id: str = "r1") -> dict[str, Any]:
    for _ in range(500):
        work(app)
        run = client.get_run(run_id)
        assert run is not None
        if run["status"] in ("done", "failed"):
            return run
    raise AssertionError(f"{run_id} does not end")


@dataclass
class Deps:
    human: Human
    log: list[str]


def asking(client: Client, wait: float, log: list[str]) -> tuple[Agent[Deps, str], Deps]:
    agent = Agent(scripted([ToolCallPart("deploy", {"version": "2.1"}, "c1")]), deps_type=Deps)

    @agent.tool
    async def deploy(ctx: RunContext[Deps], version: str) -> str:
        where = await ctx.deps.human.ask(ctx, "Where to?", options=["eu", "us"])
        await ctx.deps.human.approve(ctx, f"Deploy {version}?", details={"where": where})
        ctx.deps.log.append(f"{version} to {where}")
        return f"deployed to {where}"

    return agent, Deps(Human(client, to=ANA, wait=wait), log)


def nested(client: Client, bank: Bank, gates: Any = ASKED) -> DurableAgent:
    inner = Agent(scripted([PAY]), name="inner", tools=[bank.pay])
    middle = Agent(scripted([ToolCallPart("hand_on", {}, "m1")]), name="middle")
    outer = Agent(scripted([ToolCallPart("hand_over", {}, "o1")]), name="outer")

    @middle.tool
    async def hand_on(ctx: RunContext[None]) -> str:
        return f"inner {await delegate(ctx, inner, 'pay')}"

    @outer.tool
    async def hand_over(ctx: RunContext[None]) -> str:
        return f"middle {await delegate(ctx, middle, 'see to it')}"

    return DurableAgent(outer, client, name="clerk", gates=gates)
