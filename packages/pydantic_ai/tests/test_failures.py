"""Runs whose tools, models, limits or processes fail, and what is not repeated then."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field
from pydantic_ai import Agent, ModelRetry, ToolReturn
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.usage import UsageLimits

from holdshort import Client, Reviewer
from holdshort.adapters import open_run
from holdshort_pydantic_ai import (
    Done,
    DurableAgent,
    RunFailed,
)

from .kit import (
    ASKED,
    PAY,
    Bank,
    durable,
    messages,
    suspended,
    until_done,
)
from .scripts import notes, returned, scripted


def test_an_edit_that_the_tool_does_not_take(
    client: Client, ana: Reviewer, bank: Bank, work: Any
) -> None:
    """The JSON schema, and what the tool's own types say beyond it."""

    def pay(to: str, amount: int = Field(gt=0, default=3)) -> str:
        return bank.pay(to, amount)

    for run_id, edit in (("r1", {"to": "bob", "pounds": 3}), ("r2", {"to": "bob", "amount": -3})):
        app = durable(client, bank, scripted([PAY]), tools=[pay])
        [asked] = suspended(app.run_sync("go", run_id=run_id))
        ana.approve(asked, arguments=edit)
        assert work(app) == 1
        told = returned(messages(client, run_id))
        assert "changes are nothing that this tool takes" in told
    assert bank.paid == []


@pytest.mark.parametrize("how", ["removed", "changed"])
def test_other_tools_are_deployed(
    client: Client, ana: Reviewer, bank: Bank, work: Any, how: str
) -> None:
    app = durable(client, bank, scripted([PAY]))
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    ana.approve(asked)

    def pay(to: str, cents: int = 300) -> str:
        return bank.pay(to, cents)

    later = durable(client, bank, scripted([PAY]), tools=[] if how == "removed" else [pay])
    assert work(later) == 1
    run = client.get_run("r1")
    assert run is not None
    assert run["status"] == "failed"
    assert "the tool pay" in run["error"]
    assert bank.paid == []
    assert client.get_intent(asked)["grant"]["state"] == "open", "the approval was wasted"
    with pytest.raises(RunFailed, match="the tool pay"):
        app.run_sync("go", run_id="r1")
    done = app.run_sync("go", run_id="r1", again=True)  # the old tool is back
    assert isinstance(done, Done)
    assert bank.paid == [("bob", 3)]


def test_words_for_the_model_may_change(
    client: Client, ana: Reviewer, bank: Bank, work: Any
) -> None:
    app = durable(client, bank, scripted([PAY]))
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    ana.approve(asked)

    def pay(to: str, amount: int = 3) -> str:
        """Transfer money, in whole euros.

        Args:
            to: whoever gets it.
        """
        return bank.pay(to, amount)

    assert work(durable(client, bank, scripted([PAY]), tools=[pay])) == 1
    assert bank.paid == [("bob", 3)]


class Receipt(BaseModel):
    number: int


@pytest.mark.parametrize(
    "value",
    [
        "paid",
        None,
        {"n": 1},
        Receipt(number=7),
        [Receipt(number=7)],
        ToolReturn({"n": 1}, content="look at it"),
        b"\xff\x00",
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_recorded_result_is_said_again(
    client: Client, ana: Reviewer, work: Any, value: Any
) -> None:
    ran: list[int] = []

    def pay() -> Any:
        ran.append(1)
        return value

    agent = Agent(scripted([ToolCallPart("pay", {}, "c1")]), name="clerk", tools=[pay])
    app = DurableAgent(agent, client, name="clerk", gates=ASKED)
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    held = open_run(client, "r1", app="clerk")
    early, waits = held.state, held.waits
    held.suspend(waits=waits)
    ana.approve(asked)
    assert until_done(app, work, client)["status"] == "done"
    first = messages(client, "r1")
    held = open_run(client, "r1", app="clerk", again=True)
    held.suspend(early, waits=waits)
    assert until_done(app, work, client)["status"] == "done"
    second = messages(client, "r1")
    assert [returned(second), *notes(second)] == [returned(first), *notes(first)]
    assert ran == [1]


def test_no_room_for_the_model_to_hear_of_it(
    client: Client, ana: Reviewer, bank: Bank, work: Any
) -> None:
    """The framework would pay, and then stop at its limit with the result lost."""
    app = durable(client, bank, scripted([PAY]), usage_limits=UsageLimits(request_limit=1))
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    ana.approve(asked)
    assert work(app) == 1
    run = client.get_run("r1")
    assert run is not None
    assert run["status"] == "failed"
    assert "UsageLimitExceeded" in run["error"]
    assert bank.paid == []
    assert client.get_intent(asked)["grant"]["state"] == "open"


def test_the_model_fails_after_the_tools(
    client: Client, ana: Reviewer, bank: Bank, work: Any
) -> None:
    look = ToolCallPart("look", {"what": "x"}, "c2")
    model = scripted([PAY], [look], RuntimeError("the model is away"))
    app = durable(client, bank, model)
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    ana.approve(asked)
    until_done(app, work, client)
    assert (bank.paid, bank.looked) == ([("bob", 3)], 1), "something was repeated"
    assert returned(messages(client, "r1")) == "paid 3 to bob"


def test_without_checkpoints_only_what_was_approved_is_not_repeated(
    client: Client, ana: Reviewer, bank: Bank, work: Any
) -> None:
    look = ToolCallPart("look", {"what": "x"}, "c2")
    model = scripted([PAY], [look], RuntimeError("the model is away"))
    app = durable(client, bank, model, checkpoints=False)
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    ana.approve(asked)
    assert until_done(app, work, client)["status"] == "done"
    assert bank.paid == [("bob", 3)]
    assert bank.looked >= 1


def test_it_is_tried_so_many_times(client: Client, ana: Reviewer, bank: Bank, work: Any) -> None:
    away = [RuntimeError("the model is away") for _ in range(9)]
    app = durable(client, bank, scripted([PAY], *away), max_failures=3)
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    ana.approve(asked)
    run = until_done(app, work, client)
    assert "the model is away" in run["error"]
    assert bank.paid == [("bob", 3)]


@pytest.mark.parametrize("kind", ["retry", "break"])
def test_what_a_tool_raises(client: Client, ana: Reviewer, work: Any, kind: str) -> None:
    """A word to the model is said again where the same state is resumed again; what breaks is
    told, and not repeated."""
    agent = Agent(scripted([ToolCallPart("pay", {}, "c1")]), name="clerk")
    begun: list[int] = []

    @agent.tool_plain
    def pay() -> str:
        begun.append(1)
        if kind == "retry":
            raise ModelRetry("bob has moved")
        raise OSError("the bank is closed")

    app = DurableAgent(agent, client, name="clerk", gates=ASKED)
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    held = open_run(client, "r1", app="clerk")
    early, waits = held.state, held.waits
    held.suspend(waits=waits)
    ana.approve(asked)
    assert until_done(app, work, client)["status"] == "done"
    word = "bob has moved" if kind == "retry" else "the bank is closed"
    assert word in str(messages(client, "r1"))
    held = open_run(client, "r1", app="clerk", again=True)
    held.suspend(early, waits=waits)
    until_done(app, work, client)
    assert word in str(messages(client, "r1"))
    assert begun == [1]


def test_the_first_leg_fails_in_its_callers_hands(client: Client, bank: Bank) -> None:
    model = scripted([ToolCallPart("look", {"what": "x"}, "c2")], RuntimeError("away"))
    app = durable(client, bank, model)
    with pytest.raises(RuntimeError, match="away"):
        app.run_sync("go", run_id="r1")
    with pytest.raises(RunFailed, match="away"):
        app.run_sync("go", run_id="r1")
    assert app.run_sync("go", run_id="r1", again=True).output == "finished"  # type: ignore[union-attr]
    assert bank.looked == 1, "it began anew"
