"""Asking inside of graphs: `approval_node`, `request_approval`, `requires_approval`, `ask`."""

from __future__ import annotations

import asyncio
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from holdshort import Client, Reviewer, Worker
from holdshort.adapters import Effects
from holdshort.errors import ConfigurationError, Rejected
from holdshort_langgraph import (
    LangGraphApp,
    aask,
    answer_of,
    approval_node,
    ask,
    refusal,
    request_approval,
    requires_approval,
    wrap_checkpointer,
)

from .conftest import ANA
from .graphs import State, parallel

CONFIG: Any = {"configurable": {"thread_id": "t1"}}


class Export(TypedDict, total=False):
    rows: int
    approval: dict[str, Any]
    done: str


def exporting(client: Client | None = None) -> Any:
    builder = StateGraph(Export)
    node = approval_node(
        lambda state: {"tool": "export", "arguments": {"rows": state["rows"]}},
        on={"approved": "export", "rejected": END},
        client=client,
        to=ANA,
    )
    builder.add_node("ask", node, destinations=("export", END))
    builder.add_node(
        "export", lambda state: {"done": f"{state['approval']['arguments']['rows']} rows"}
    )
    return builder.add_edge(START, "ask")


def work(client: Client, app: LangGraphApp) -> dict[str, Any]:
    Worker(client, apps=[app], retry_after=0.0).run(once=True)
    run = client.get_run("t1")
    assert run is not None
    return run


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize(
    ("decide", "done"),
    [
        (lambda ana, intent: ana.approve(intent), "7 rows"),
        (lambda ana, intent: ana.approve(intent, arguments={"rows": 3}), "3 rows"),
        (lambda ana, intent: ana.reject(intent), None),
    ],
)
def test_an_approval_node_goes_where_the_decision_says(
    client: Client, ana: Reviewer, decide: Any, done: Any, colour: str
) -> None:
    graph = exporting().compile(checkpointer=InMemorySaver())
    app = LangGraphApp(graph, client, name="app", asynchronous=colour == "async")
    (intent,) = app.invoke({"rows": 7}, "t1").intent_ids

    decide(ana, intent)

    assert work(client, app)["result"].get("done") == done


def test_an_approval_node_needs_to_know_where_a_no_goes() -> None:
    with pytest.raises(ConfigurationError, match="rejected"):
        approval_node(lambda state: {}, on={"approved": "export"})


def test_a_direct_resume_value_does_not_pass_an_approval_node(
    client: Client, ana: Reviewer
) -> None:
    saver = wrap_checkpointer(InMemorySaver(), client, graph="app")
    graph = exporting(client).compile(checkpointer=saver)
    graph.invoke({"rows": 7}, CONFIG)

    result = graph.invoke(Command(resume={"decision": "approved"}), CONFIG)

    assert "done" not in result
    (asked,) = client.list_intents(status="WAITING")
    ana.approve(asked["intent_id"])
    run = work(client, LangGraphApp(graph, client, name="app"))
    assert run["result"]["done"] == "7 rows"


def test_the_same_thing_asked_twice_is_two_questions(client: Client, ana: Reviewer) -> None:
    paid: list[Any] = []

    def node(state: State) -> dict[str, Any]:
        for _ in range(2):
            decision = request_approval("pay", {"amount": 5}, to=ANA)
            Effects(client).run(decision, lambda arguments: paid.append(arguments["amount"]))
        return {"out": list(paid)}

    app = LangGraphApp(parallel(node).compile(checkpointer=InMemorySaver()), client, name="app")
    (first,) = app.invoke({"out": []}, "t1").intent_ids
    ana.approve(first)
    (second,) = work(client, app)["waits"]
    assert second != first
    assert paid == [5]
    ana.approve(second)
    assert work(client, app)["status"] == "done"
    assert paid == [5, 5]


def test_a_function_that_requires_approval_in_a_task(client: Client, ana: Reviewer) -> None:
    paid: list[Any] = []

    @requires_approval(to=ANA, when=lambda name, arguments: arguments["amount"] > 1)
    def pay(amount: int, to: str = "bob") -> str:
        paid.append((to, amount))
        return f"paid {to} {amount}"

    @task
    def paying(amount: int) -> str:
        return pay(amount)

    @entrypoint(checkpointer=InMemorySaver())
    def flow(amounts: list[int]) -> list[str]:
        return [future.result() for future in [paying(amount) for amount in amounts]]

    app = LangGraphApp(flow, client, name="app")
    asked = app.invoke([1, 2, 3], "t1").intent_ids
    assert paid == [("bob", 1)]
    for intent in asked:
        ana.approve(intent)
    run = work(client, app)
    assert run["result"] == ["paid bob 1", "paid bob 2", "paid bob 3"]
    assert sorted(paid) == [("bob", 1), ("bob", 2), ("bob", 3)]


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_what_is_not_approved_raises_or_is_put_into_words(
    client: Client, ana: Reviewer, colour: str
) -> None:
    @requires_approval(to=ANA)
    def pay(amount: int) -> str:
        raise AssertionError("nobody approved this")

    @requires_approval(to=ANA, otherwise=refusal)
    async def apay(amount: int) -> str:
        raise AssertionError("nobody approved this")

    def node(state: State) -> dict[str, Any]:
        try:
            return {"out": [pay(1)]}
        except Rejected as rejected:
            return {"out": [str(rejected)]}

    async def anode(state: State) -> dict[str, Any]:
        return {"out": [await apay(1)]}

    builder = parallel(anode if colour == "async" else node)
    app = LangGraphApp(
        builder.compile(checkpointer=InMemorySaver()),
        client,
        name="app",
        asynchronous=colour == "async",
    )
    if colour == "async":
        asked = asyncio.run(app.ainvoke({"out": []}, "t1"))
    else:
        asked = app.invoke({"out": []}, "t1")
    ana.reject(asked.intent_ids[0], comment="no money")
    assert "no money" in work(client, app)["result"]["out"][0]


def test_questions_with_options_and_forms(client: Client, ana: Reviewer) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    def node(state: State) -> dict[str, Any]:
        return {"out": [answer_of(ask("which?", options=["a", "b"], to=ANA))]}

    async def form(state: State) -> dict[str, Any]:
        return {"out": [answer_of(await aask("how many?", schema=schema, to=ANA))]}

    app = LangGraphApp(
        parallel(node, form).compile(checkpointer=InMemorySaver()),
        client,
        name="app",
        asynchronous=True,
    )
    asked = asyncio.run(app.ainvoke({"out": []}, "t1")).intent_ids
    ids = {client.get_intent(one)["title"]: one for one in asked}
    ana.submit(ids["which?"], "provided", data={"answer": "b"})
    ana.submit(ids["how many?"], "provided", data={"n": 3})
    assert work(client, app)["result"]["out"] == ["b", {"n": 3}]


def test_asking_outside_of_a_graph_is_refused(client: Client) -> None:
    with pytest.raises(ConfigurationError, match="inside a node"):
        request_approval("pay", {}, client=client)

    graph = parallel(lambda state: {"out": [request_approval("pay", {}, client=client)]})
    with pytest.raises(ConfigurationError, match="no checkpointer"):
        graph.compile().invoke({"out": []})
    bare = parallel(lambda state: {"out": [request_approval("pay", {})]})
    saved = bare.compile(checkpointer=InMemorySaver())
    with pytest.raises(ConfigurationError, match="which Holdshort"):
        saved.invoke({"out": []}, CONFIG)
