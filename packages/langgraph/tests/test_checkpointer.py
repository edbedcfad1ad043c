"""`wrap_checkpointer`: every interrupt of any graph becomes one intent, once it can be resumed."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from holdshort import Client, Reviewer, Worker
from holdshort.errors import HoldshortError
from holdshort_langgraph import LangGraphApp, reconcile, wrap_checkpointer

from .conftest import ANA
from .graphs import State, asking, parallel

TO = {"to": ANA}


def until(look: Any) -> Any:
    """Look again and again until there is something."""
    ends = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < ends
        time.sleep(0.01)
    return found


def config(thread_id: str = "t1") -> Any:
    return {"configurable": {"thread_id": thread_id}}


def wrapped(saver: Any, client: Client) -> Any:
    return wrap_checkpointer(saver, client, graph="app", fields=TO)


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_each_question_is_filed_once(
    saver: Any, client: Client, open_intents: Any, durability: Any
) -> None:
    graph = parallel(asking("a?"), asking("b?")).compile(checkpointer=wrapped(saver, client))

    graph.invoke({"out": []}, config(), durability=durability)

    asked = open_intents()
    assert sorted(intent["title"] for intent in asked) == ["a?", "b?"]
    assert {intent["run_id"] for intent in asked} == {"t1"}
    graph.invoke(None, config(), durability="sync")  # run again: the same questions
    assert [one["intent_id"] for one in open_intents()] == [one["intent_id"] for one in asked]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_each_question_is_filed_once_on_an_event_loop(
    tmp_path: Path, client: Client, open_intents: Any, durability: Any
) -> None:
    async def run() -> None:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as saver:
            builder = parallel(asking("a?"), asking("b?"))
            graph = builder.compile(checkpointer=wrapped(saver, client))
            await graph.ainvoke({"out": []}, config(), durability=durability)
            await graph.ainvoke(None, config(), durability="sync")
            await graph.aupdate_state(config(), {"out": []}, as_node="n0")

    asyncio.run(run())

    assert open_intents() == []
    ended = client.list_intents()
    assert [(one["title"], one["status"]) for one in ended].count(("a?", "CANCELED")) == 1
    assert len(ended) == 2


def test_a_worker_answers_what_the_hook_has_filed(
    saver: Any, client: Client, ana: Reviewer, open_intents: Any
) -> None:
    graph = parallel(asking("a?"), asking("b?")).compile(checkpointer=wrapped(saver, client))
    graph.invoke({"out": []}, config(), durability="exit")
    for intent in open_intents():
        ana.submit(intent["intent_id"], "provided", comment=intent["title"].upper())

    Worker(client, apps=[LangGraphApp(graph, client, name="app", fields=TO)]).run(once=True)

    assert graph.get_state(config()).values["out"] == ["A?", "B?"]
    run = client.get_run("t1")
    assert run is not None
    assert (run["status"], run["result"]) == ("done", {"out": ["A?", "B?"]})


def test_a_worker_leaves_a_run_alone_that_may_be_under_way(
    client: Client, ana: Reviewer, open_intents: Any
) -> None:
    """H1 where no app holds the thread: an answer while a parallel node still runs."""
    slow: list[str] = []
    go_on = threading.Event()

    def sibling(state: State) -> dict[str, Any]:
        slow.append("ran")
        go_on.wait(30)
        return {"out": ["slow"]}

    saver = wrapped(InMemorySaver(), client)
    graph = parallel(asking("a?"), sibling).compile(checkpointer=saver)
    app = LangGraphApp(graph, client, name="app", fields=TO, quiet=1.0)
    running = threading.Thread(target=graph.invoke, args=({"out": []}, config()))
    running.start()
    until(open_intents)
    ana.submit(open_intents()[0]["intent_id"], "provided", comment="yes")

    Worker(client, apps=[app]).run(once=True)
    assert slow == ["ran"]
    go_on.set()
    running.join()

    def result() -> Any:
        Worker(client, apps=[app]).run(once=True)
        run = client.get_run("t1")
        return run and run["result"]

    assert until(result) == {"out": ["yes", "slow"]}
    assert slow == ["ran"]


def test_a_question_of_a_subgraph_is_one_question(client: Client, open_intents: Any) -> None:
    inner = parallel(asking("deep?")).compile()
    outer = StateGraph(State).add_node("inner", inner).add_edge(START, "inner")
    graph = outer.compile(checkpointer=wrapped(InMemorySaver(), client))

    graph.invoke({"out": []}, config())

    assert [intent["title"] for intent in open_intents()] == ["deep?"]


def test_a_question_that_a_node_catches_is_asked_by_nobody(
    client: Client, open_intents: Any
) -> None:
    inner = parallel(asking("caught?")).compile()

    def catching(state: State) -> dict[str, Any]:
        try:
            inner.invoke({"out": []})
        except Exception as stopped:
            return {"out": [type(stopped).__name__]}
        return {"out": []}

    graph = parallel(catching).compile(checkpointer=wrapped(InMemorySaver(), client))

    graph.invoke({"out": []}, config())

    assert open_intents() == []


def test_parallel_tasks_of_the_functional_api_are_both_asked(
    client: Client, ana: Reviewer, open_intents: Any
) -> None:
    saver = wrapped(InMemorySaver(), client)

    @task
    def one(question: str) -> str:
        return str(interrupt(question))

    @entrypoint(checkpointer=saver)
    def flow(questions: list[str]) -> list[str]:
        return [future.result() for future in [one(text) for text in questions]]

    flow.invoke(["a?", "b?"], config(), durability="sync")
    assert sorted(intent["title"] for intent in open_intents()) == ["a?", "b?"]

    # The one that get_state hides is answered first.
    app = LangGraphApp(flow, client, name="app", fields=TO)
    for title in ("b?", "a?"):
        (found,) = [intent for intent in open_intents() if intent["title"] == title]
        ana.submit(found["intent_id"], "provided", comment=title.upper())
        Worker(client, apps=[app]).run(once=True)
    run = client.get_run("t1")
    assert run is not None
    assert run["result"] == ["A?", "B?"]


def test_the_next_question_of_a_node_is_a_question_of_its_own(
    client: Client, ana: Reviewer, open_intents: Any
) -> None:
    def twice(state: State) -> dict[str, Any]:
        return {"out": [interrupt("transfer 10?"), interrupt("transfer 1000000?")]}

    graph = parallel(twice).compile(checkpointer=wrapped(InMemorySaver(), client))
    app = LangGraphApp(graph, client, name="app", fields=TO)
    graph.invoke({"out": []}, config())
    (first,) = open_intents()
    ana.submit(first["intent_id"], "provided", comment="yes")

    for _ in range(3):  # delivered again and again
        Worker(client, apps=[app]).run(once=True)

    (second,) = open_intents()
    assert second["title"] == "transfer 1000000?"
    ana.submit(second["intent_id"], "provided", comment="no")
    Worker(client, apps=[app]).run(once=True)
    assert graph.get_state(config()).values["out"] == ["yes", "no"]


@pytest.mark.parametrize(
    ("move", "reason"),
    [
        (lambda graph: graph.invoke({"out": ["hello"]}, config()), "A new message"),
        (lambda graph: graph.update_state(config(), {"out": []}, as_node="n0"), "by hand"),
        (
            lambda graph: graph.invoke(None, list(graph.get_state_history(config()))[-1].config),
            "earlier point",
        ),
        (lambda graph: graph.checkpointer.delete_thread("t1"), "was deleted"),
        (lambda graph: graph.invoke(Command(resume="by hand"), config()), "in another way"),
    ],
    ids=["new input", "update_state", "time travel", "delete_thread", "resumed by hand"],
)
def test_a_question_that_the_thread_leaves_behind_is_withdrawn(
    saver: Any, client: Client, open_intents: Any, move: Any, reason: str
) -> None:
    graph = parallel(asking("a?")).compile(checkpointer=wrapped(saver, client))
    graph.invoke({"out": []}, config())
    (asked,) = open_intents()

    move(graph)

    ended = client.get_intent(asked["intent_id"])
    assert ended["status"] == "CANCELED"
    assert reason in str(client.list_intent_events(asked["intent_id"])[-1])


def test_a_question_that_its_node_has_passed_is_withdrawn(
    client: Client, open_intents: Any
) -> None:
    def twice(state: State) -> dict[str, Any]:
        return {"out": [interrupt("a?"), interrupt("b?")]}

    graph = parallel(twice, asking("c?")).compile(checkpointer=wrapped(InMemorySaver(), client))
    graph.invoke({"out": []}, config())
    first = next(one.id for one in graph.get_state(config()).interrupts if one.value == "a?")

    graph.invoke(Command(resume={first: "by hand"}), config())

    assert sorted(intent["title"] for intent in open_intents()) == ["b?", "c?"]


def test_what_cannot_be_filed_ends_the_run_and_is_asked_when_it_goes_on(
    client: Client, open_intents: Any
) -> None:
    nobody = wrap_checkpointer(InMemorySaver(), client, graph="app")
    graph = parallel(asking("a?")).compile(checkpointer=nobody)

    with pytest.raises(HoldshortError, match="nobody to ask"):
        graph.invoke({"out": []}, config())

    whole = parallel(asking("a?")).compile(checkpointer=wrapped(nobody.inner, client))
    whole.invoke(None, config())
    assert [intent["title"] for intent in open_intents()] == ["a?"]


def test_reconcile_finds_what_nobody_was_told_of(
    saver: Any, client: Client, open_intents: Any
) -> None:
    graph = parallel(asking("a?"), asking("b?")).compile(checkpointer=saver)
    graph.invoke({"out": []}, config("t1"))
    graph.invoke({"out": []}, config("t2"))
    graph.invoke(
        Command(resume={graph.get_state(config("t2")).interrupts[0].id: "x"}), config("t2")
    )

    ids = reconcile(saver, client, graph="app", fields=TO)

    assert len(set(ids)) == 3
    assert sorted(ids) == [intent["intent_id"] for intent in open_intents()]
    assert sorted(reconcile(saver, client, graph="app", fields=TO)) == sorted(ids)


def test_the_wrapper_leaves_what_is_not_its_own_to_the_saver(client: Client) -> None:
    inner = InMemorySaver()
    saver = wrapped(inner, client)

    assert saver.storage is inner.storage
    assert saver.serde is inner.serde
    assert isinstance(saver.get_next_version(None, None), str)  # as savers count, not as the base
    with pytest.raises(AttributeError):
        saver.setup()
