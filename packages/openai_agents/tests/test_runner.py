"""Runs that stop for people and go on: decisions of all kinds, at the runner's own door."""

from __future__ import annotations

import asyncio

import pytest

from holdshort import (
    AsyncClient,
    Client,
    ConfigurationError,
    Conflict,
    InvalidRequest,
    Reviewer,
)
from holdshort.adapters import Gate, Suspended, open_run
from holdshort_openai_agents import Finished, IntentRunner, RunFailed, StillWaiting

from .conftest import ANA, Shop, wait_until
from .scripted import call, say

PAY = [[call("pay", to="bob", amount=5)], [say("done")]]


def test_approved(shop: Shop, ana: Reviewer) -> None:
    waiting = shop.start(PAY)
    assert shop.done == []
    ana.approve(waiting.intent_ids[0])
    assert shop.work() == 1
    assert shop.done == [["pay", "bob", 5]]
    assert shop.model.told[-1] == "paid 5 to bob"
    assert shop.result() == ("done", "done")


def test_rejected(shop: Shop, ana: Reviewer) -> None:
    waiting = shop.start(PAY)
    ana.reject(waiting.intent_ids[0], comment="too much")
    shop.work()
    assert shop.done == []
    assert ANA in shop.model.told[-1]
    assert "too much" in shop.model.told[-1]
    assert shop.result() == ("done", "done")


@pytest.mark.parametrize("comment", [None, "less"])
def test_edited(shop: Shop, ana: Reviewer, comment: str | None) -> None:
    waiting = shop.start(PAY)
    ana.approve(waiting.intent_ids[0], arguments={"to": "bob", "amount": 3}, comment=comment)
    shop.work()
    assert shop.done == [["pay", "bob", 3]]
    assert "paid 3 to bob" in shop.model.told[-1]
    assert "amount: 5 -> 3" in shop.model.told[-1]
    assert (comment or "") in shop.model.told[-1]


def test_a_comment_on_an_approval_reaches_the_model(shop: Shop, ana: Reviewer) -> None:
    ana.approve(shop.start(PAY).intent_ids[0], comment="for once")
    shop.work()
    assert "for once" in shop.model.told[-1]
    assert "paid 5 to bob" in shop.model.told[-1]


def test_ungated_calls_of_the_same_turn_run_once(shop: Shop, ana: Reviewer) -> None:
    waiting = shop.start([[call("look", "c0", what="x"), *PAY[0]], PAY[1]])
    assert shop.done == [["look", "x"]]
    ana.approve(waiting.intent_ids[0])
    shop.work()
    assert shop.done == [["look", "x"], ["pay", "bob", 5]]


def test_several_are_decided_before_it_goes_on(shop: Shop, ana: Reviewer) -> None:
    calls = [call("pay", f"c{n}", to="bob", amount=n) for n in range(3)]
    waiting = shop.start([calls, [say("done")]])
    ana.approve(waiting.intent_ids[2])
    ana.reject(waiting.intent_ids[1], comment="not this")
    assert shop.work() == 0
    ana.approve(waiting.intent_ids[0], arguments={"to": "bob", "amount": 9})
    assert shop.work() == 1
    assert sorted(shop.done) == [["pay", "bob", 2], ["pay", "bob", 9]]
    told = shop.model.told[1:]
    assert "paid 9" in told[0]
    assert "not this" in told[1]
    assert told[2] == "paid 2 to bob"


def test_resumed_too_early_it_waits_on(shop: Shop, ana: Reviewer, client: Client) -> None:
    waiting = shop.start(PAY)
    run = open_run(client, "r1", app="openai-agents")
    run.release(0)
    assert shop.work() == 1
    assert client.get_run("r1")["waits"] == waiting.intent_ids
    assert shop.done == []
    ana.approve(waiting.intent_ids[0])
    shop.work()
    assert shop.result() == ("done", "done")


def test_the_same_start_goes_on_with_the_same_run(shop: Shop, ana: Reviewer) -> None:
    waiting = shop.start(PAY)
    assert shop.start(PAY).intent_ids == waiting.intent_ids
    ana.approve(waiting.intent_ids[0])
    outcome = shop.runner().run_sync("support", "pay bob", run_id="r1")
    assert isinstance(outcome, Finished)
    assert outcome.output == "done"
    again = shop.runner().run_sync("support", "pay bob", run_id="r1")
    assert again == Finished("r1", "done")
    assert shop.done == [["pay", "bob", 5]]
    with pytest.raises(Conflict, match="another input"):
        shop.runner().run_sync("support", "pay ana", run_id="r1")


def test_a_new_prompt_while_it_waits_is_refused(shop: Shop, ana: Reviewer) -> None:
    waiting = shop.start(PAY)
    with pytest.raises(StillWaiting, match=waiting.intent_ids[0]):
        shop.runner().run_sync("support", "something else", run_id="r1")
    ana.approve(waiting.intent_ids[0])
    assert shop.work() == 1
    assert shop.result() == ("done", "done")


def test_waiting_in_process(shop: Shop, ana: Reviewer) -> None:
    async def both() -> object:
        runner = shop.runner(PAY)
        task = asyncio.create_task(runner.run("support", "pay bob", run_id="r1", mode="wait"))
        while not (waiting := await asyncio.to_thread(ana.tasks)):
            await asyncio.sleep(0.01)
        await asyncio.to_thread(ana.approve, waiting[0]["intent_id"])
        return await task

    outcome = asyncio.run(both())
    assert isinstance(outcome, Finished)
    assert shop.done == [["pay", "bob", 5]]


def test_waiting_in_process_is_bounded(shop: Shop, ana: Reviewer) -> None:
    waiting = shop.start(PAY, run_id="r1")
    runner = shop.runner(PAY)
    outcome = runner.run_sync("support", "pay bob", run_id="r1", mode="wait", timeout=0.05)
    assert outcome == waiting
    ana.approve(waiting.intent_ids[0])
    shop.work()
    assert shop.result() == ("done", "done")


def test_waiting_while_a_worker_is_quicker(shop: Shop, ana: Reviewer, client: Client) -> None:
    waiting = shop.start(PAY)
    ana.approve(waiting.intent_ids[0])
    shop.work()
    outcome = shop.runner().run_sync("support", "pay bob", run_id="r1", mode="wait")
    assert outcome == Finished("r1", "done")


def test_streamed(shop: Shop, ana: Reviewer) -> None:
    async def stream(runner: IntentRunner) -> tuple[list[str], object]:
        found = runner.run_streamed("support", "pay bob", run_id="r1")
        names = [event.name async for event in found if event.type == "run_item_stream_event"]
        return names, found.outcome

    names, waiting = asyncio.run(stream(shop.runner(PAY)))
    assert isinstance(waiting, Suspended)
    assert names == ["tool_called"]
    ana.approve(waiting.intent_ids[0])
    names, outcome = asyncio.run(stream(shop.runner(PAY)))
    assert isinstance(outcome, Finished)
    assert names == ["tool_output", "message_output_created"]
    assert shop.done == [["pay", "bob", 5]]


def test_a_stream_that_nobody_reads_on(shop: Shop, ana: Reviewer) -> None:
    waiting = shop.start(PAY)
    ana.approve(waiting.intent_ids[0])

    async def leave() -> None:
        stream = shop.runner(PAY).run_streamed("support", "pay bob", run_id="r1")
        async for _ in stream:
            break
        await stream.aclose()

    asyncio.run(leave())
    # Given back, for later; the call ran before that, or runs now.
    outcome = shop.runner().run_sync("support", "pay bob", run_id="r1")
    assert isinstance(outcome, Finished)
    assert shop.done == [["pay", "bob", 5]]


def test_the_outcome_of_a_stream_is_known_at_its_end(shop: Shop) -> None:
    stream = shop.runner(PAY).run_streamed("support", "pay bob")
    with pytest.raises(ConfigurationError, match="read all events"):
        _ = stream.outcome


def test_an_async_client(shop: Shop, ana: Reviewer, url: str) -> None:
    async def work() -> None:
        async with AsyncClient(url, agent="bot") as client:
            shop.client = client  # type: ignore[assignment]
            runner = shop.runner(PAY)
            waiting = await runner.run("support", "pay bob", run_id="r1")
            assert isinstance(waiting, Suspended)
            await asyncio.to_thread(ana.approve, waiting.intent_ids[0])
            outcome = await runner.run("support", "pay bob", run_id="r1")
            assert isinstance(outcome, Finished)
            with pytest.raises(ConfigurationError, match="blocks"):
                runner.run_sync("support", "pay bob")

    asyncio.run(work())
    assert shop.done == [["pay", "bob", 5]]


def test_timed_out(shop: Shop) -> None:
    gates = {"pay": Gate(to=ANA, deadline=0.05)}
    shop.start(PAY, gates=gates)
    outcome = shop.runner(gates=gates).run_sync(
        "support", "pay bob", run_id="r1", mode="wait", timeout=10
    )
    assert isinstance(outcome, Finished)
    assert "nobody decided in time" in shop.model.told[-1]
    assert shop.done == []


def test_canceled(shop: Shop, client: Client) -> None:
    waiting = shop.start(PAY)
    client.cancel(waiting.intent_ids[0])
    shop.work()
    assert "withdrawn" in shop.model.told[-1]
    assert shop.done == []


def test_the_model_fails_after_the_call_ran(shop: Shop, ana: Reviewer) -> None:
    ana.approve(shop.start([PAY[0], [RuntimeError("503")]]).intent_ids[0])
    assert shop.work() == 0
    shop.model.script = PAY
    wait_until(lambda: shop.work() == 1)
    assert shop.result() == ("done", "done")
    assert shop.model.told == ["pay bob", "paid 5 to bob"]
    assert shop.done == [["pay", "bob", 5]]


def test_the_model_fails_some_turns_later(shop: Shop, ana: Reviewer) -> None:
    look = [call("look", "c2", what="x")]
    ana.approve(shop.start([PAY[0], look, [RuntimeError("503")]]).intent_ids[0])
    assert shop.work() == 0
    shop.model.script = [PAY[0], look, PAY[1]]
    wait_until(lambda: shop.work() == 1)
    assert shop.result() == ("done", "done")
    assert shop.model.told == ["pay bob", "paid 5 to bob", "saw x"]
    # What no gate names may run again.
    assert shop.done.count(["pay", "bob", 5]) == 1


def test_the_model_fails_again_and_again(shop: Shop, ana: Reviewer) -> None:
    ana.approve(shop.start([PAY[0], [RuntimeError("503")]]).intent_ids[0])
    wait_until(lambda: shop.work(retries=2) == 0 and shop.result()[0] == "failed")
    assert shop.result() == ("failed", "RuntimeError: 503")
    with pytest.raises(RunFailed, match="503"):
        shop.runner().run_sync("support", "pay bob", run_id="r1")
    assert shop.done == [["pay", "bob", 5]]


def test_the_model_fails_at_the_start(shop: Shop) -> None:
    with pytest.raises(RuntimeError, match="503"):
        shop.runner([[RuntimeError("503")]]).run_sync("support", "pay bob", run_id="r1")
    assert shop.result() == ("failed", "RuntimeError: 503")


def test_the_tool_fails(shop: Shop, ana: Reviewer) -> None:
    shop.fails = [ValueError("no money")]
    ana.approve(shop.start(PAY).intent_ids[0])
    shop.work()
    status, error = shop.result()
    assert status == "failed"
    assert "no money" in error
    assert shop.done == [["pay", "bob", 5]]


def test_nobody_to_ask_is_an_error_of_the_setup(shop: Shop) -> None:
    with pytest.raises(InvalidRequest, match="nobody to ask"):
        shop.runner(PAY, gates=["pay"]).run_sync("support", "pay bob", run_id="r1")
    assert shop.result()[0] == "failed"
    assert shop.done == []


def test_bad_arguments_of_the_runner(shop: Shop, client: Client) -> None:
    with pytest.raises(ConfigurationError, match="no agent 'sales'"):
        shop.runner().run_sync("sales", "x")
    with pytest.raises(ConfigurationError, match="JSON"):
        shop.runner().run_sync("support", "x", context=object())
    with pytest.raises(ConfigurationError, match="open_session"):
        shop.runner().run_sync("support", "x", session="s1")
    with pytest.raises(ConfigurationError, match="run_id"):
        shop.runner().run_sync("support", "x", session="s1", run_id="r1")
