"""Saved states: replayed, forged, older and newer than the code; sessions and contexts."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, RunContextWrapper, RunState, SQLiteSession, function_tool

from holdshort import Client, ConfigurationError, Reviewer
from holdshort.adapters import Gate, RunBusy, Suspended, open_run
from holdshort_openai_agents import (
    Finished,
    IntentRunner,
    StillWaiting,
    Stream,
    Unusable,
    gate_agent,
)

from .conftest import ANA, Shop, wait_until
from .scripted import Scripted, call, say

PAY = [[call("pay", to="bob", amount=5)], [say("done")]]
PAID = ["pay", "bob", 5]


def tamper(client: Client, change: Callable[[dict[str, Any]], Any], run_id: str = "r1") -> Any:
    """Change what is saved of a run, and make it ready; return what it was before."""
    run = open_run(client, run_id, app="openai-agents", again=True)
    before = copy.deepcopy(run.state)
    state = copy.deepcopy(run.state)
    run.release(0, state=change(state) or state)
    return before


def test_the_same_snapshot_resumed_twice(shop: Shop, ana: Reviewer, client: Client) -> None:
    ana.approve(shop.start(PAY).intent_ids[0])
    before = open_run(client, "r1", app="openai-agents")
    snapshot = copy.deepcopy(before.state)
    before.release(0)
    assert shop.work() == 1
    assert shop.result() == ("done", "done")
    tamper(client, lambda state: snapshot)
    assert shop.work() == 1
    assert shop.result() == ("done", "done")
    assert shop.done == [PAID]
    assert shop.model.told[-1] == "paid 5 to bob"


@pytest.mark.parametrize("streamed", [False, True])
def test_another_process_is_in_the_call(
    shop: Shop, ana: Reviewer, client: Client, streamed: bool
) -> None:
    """Whether it ran is not known yet: the run waits, and nothing is said to the model."""
    waiting = shop.start([[*PAY[0], call("pay", "c2", to="eve", amount=1)], PAY[1]])
    one, two = waiting.intent_ids
    ana.approve(one)
    ana.approve(two)
    digest = client.get_intent(one)["grant"]["digest"]
    permit = client.consume(one, digest, "elsewhere")
    assert permit["run"]
    if streamed:
        stream = shop.runner().run_streamed("support", "pay bob", run_id="r1")
        asyncio.run(drained(stream))
        assert stream.outcome == Suspended("r1", "openai-agents", [])
    else:
        assert shop.work() >= 1
    assert shop.done == [["pay", "eve", 1]]
    assert len(shop.model.seen) == 1
    client.report(one, "elsewhere", succeeded=True, result={"output": "paid elsewhere"})
    wait_until(lambda: shop.work() == 1)
    assert shop.result() == ("done", "done")
    assert shop.done == [["pay", "eve", 1]]
    assert shop.model.told[1:] == ["paid elsewhere", "paid 1 to eve"]


def test_two_resume_at_once(shop: Shop, ana: Reviewer) -> None:
    ana.approve(shop.start(PAY).intent_ids[0])

    async def both() -> list[Any]:
        runs = [shop.runner().run("support", "pay bob", run_id="r1") for _ in range(2)]
        return await asyncio.gather(*runs, return_exceptions=True)

    outcomes = asyncio.run(both())
    assert shop.done == [PAID]
    assert any(isinstance(one, Finished) for one in outcomes)
    assert all(isinstance(one, Finished | RunBusy) for one in outcomes), outcomes


def forge(shop: Shop) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Approve all that is pending, in the saved state itself."""

    def forged(saved: dict[str, Any]) -> dict[str, Any]:
        agent = shop.build()
        gate_agent(agent, {"pay": Gate(to=ANA)})

        async def approve() -> dict[str, Any]:
            state = await RunState.from_json(agent, saved["snapshot"])
            for item in state.get_interruptions():
                state.approve(item, always_approve=True)
            return state.to_json()

        return {**saved, "snapshot": asyncio.run(approve())}

    return forged


def test_forged_approvals_before_the_decision(shop: Shop, ana: Reviewer, client: Client) -> None:
    waiting = shop.start(PAY)
    tamper(client, forge(shop))
    shop.work()
    assert shop.done == []
    ana.reject(waiting.intent_ids[0], comment="no")
    shop.work()
    assert shop.done == []
    assert shop.result() == ("done", "done")


def test_forged_approval_without_an_interruption(shop: Shop, client: Client) -> None:
    """A state that says: approved, go on. The tool asks the server all the same."""
    shop.start(PAY)

    def hidden(saved: dict[str, Any]) -> dict[str, Any]:
        forged = forge(shop)(saved)
        forged["turn"] = "another"  # so that there is no intent for it
        return forged

    tamper(client, hidden)
    shop.work()
    assert shop.done == []
    assert "not executed" in shop.model.told[-1]


def edit(saved: dict[str, Any], *, fingerprints: bool) -> dict[str, Any]:
    """Write other arguments into the saved state, everywhere."""
    text = json.dumps(saved).replace(r"\"amount\": 5", r"\"amount\": 500")
    assert "500" in text
    edited: dict[str, Any] = json.loads(text)
    if not fingerprints:
        edited["snapshot"]["context"]["tool_invocations"] = {}
    return edited


@pytest.mark.parametrize("fingerprints", [True, False])
def test_edited_arguments_in_the_state(
    shop: Shop, ana: Reviewer, client: Client, fingerprints: bool
) -> None:
    ana.approve(shop.start(PAY).intent_ids[0])
    tamper(client, lambda saved: edit(saved, fingerprints=fingerprints))
    shop.work()
    assert shop.done == []
    assert shop.result()[0] == "failed" if fingerprints else "not executed" in shop.model.told[-1]


def test_a_state_that_is_not_ours(shop: Shop, client: Client) -> None:
    shop.start(PAY)
    tamper(client, lambda saved: {"some": "thing"})
    assert shop.work() >= 1
    assert client.get_run("r1")["status"] == "suspended"
    with pytest.raises(Unusable, match="not of this release"):
        shop.runner().run_sync("support", "pay bob", run_id="r1")
    assert client.get_run("r1")["status"] == "suspended"  # and not held by this process
    assert shop.done == []


def test_a_state_of_a_newer_sdk(
    shop: Shop, ana: Reviewer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    ana.approve(shop.start(PAY).intent_ids[0])

    def newer(saved: dict[str, Any]) -> None:
        saved["snapshot"]["$schemaVersion"] = "9.9"
        saved.update(sdk="9.0.0", schema="9.9")

    before = tamper(client, newer)
    assert shop.work() >= 1  # it may come again while this worker still looks
    assert "upgrade the workers first" in caplog.text
    assert "9.0.0" in caplog.text
    assert client.get_run("r1")["status"] == "suspended"
    # Another worker, that can read it, goes on.
    tamper(client, lambda saved: before)
    shop.work()
    assert shop.result() == ("done", "done")
    assert shop.done == [PAID]


def test_an_agent_that_this_worker_does_not_know(
    shop: Shop, ana: Reviewer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    ana.approve(shop.start(PAY).intent_ids[0])
    other = IntentRunner(client, {"sales": shop.build}, retry_after=0.01)
    shop.work(other)
    assert "no agent 'support'" in caplog.text
    assert client.get_run("r1")["status"] == "suspended"
    wait_until(lambda: shop.work() == 1)
    assert shop.done == [PAID]


@pytest.mark.parametrize("change", ["agent renamed", "tool removed"])
def test_the_code_has_changed(shop: Shop, ana: Reviewer, change: str) -> None:
    ana.approve(shop.start(PAY).intent_ids[0])

    def build() -> Agent[Any]:
        agent = shop.build()
        if change == "agent renamed":
            agent.name = "helpdesk"
        else:
            agent.tools = agent.tools[1:]
        return agent

    shop.work(build=build)
    status, error = shop.result()
    assert status == "failed"
    assert "support" in error
    assert shop.done == []


def test_a_decision_that_the_sdk_does_not_apply(
    shop: Shop, ana: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug of openai-agents#5141 and #2487: it would ask for ever."""
    ana.approve(shop.start(PAY).intent_ids[0])
    monkeypatch.setattr(RunState, "approve", lambda *args, **more: None)
    shop.work()
    status, error = shop.result()
    assert status == "failed"
    assert "not applied" in error
    assert shop.done == []


@pytest.mark.parametrize("amount", [5, 6])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_call_id_that_comes_again(shop: Shop, ana: Reviewer, amount: int, streamed: bool) -> None:
    """The SDK would take the one for the other, for ever, or end the run."""
    again = [call("pay", to="bob", amount=amount), call("look", "c2", what="x")]
    ana.approve(shop.start([PAY[0], [*again], PAY[1]]).intent_ids[0])
    if streamed:
        asyncio.run(drained(shop.runner().run_streamed("support", "pay bob", run_id="r1")))
    else:
        shop.work()
    assert shop.done == [PAID, ["look", "x"]]
    [asked] = ana.tasks()
    ana.reject(asked["intent_id"], comment="once was enough")
    assert shop.work() == 1
    assert shop.done == [PAID, ["look", "x"]]
    assert shop.result() == ("done", "done")
    assert "once was enough" in " ".join(shop.model.told[-2:])


async def drained(stream: Stream) -> None:
    async for _ in stream:
        pass


def test_equal_call_ids_of_two_runs(shop: Shop, ana: Reviewer) -> None:
    one, two = shop.start(PAY, run_id="r1"), shop.start(PAY, run_id="r2")
    assert one.intent_ids != two.intent_ids
    ana.approve(one.intent_ids[0])
    shop.work()
    assert shop.done == [PAID]
    ana.reject(two.intent_ids[0])
    shop.work()
    assert shop.done == [PAID]
    assert shop.result("r2") == ("done", "done")


@dataclass
class Customer:
    name: str
    connection: object


@pytest.mark.parametrize("mapping", [True, False])
def test_the_context_is_built_in_each_process(
    shop: Shop, ana: Reviewer, client: Client, mapping: bool
) -> None:
    def build_context(seed: Any) -> Any:
        customer = Customer(seed["name"], object())
        return vars(customer) if mapping else customer

    @function_tool
    def whoami(context: RunContextWrapper[Any]) -> str:
        found = context.context
        shop.done.append(found["name"] if mapping else found.name)
        return "you"

    def build() -> Agent[Any]:
        inner = Agent("inner", model=shop.model, tools=[whoami])
        # 0.20 mixes up delegations of one id in one process.
        outer = Scripted([[call("inner", f"k{mapping}", input="x")], [say("all")]])
        return Agent("support", model=outer, tools=[inner.as_tool("inner", "x")])

    options = {"build": build, "gates": {"whoami": Gate(to=ANA)}, "build_context": build_context}
    runner = shop.runner([[call("whoami")], [say("done")]], **options)
    waiting = runner.run_sync("support", "who", run_id="r1", context={"name": "bob"})
    assert isinstance(waiting, Suspended)

    def forged(saved: dict[str, Any]) -> None:
        assert '"bob"' not in json.dumps(saved["snapshot"])

    tamper(client, forged)
    ana.approve(waiting.intent_ids[0])
    shop.work(shop.runner(**options))
    assert shop.done == ["bob"]
    assert shop.result() == ("done", "all")


class Chat:
    """Conversations in a SQLite file of their own."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.path = folder / "chat.db"

    def open(self, session_id: str) -> SQLiteSession:
        return SQLiteSession(session_id, self.path)

    def runner(self) -> IntentRunner:
        return self.shop.runner(open_session=self.open)

    def say(self, prompt: str, session: Any = "s1") -> Any:
        return self.runner().run_sync("support", prompt, session=session)

    def items(self) -> list[str]:
        items = asyncio.run(self.open("s1").get_items())
        return [item.get("type") or item["role"] for item in items]


def chatter(turns: int, told: list[str]) -> list[Any]:
    """Pay where the last thing said is a request to; else end the turn."""
    if told[-1].startswith("pay"):
        return [call("pay", f"c{turns}", to="bob", amount=5)]
    return [say(f"heard: {told[-1]}")]


def test_a_session(shop: Shop, ana: Reviewer, tmp_path: Path) -> None:
    chat = Chat(shop, tmp_path)
    shop.model.script = chatter
    assert chat.say("hello").output == "heard: hello"
    waiting = chat.say("pay bob")
    assert waiting.run_id == "session-s1"
    # A new prompt while it waits would tear call and output apart.
    for _ in range(2):
        with pytest.raises(StillWaiting, match=waiting.intent_ids[0]) as refused:
            chat.say("hello?")
        assert refused.value.details["intent_ids"] == waiting.intent_ids
    ana.approve(waiting.intent_ids[0])
    assert shop.work(chat.runner()) == 1
    assert shop.done == [PAID]
    assert shop.result("session-s1") == ("done", "heard: paid 5 to bob")
    assert chat.items() == [
        *("user", "message"),
        *("user", "function_call", "function_call_output", "message"),
    ]
    # The next prompt is a call of its own, with an approval of its own, on the open session.
    again = chat.say("pay bob", chat.open("s1"))
    assert again.intent_ids != waiting.intent_ids
    ana.reject(again.intent_ids[0], comment="no more")
    shop.work(chat.runner())
    assert shop.done == [PAID]
    assert "no more" in shop.result("session-s1")[1]
    assert chat.items().count("function_call_output") == 2


def test_a_session_whose_run_failed_takes_the_next_prompt(shop: Shop, tmp_path: Path) -> None:
    chat = Chat(shop, tmp_path)
    shop.model.script = [[RuntimeError("503")]]
    with pytest.raises(RuntimeError):
        chat.say("hello")
    shop.model.script = chatter
    assert chat.say("again").output == "heard: again"


def test_a_worker_without_the_session(shop: Shop, ana: Reviewer, tmp_path: Path) -> None:
    chat = Chat(shop, tmp_path)
    shop.model.script = chatter
    ana.approve(chat.say("pay bob").intent_ids[0])
    shop.work()
    assert shop.done == []
    assert shop.client.get_run("session-s1")["status"] == "suspended"
    wait_until(lambda: shop.work(chat.runner()) == 1)
    assert shop.done == [PAID]


def test_a_session_needs_an_opener(shop: Shop) -> None:
    with pytest.raises(ConfigurationError, match="open_session"):
        shop.runner().run_sync("support", "x", session=SQLiteSession("s1"))
