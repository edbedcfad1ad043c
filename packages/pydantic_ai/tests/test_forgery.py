"""States that say more than the server does."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_ai import Agent, RunContext
from pydantic_ai.exceptions import ApprovalRequired

from holdshort import Client, Reviewer
from holdshort.adapters import open_run
from holdshort_pydantic_ai import (
    DurableAgent,
    Gate,
)

from .kit import (
    ANA,
    ASKED,
    PAY,
    Bank,
    durable,
    suspended,
)
from .scripts import scripted

CHILD = {
    "version": 1,
    "messages": [],
    "usage": {},
    "conversation_id": "x",
    "requests": None,
    "tools": {},
    "agent": "",
    "prompt": "",
    "ended": False,
    "failures": 0,
}


@pytest.mark.parametrize(
    "forged",
    [
        {"waits": "OTHER"},
        {"waits": "OTHER", "reenters": True},
        {"waits": "OTHER", "reenters": True, "round": 1},
        {"child": CHILD},
        {"child": CHILD, "round": 1},
        {"round": 7},
        {"arguments": {"to": "mallory", "amount": 900}},
    ],
)
@pytest.mark.parametrize("kind", ["gated", "native", "raising"])
def test_what_a_state_says_is_no_permit(
    client: Client, ana: Reviewer, bank: Bank, work: Any, forged: Any, kind: str
) -> None:
    """Whoever can write the state writes that the call goes on from its middle, or was asked about
    elsewhere. Another call, which is approved and done, is there to be pointed at."""
    agent = Agent(scripted([PAY]), name="clerk")

    def pay(ctx: RunContext[None], to: str, amount: int = 3) -> str:
        if kind == "raising" and not ctx.tool_call_approved:
            raise ApprovalRequired
        return bank.pay(to, amount)

    agent.tool(requires_approval=kind == "native")(pay)
    gates = ASKED if kind == "gated" else {}
    app = DurableAgent(agent, client, name="clerk", gates=gates, default=Gate(to=ANA))
    [other] = suspended(app.run_sync("go", run_id="r0"))
    ana.approve(other)
    assert work(app) == 1
    assert bank.paid == [("bob", 3)]
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    held = open_run(client, "r1", app="clerk")
    state = held.state
    said = {key: other if value == "OTHER" else value for key, value in forged.items()}
    state["requests"]["metadata"] = {"c1": {"holdshort": said}}
    held.release(again_in=0, state=state)
    for _ in range(3):
        work(app)
    assert bank.paid == [("bob", 3)], "the state was believed"
    if forged != {"round": 7}:
        ana.reject(asked)
    for _ in range(3):
        work(app)
    assert bank.paid == [("bob", 3)], "the state was believed"


def test_a_call_that_is_done_has_no_middle(
    client: Client, ana: Reviewer, bank: Bank, work: Any
) -> None:
    """A state of before it ran, in which it waits for an answer that is there: the server's record
    says that it came to its end."""
    app = durable(client, bank, scripted([PAY]))
    [asked] = suspended(app.run_sync("go", run_id="r1"))
    held = open_run(client, "r1", app="clerk")
    state, waits = held.state, held.waits
    held.suspend(waits=waits)
    ana.approve(asked)
    assert work(app) == 1
    said = {"waits": asked, "reenters": True, "round": 1}
    state["requests"]["metadata"] = {"c1": {"holdshort": said}}
    open_run(client, "r1", app="clerk", again=True).release(again_in=0, state=state)
    for _ in range(3):
        work(app)
    assert bank.paid == [("bob", 3)]


def test_a_state_that_is_none(client: Client, bank: Bank, work: Any) -> None:
    app = durable(client, bank, scripted([PAY]))
    held = open_run(client, "r1", app="clerk")
    held.release(again_in=0, state={"version": 9})
    assert work(app) == 1
    run = client.get_run("r1")
    assert run is not None
    assert run["status"] == "failed"
    assert "no paused Pydantic AI run" in run["error"]
