"""People as a dependency of tools, which wait in their own middle."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from pydantic_ai import Agent, RunContext
from pydantic_ai.exceptions import CallDeferred
from pydantic_ai.messages import ToolCallPart

from holdshort import Client, Reviewer
from holdshort.adapters import open_run
from holdshort_pydantic_ai import (
    DurableAgent,
    Gate,
    Human,
)

from .kit import (
    ANA,
    Deps,
    asking,
    messages,
    suspended,
)
from .scripts import returned, scripted


def test_people_as_a_dependency(client: Client, ana: Reviewer, work: Any) -> None:
    """Two questions in one call, each outliving the process; the tool finds what was answered."""
    log: list[str] = []
    agent, deps = asking(client, 0.01, log)
    app = DurableAgent(agent, client, name="clerk", deps=deps)
    [first] = suspended(app.run_sync("go", run_id="r1"))
    ana.submit(first, "provided", data={"answer": "eu"})
    assert work(app) == 1
    run = client.get_run("r1")
    assert run is not None
    [second] = run["waits"]
    assert second != first
    assert ana.get(second)["arguments"] == {"where": "eu"}
    ana.approve(second)
    assert work(app) == 1
    assert log == ["2.1 to eu"]
    assert returned(messages(client, "r1")) == "deployed to eu"


def test_a_dependencys_no_ends_the_tool(client: Client, ana: Reviewer, work: Any) -> None:
    log: list[str] = []
    agent, deps = asking(client, 0.01, log)
    app = DurableAgent(agent, client, name="clerk", deps_of=lambda run_id: deps)
    [first] = suspended(app.run_sync("go", run_id="r1"))
    ana.submit(first, "provided", data={"answer": "eu"})
    work(app)
    run = client.get_run("r1")
    assert run is not None
    ana.reject(run["waits"][0], comment="freeze")
    work(app)
    assert log == []
    assert "freeze" in str(messages(client, "r1"))


def test_a_dependency_without_a_durable_agent(
    client: Client, ana: Reviewer, loop: asyncio.AbstractEventLoop
) -> None:
    log: list[str] = []
    agent, deps = asking(client, 20, log)

    async def both() -> Any:
        running = asyncio.create_task(agent.run("go", deps=deps))
        for answer in (
            lambda one: ana.submit(one, "provided", data={"answer": "us"}),
            lambda one: ana.approve(one),
        ):
            while not (waiting := client.list_intents(status="WAITING")):
                await asyncio.sleep(0.02)
            answer(waiting[0]["intent_id"])
        return await running

    assert loop.run_until_complete(both()).output == "finished"
    assert log == ["2.1 to us"]


def test_a_gated_tool_that_asks_in_its_middle(client: Client, ana: Reviewer, work: Any) -> None:
    """Its permit is used up by the first part; the second goes on because the server's record
    says that it stopped to ask, and nothing else does."""
    log: list[str] = []
    agent, deps = asking(client, 0.01, log)
    app = DurableAgent(agent, client, name="clerk", deps=deps, gates={"deploy": Gate(to=ANA)})
    [gate] = suspended(app.run_sync("go", run_id="r1"))
    ana.approve(gate)
    for answer in (
        lambda one: ana.submit(one, "provided", data={"answer": "eu"}),
        lambda one: ana.approve(one),
    ):
        work(app)
        run = client.get_run("r1")
        assert run is not None
        [asked] = run["waits"]
        assert asked != gate
        answer(asked)
    work(app)
    assert log == ["2.1 to eu"]


def test_a_gated_tool_that_hands_its_call_over(client: Client, ana: Reviewer, work: Any) -> None:
    """It asks in its middle, and then leaves its result to a person: three questions, one call."""
    agent = Agent(scripted([ToolCallPart("order", {}, "c1")]), deps_type=Deps)

    @agent.tool
    async def order(ctx: RunContext[Deps]) -> str:
        await ctx.deps.human.approve(ctx, "By courier?")
        raise CallDeferred(metadata={"slip": 17})

    deps = Deps(Human(client, to=ANA, wait=0), [])
    gates = {"order": Gate(to=ANA)}
    app = DurableAgent(agent, client, name="clerk", deps=deps, gates=gates)
    seen = suspended(app.run_sync("go", run_id="r1"))
    ana.approve(seen[0])
    for number in range(2):
        assert work(app) == 1
        run = client.get_run("r1")
        assert run is not None
        assert run["status"] == "suspended", run
        [asked] = run["waits"]
        assert asked not in seen
        seen.append(asked)
        if number == 0:
            ana.approve(asked)
        else:
            assert client.get_intent(asked)["payload"]["metadata"] == {"slip": 17}
            ana.submit(asked, "provided", comment="parcel 99")
    assert work(app) == 1
    assert returned(messages(client, "r1")) == "parcel 99"


def test_a_process_that_dies_while_its_tool_waits(
    client: Client, ana: Reviewer, work: Any, loop: asyncio.AbstractEventLoop
) -> None:
    """The tool is entered again by another, with the same call: it finds its own question."""
    log: list[str] = []
    agent, deps = asking(client, 60, log)
    app = DurableAgent(agent, client, name="clerk", deps=deps)

    async def dies() -> None:
        running = asyncio.create_task(app.run("go", run_id="r1"))
        while not client.list_intents(status="WAITING"):
            await asyncio.sleep(0.02)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    loop.run_until_complete(dies())
    [first] = client.list_intents(status="WAITING")
    ana.submit(first["intent_id"], "provided", data={"answer": "eu"})
    later = DurableAgent(agent, client, name="clerk", deps=Deps(Human(client, to=ANA, wait=0), log))
    open_run(client, "r1", app="clerk").release(again_in=0)
    assert work(later) == 1
    [second] = client.list_intents(status="WAITING")
    ana.approve(second["intent_id"])
    assert work(later) == 1
    assert log == ["2.1 to eu"]
    assert len(client.list_intents()) == 2
