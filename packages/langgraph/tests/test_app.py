"""`LangGraphApp`: one process at a time; a thread goes on where it stood, in whatever process."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.errors import UnknownInterruptError
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from holdshort import AsyncClient, Client, Reviewer, Worker
from holdshort.adapters import open_run
from holdshort.errors import ConfigurationError, Conflict
from holdshort_langgraph import LangGraphApp, RunBusy, Suspended, wrap_checkpointer

from .conftest import ANA
from .graphs import State, asking, parallel

TO = {"to": ANA}
CONFIG: Any = {"configurable": {"thread_id": "t1"}}


def app_of(builder: Any, client: Any, saver: Any = None, **options: Any) -> LangGraphApp:
    graph = builder.compile(checkpointer=saver or InMemorySaver())
    return LangGraphApp(graph, client, name="app", fields=TO, **options)


def work(client: Client, app: LangGraphApp) -> None:
    Worker(client, apps=[app]).run(once=True)


def run_of(client: Client) -> dict[str, Any]:
    run = client.get_run("t1")
    assert run is not None
    return run


def test_a_graph_that_asks_nothing_returns_its_result(client: Client) -> None:
    app = app_of(parallel(lambda state: {"out": ["x"]}), client)

    assert app.invoke({"out": []}, "t1") == {"out": ["x"]}
    assert run_of(client)["status"] == "done"
    assert app.invoke({"out": []}, "t1") == {"out": ["x", "x"]}  # a thread goes on


def test_nothing_can_be_decided_while_a_sibling_still_runs(client: Client, ana: Reviewer) -> None:
    """H1: an answer during the run would start the slow sibling a second time."""
    slow, seen = [], []

    def sibling(state: State) -> dict[str, Any]:
        slow.append("ran")
        seen.append(client.list_intents(status="WAITING"))
        return {"out": ["slow"]}

    saver = wrap_checkpointer(InMemorySaver(), client, graph="app", fields=TO)
    app = app_of(parallel(asking("a?"), sibling), client, saver)
    asked = app.invoke({"out": []}, "t1")
    ana.submit(asked.intent_ids[0], "provided", comment="yes")
    work(client, app)

    assert (slow, seen) == (["ran"], [[]])
    assert run_of(client)["result"] == {"out": ["yes", "slow"]}


def test_two_workers_at_once_answer_once(client: Client, ana: Reviewer) -> None:
    """H2: both would succeed, and both would act."""
    acted, barrier = [], threading.Barrier(2)

    def act(state: State) -> dict[str, Any]:
        acted.append(interrupt("a?"))
        return {"out": list(acted)}

    app = app_of(parallel(act), client)
    asked = app.invoke({"out": []}, "t1")
    ana.submit(asked.intent_ids[0], "provided", comment="yes")

    def worker() -> None:
        barrier.wait()
        work(client, app)

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert acted == ["yes"]
    assert run_of(client)["result"] == {"out": ["yes"]}


def test_a_late_answer_does_not_meet_the_next_question(client: Client, ana: Reviewer) -> None:
    """H3: a plain resume of a used id answers the next question of the task."""

    def twice(state: State) -> dict[str, Any]:
        return {"out": [interrupt("transfer 10?"), interrupt("transfer 1000000?")]}

    builder, saver = parallel(twice), InMemorySaver()
    app = app_of(builder, client, saver)
    graph = builder.compile(checkpointer=saver)
    first = app.invoke({"out": []}, "t1").intent_ids
    used = graph.get_state(CONFIG).interrupts[0].id
    ana.submit(first[0], "provided", comment="yes")
    work(client, app)

    strict: Any = {"configurable": {"thread_id": "t1", "__pregel_strict_resume": True}}
    with pytest.raises(UnknownInterruptError):
        graph.invoke(Command(resume={used: "yes"}), strict)
    work(client, app)
    assert run_of(client)["status"] == "suspended"
    assert graph.get_state(CONFIG).interrupts[0].value == "transfer 1000000?"


def test_a_node_that_fails_after_its_answer_is_run_again_with_it(
    client: Client, ana: Reviewer
) -> None:
    answers: list[Any] = []

    def fails_once(state: State) -> dict[str, Any]:
        answers.append(interrupt("a?"))
        if len(answers) == 1:
            raise ConnectionError("the model is away")
        return {"out": [answers[-1]]}

    app = app_of(parallel(fails_once), client)
    asked = app.invoke({"out": []}, "t1")
    ana.submit(asked.intent_ids[0], "provided", comment="yes")
    Worker(client, apps=[app], retry_after=0.0).run(once=True)

    assert answers == ["yes", "yes"]
    assert run_of(client)["result"] == {"out": ["yes"]}


def test_a_question_that_no_state_was_saved_for_is_asked_again(
    client: Client, ana: Reviewer
) -> None:
    """The process died inside of its first step: the lease runs out, a worker goes on."""
    builder, saver = parallel(asking("a?")), InMemorySaver()
    builder.compile(checkpointer=saver, interrupt_before=["n0"]).invoke({"out": []}, CONFIG)
    app = app_of(builder, client, saver)
    open_run(client, "t1", app="app").release(0.0)

    work(client, app)

    (asked,) = run_of(client)["waits"]
    ana.submit(asked, "provided", comment="yes")
    work(client, app)
    assert run_of(client)["result"] == {"out": ["yes"]}


def test_a_new_input_is_refused_or_replaces_what_was_asked(client: Client, ana: Reviewer) -> None:
    app = app_of(parallel(asking("a?")), client)
    first = app.invoke({"out": ["one"]}, "t1")
    with pytest.raises(Conflict, match="waits for decisions"):
        app.invoke({"out": ["refused"]}, "t1")
    assert client.get_intent(first.intent_ids[0])["status"] == "WAITING"
    second = app.invoke({"out": ["two"]}, "t1", replace=True)

    ended = client.get_intent(first.intent_ids[0])
    assert ended["status"] == "CANCELED"
    assert first.intent_ids != second.intent_ids
    ana.submit(second.intent_ids[0], "provided", comment="yes")
    work(client, app)
    assert run_of(client)["result"] == {"out": ["one", "two", "yes"]}


def test_a_thread_that_was_changed_by_hand_is_left_alone(client: Client, ana: Reviewer) -> None:
    builder, saver = parallel(asking("a?")), InMemorySaver()
    app = app_of(builder, client, saver)
    asked = app.invoke({"out": []}, "t1")
    builder.compile(checkpointer=saver).update_state(CONFIG, {"out": ["by hand"]}, as_node="n0")
    ana.submit(asked.intent_ids[0], "provided", comment="late")

    work(client, app)

    assert run_of(client)["result"] == {"out": ["by hand"]}


def test_only_one_process_at_a_time(client: Client) -> None:
    app = app_of(parallel(asking("a?")), client)

    with open_run(client, "t1", app="app"), pytest.raises(RunBusy):
        app.invoke({"out": []}, "t1")


def test_what_a_node_raises_is_its_callers(client: Client) -> None:
    def broken(state: State) -> dict[str, Any]:
        raise ZeroDivisionError("no such luck")

    app = app_of(parallel(broken), client)

    with pytest.raises(ZeroDivisionError):
        app.invoke({"out": []}, "t1")
    assert run_of(client)["status"] == "failed"
    assert "no such luck" in run_of(client)["error"]


def test_streams_say_that_they_were_suspended(client: Client, ana: Reviewer) -> None:
    builder = StateGraph(State)
    builder.add_node("first", lambda state: {"out": ["one"]})
    builder.add_node("second", asking("a?"))
    builder.add_edge(START, "first").add_edge("first", "second")
    app = app_of(builder, client)

    chunks = list(app.stream({"out": []}, "t1", stream_mode="updates"))

    assert chunks[0] == {"first": {"out": ["one"]}}
    assert isinstance(chunks[-1], Suspended)
    ana.submit(chunks[-1].intent_ids[0], "provided", comment="yes")
    work(client, app)
    assert run_of(client)["result"] == {"out": ["one", "yes"]}

    async def read() -> list[Any]:
        return [chunk async for chunk in app.astream({"out": []}, "t2", stream_mode="updates")]

    assert isinstance(asyncio.run(read())[-1], Suspended)


def test_waiting_in_the_process(client: Client, ana: Reviewer) -> None:
    app = app_of(parallel(asking("a?")), client)
    suspended = app.invoke({"out": []}, "t1", wait=0.01)
    assert isinstance(suspended, Suspended)

    def decide() -> None:
        while not client.list_intents(status="WAITING", limit=2)[1:]:
            pass
        for intent in client.list_intents(status="WAITING"):
            ana.submit(intent["intent_id"], "provided", comment="yes")

    thread = threading.Thread(target=decide)
    thread.start()
    assert app.invoke({"out": []}, "t2", wait=30) == {"out": ["yes"]}
    thread.join()


def test_async_with_a_saver_that_lives_on_an_event_loop(url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with AsyncClient(url, agent="bot") as client:
            path = str(tmp_path / "threads.db")

            async def node(state: State) -> dict[str, Any]:
                return {"out": [interrupt("a?")]}

            from contextlib import asynccontextmanager  # noqa: PLC0415

            @asynccontextmanager
            async def graph() -> Any:
                async with AsyncSqliteSaver.from_conn_string(path) as saver:
                    yield parallel(node).compile(checkpointer=saver)

            app = LangGraphApp(graph, client, name="app", fields=TO)
            asked = await app.ainvoke({"out": []}, "t1")
            assert isinstance(asked, Suspended)
            with Reviewer(url, person=ANA) as ana:
                await asyncio.to_thread(ana.submit, asked.intent_ids[0], "provided", comment="yes")
            assert await Worker(client, apps=[app]).serve(once=True) == 1
            run = await client.get_run("t1")
            assert run is not None
            assert run["result"] == {"out": ["yes"]}

    asyncio.run(scenario())


def test_a_graph_without_a_checkpointer_is_refused(client: Client) -> None:
    with pytest.raises(ConfigurationError, match="no checkpointer"):
        LangGraphApp(parallel(asking("a?")).compile(), client, name="app")
