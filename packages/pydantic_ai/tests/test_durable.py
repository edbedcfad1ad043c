"""The durable agent: begun, suspended, gone on with, by whatever process."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, RunContext
from pydantic_ai.exceptions import ApprovalRequired
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.models.test import TestModel
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import ExternalToolset

from holdshort import Client, Reviewer
from holdshort.adapters import RunBusy, open_run
from holdshort_pydantic_ai import (
    Done,
    DurableAgent,
    Gate,
    HumanApprovals,
    RunPaused,
    Suspended,
    ask_human,
)

from .kit import (
    ANA,
    ASKED,
    PAY,
    Bank,
    durable,
    messages,
    suspended,
    until_done,
)
from .scripts import notes, returned, scripted


def test_done_twice_is_once(client: Client, ana: Reviewer, bank: Bank, work: Any) -> None:
    app = durable(client, bank, scripted([PAY]))
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    assert suspended(app.run_sync("go", run_id="r1")) == [asked]
    ana.approve(asked, arguments={"to": "bob", "amount": 1}, comment="less")
    assert work(app) == 1
    done = app.run_sync("go", run_id="r1")
    assert isinstance(done, Done)
    assert done.output == "finished"
    assert done.usage.requests == 2
    assert bank.paid == [("bob", 1)]
    assert returned(done.messages) == "paid 1 to bob"
    assert "less" in notes(done.messages)[-1]


def test_run_again_goes_on_itself_when_all_is_decided(
    client: Client, ana: Reviewer, bank: Bank
) -> None:
    app = durable(client, bank, scripted([PAY]))
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    ana.approve(asked)
    assert isinstance(app.run_sync("go", run_id="r1"), Done)
    assert bank.paid == [("bob", 3)]


def test_a_new_prompt_is_no_answer(client: Client, ana: Reviewer, bank: Bank, work: Any) -> None:
    app = durable(client, bank, scripted([PAY]))
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    with pytest.raises(RunPaused, match=asked):
        app.run_sync("yes, do it", run_id="r1")
    ana.approve(asked)
    assert work(app) == 1
    assert bank.paid == [("bob", 3)]


def test_a_conversation_goes_on(client: Client, bank: Bank) -> None:
    app = durable(client, bank, scripted("one", "two"))
    assert app.run_sync("first", run_id="r1").output == "one"  # type: ignore[union-attr]
    second = app.run_sync("second", run_id="r1", again=True)
    assert isinstance(second, Done)
    assert second.output == "two"
    assert notes(second.messages) == ["first", "second"]


def test_a_run_that_another_process_works_on(client: Client, bank: Bank) -> None:
    with open_run(client, "r1", app="clerk"), pytest.raises(RunBusy):
        durable(client, bank, scripted([PAY])).run_sync("go", run_id="r1")
    assert bank.paid == []


def test_wait_in_the_process(
    client: Client, ana: Reviewer, bank: Bank, loop: asyncio.AbstractEventLoop
) -> None:
    app = durable(client, bank, scripted([PAY]))

    async def both() -> Any:
        running = asyncio.create_task(app.run("go", run_id="r1", mode="wait", timeout=20))
        while not (waiting := client.list_intents(status="WAITING")):
            await asyncio.sleep(0.02)
        ana.approve(waiting[0]["intent_id"])
        return await running

    assert loop.run_until_complete(both()).output == "finished"
    assert isinstance(app.run_sync("go", run_id="r2", mode="wait", timeout=0.05), Suspended)


def test_a_mixed_turn_loses_nothing(client: Client, ana: Reviewer, bank: Bank, work: Any) -> None:
    """A call that has run beside one that waits: resumed without results, the framework would
    tell the model of an interruption, and forget the approval."""
    look = ToolCallPart("look", {"what": "x"}, "c2")
    app = durable(client, bank, scripted([look, PAY]))
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    held = open_run(client, "r1", app="clerk")
    held.release(again_in=0)  # a worker gets it too early
    assert work(app) == 1
    ana.approve(asked)
    assert work(app) == 1
    assert (bank.paid, bank.looked) == ([("bob", 3)], 1)
    assert returned(messages(client, "r1")) == "paid 3 to bob"


def test_approvals_questions_and_external_calls_together(
    client: Client, ana: Reviewer, bank: Bank, work: Any
) -> None:
    schema = {"type": "object", "properties": {"room": {"type": "string"}}}
    outside = ExternalToolset([ToolDefinition(name="book", parameters_json_schema=schema)])
    calls = [
        PAY,
        ToolCallPart("ask_human", {"question": "Which?", "options": ["red", "blue"]}, "q1"),
        ToolCallPart("book", {"room": "12"}, "x1"),
    ]
    app = durable(
        client,
        bank,
        scripted(calls),
        toolsets=[outside, ask_human(to=ANA)],
        gates={**ASKED, "book": Gate(to=ANA)},
    )
    asked = suspended(app.run_sync("go", run_id="r1"), 3)
    shown = {one: ana.get(one) for one in asked}
    kinds = [shown[one]["human_task"]["task_type"] for one in asked]
    assert kinds == ["approval", "clarification", "clarification"]
    ana.submit(asked[2], "provided", comment="booked, number 77")
    assert work(app) == 0, "it went on before all had answered"
    ana.submit(asked[1], "provided", data={"answer": "blue"})
    ana.reject(asked[0], comment="no money")
    assert work(app) == 1
    told = messages(client, "r1")
    assert "no money" in returned(told, "c1")
    assert returned(told, "q1") == "blue"
    assert returned(told, "x1") == "booked, number 77"
    assert bank.paid == []


def test_a_question_nobody_answers(client: Client, ana: Reviewer, bank: Bank, work: Any) -> None:
    ask = ToolCallPart("ask_human", {"question": "Which?"}, "q1")
    app = durable(client, bank, scripted([ask]), toolsets=[ask_human(to=ANA)])
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    client.cancel(asked, "not needed")
    assert work(app) == 1
    assert "withdrawn" in returned(messages(client, "r1"), "q1")


def test_data_is_asked_for_by_a_schema(
    client: Client, ana: Reviewer, bank: Bank, work: Any
) -> None:
    schema = {
        "type": "object",
        "properties": {"seats": {"type": "integer"}},
        "required": ["seats"],
    }
    ask = ToolCallPart("ask_human", {"question": "How many?"}, "q1")
    app = durable(client, bank, scripted([ask]), toolsets=[ask_human(to=ANA, schema=schema)])
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    ana.submit(asked, "provided", data={"seats": 4})
    assert work(app) == 1
    assert json.loads(returned(messages(client, "r1"), "q1")) == {"seats": 4}


def test_tools_that_want_approval_themselves(
    client: Client, ana: Reviewer, bank: Bank, work: Any
) -> None:
    """Natively, by an exception, and with a word on why: all are put to people, and held to it."""
    agent = Agent(
        scripted([ToolCallPart("native", {"n": 1}, "c1"), ToolCallPart("raising", {"n": 2}, "c2")])
    )
    ran: list[str] = []

    @agent.tool_plain(requires_approval=True)
    def native(n: int, note: str = "x") -> str:
        ran.append("native")
        return "native ran"

    @agent.tool
    def raising(ctx: RunContext[None], n: int) -> str:
        if not ctx.tool_call_approved:
            raise ApprovalRequired(metadata={"reason": "n is even"})
        assert ctx.tool_call_metadata is not None
        ran.append(str(ctx.tool_call_metadata["approved_by"]))
        return "raising ran"

    app = DurableAgent(agent, client, name="clerk")
    with pytest.raises(Exception, match="nobody to ask"):
        app.run_sync("go", run_id="r0")
    app = DurableAgent(agent, client, name="clerk", default=Gate(to=ANA))
    asked = suspended(app.run_sync("go", run_id="r1"), 2)
    reasons = [client.get_intent(one)["payload"].get("metadata") for one in asked]
    assert {"reason": "n is even"} in reasons
    for one in asked:
        ana.approve(one)
    assert work(app) == 1
    assert sorted(ran) == [f"['person:{ANA}']", "native"]


def test_a_call_that_asks_again(client: Client, ana: Reviewer, work: Any) -> None:
    """Two approvals, one after the other, for one call: each has a key and a permit of its own."""
    agent = Agent(scripted([ToolCallPart("launch", {}, "c1")]))
    launched: list[Any] = []

    @agent.tool
    def launch(ctx: RunContext[None]) -> str:
        by = (ctx.tool_call_metadata or {}).get("approved_by", [])
        if len(by) < 2:
            raise ApprovalRequired(metadata={"have": len(by)})
        launched.append(by)
        return "launched"

    app = DurableAgent(agent, client, name="clerk", gates={"launch": Gate(to=ANA)})
    [first] = suspended(app.run_sync("go", run_id="r1"))
    ana.approve(first)
    held = open_run(client, "r1", app="clerk")
    early, waits = held.state, held.waits
    held.suspend(waits=waits)
    assert work(app) == 1
    run = client.get_run("r1")
    assert run is not None
    [second] = run["waits"]
    assert second != first
    assert launched == []
    # The state of before is resumed once more: it finds that the first permit is used up.
    held = open_run(client, "r1", app="clerk")
    held.suspend(early, waits=waits)
    work(app)
    assert launched == []
    ana.approve(second)
    assert work(app) == 1
    assert launched == [[f"person:{ANA}"] * 2]


def test_the_same_id_in_two_turns(client: Client, ana: Reviewer, bank: Bank, work: Any) -> None:
    app = durable(client, bank, scripted([PAY], [PAY]))
    [first] = suspended(app.run_sync("go", run_id="r1"))
    ana.approve(first)
    assert work(app) == 1
    assert bank.paid == [("bob", 3)]
    run = client.get_run("r1")
    assert run is not None
    assert run["status"] == "suspended"
    assert run["waits"] != [first]


def test_a_final_answer_beside_an_approval(client: Client, bank: Bank) -> None:
    """The framework ends the run with the answer: the call is never run, and nobody is asked."""

    class Answer(BaseModel):
        text: str

    calls = [ToolCallPart("final_result", {"text": "done"}, "o1"), PAY]
    agent = Agent(scripted(calls), tools=[bank.pay], output_type=Answer, end_strategy="early")
    app = DurableAgent(agent, client, name="clerk", gates=ASKED)
    done = app.run_sync("go", run_id="r1")
    assert isinstance(done, Done)
    assert done.output == Answer(text="done")
    again = app.run_sync("go", run_id="r1")
    assert isinstance(again, Done)
    assert again.output == Answer(text="done")
    assert bank.paid == []
    assert client.list_intents() == []


def test_streams_and_nodes(
    client: Client, ana: Reviewer, bank: Bank, work: Any, loop: asyncio.AbstractEventLoop
) -> None:
    app = durable(client, bank, TestModel(call_tools=["pay"]))

    async def read(way: Any) -> list[Any]:
        return [thing async for thing in way]

    events = loop.run_until_complete(read(app.stream("go", run_id="r1")))
    nodes = loop.run_until_complete(read(app.iter("go", run_id="r2")))
    kinds = [getattr(event, "event_kind", "") for event in events]
    assert "function_tool_call" in kinds
    assert [type(node).__name__ for node in nodes[:3]] == [
        "UserPromptNode",
        "ModelRequestNode",
        "CallToolsNode",
    ]
    for outcome in (events[-1], nodes[-1]):
        [asked] = suspended(outcome)
        ana.approve(asked)
    assert work(app) == 2
    assert bank.paid == [("a", 3)] * 2


def test_a_reader_that_stops_gives_the_run_back(
    client: Client, bank: Bank, work: Any, loop: asyncio.AbstractEventLoop
) -> None:
    app = durable(client, bank, scripted([ToolCallPart("look", {"what": "x"}, "c2")]))

    async def read_some() -> None:
        nodes = app.iter("go", run_id="r1")
        async for node in nodes:
            if type(node).__name__ == "CallToolsNode":
                break
        await nodes.aclose()

    loop.run_until_complete(read_some())
    run = client.get_run("r1")
    assert run is not None
    assert run["status"] == "suspended"
    held = open_run(client, "r1", app="clerk")
    held.release(again_in=0)
    assert until_done(app, work, client)["status"] == "done"
    assert bank.looked == 1
    assert messages(client, "r1"), "the conversation is lost"


def test_an_agent_that_has_gates_of_its_own(
    client: Client, ana: Reviewer, bank: Bank, work: Any
) -> None:
    approvals = HumanApprovals(client, gates=ASKED)
    agent = Agent(scripted([PAY]), name="clerk", tools=[bank.pay], capabilities=[approvals])
    app = DurableAgent(agent, client, name="clerk", default=Gate(to=ANA))
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    ana.approve(asked)
    assert work(app) == 1
    assert bank.paid == [("bob", 3)]
