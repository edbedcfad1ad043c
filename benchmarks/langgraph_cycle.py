"""What Holdshort adds to a LangGraph graph, beside the bare framework in the same run.

    make bench-langgraph

Both keep their threads in SQLite files on the same disk. The bare cycle is `interrupt()` and
`Command(resume=…)`; ours is the same graph with `request_approval`, from the first `invoke` over
the answer to the end, with Holdshort embedded (a second SQLite file, every commit synced).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from langchain_core.messages import AIMessage, ToolCall
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt

from holdshort import Client, Reviewer, Worker
from holdshort_langgraph import ApprovalMiddleware, LangGraphApp, request_approval

CYCLES = 60
CALLS = 300
ANA = "ana@example.com"


class State(TypedDict, total=False):
    amount: int
    paid: bool


def graph(node: Callable[[State], State], saver: SqliteSaver) -> Any:
    builder = StateGraph(State)
    builder.add_node("pay", node)
    builder.add_edge(START, "pay")
    return builder.compile(checkpointer=saver)


def bare_cycle(saver: SqliteSaver) -> Callable[[int], None]:
    def pay(state: State) -> State:
        return {"paid": interrupt({"pay": state["amount"]}) == "approve"}

    compiled = graph(pay, saver)

    def cycle(number: int) -> None:
        config = {"configurable": {"thread_id": f"bare-{number}"}}
        asked = compiled.invoke({"amount": 5}, config, durability="sync")["__interrupt__"]
        resume = Command(resume={asked[0].id: "approve"})
        assert compiled.invoke(resume, config, durability="sync")["paid"]

    return cycle


def durable_cycle(saver: SqliteSaver, client: Client, ana: Reviewer) -> Callable[[int], None]:
    def pay(state: State) -> State:
        decision = request_approval("pay", {"amount": state["amount"]}, to=ANA)
        return {"paid": decision.approved}

    app = LangGraphApp(graph(pay, saver), client, name="bench")
    worker = Worker(client, apps=[app])

    def cycle(number: int) -> None:
        asked = app.invoke({"amount": 5}, f"ours-{number}")
        ana.approve(asked.intent_ids[0])
        assert worker.run(once=True) == 1

    return cycle


@tool
def look(what: str) -> str:
    """Look at something; nobody has to clear that."""
    return what


def calls(middleware: ApprovalMiddleware | None) -> Callable[[int], None]:
    """Return what runs one ungated call in a tool node."""
    wrap = None if middleware is None else middleware.wrap_tool_call
    builder = StateGraph(MessagesState)
    builder.add_node("tools", ToolNode([look], wrap_tool_call=wrap))
    builder.add_edge(START, "tools")
    compiled = builder.compile()

    def call(number: int) -> None:
        made = ToolCall(name="look", args={"what": "x"}, id=str(number), type="tool_call")
        compiled.invoke({"messages": [AIMessage("", tool_calls=[made])]})

    return call


def timed(work: Callable[[int], None], times: int) -> list[float]:
    """Return milliseconds for each, after a few to warm up."""
    for number in range(5):
        work(-number - 1)
    taken = []
    for number in range(times):
        started = time.perf_counter()
        work(number)
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def main() -> None:
    """Measure, and print; with --json, one document."""
    os.environ["HOLDSHORT_CONSOLE"] = "false"
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{Path(folder) / 'holdshort.db'}"
        with (
            SqliteSaver.from_conn_string(str(Path(folder) / "threads.db")) as saver,
            Client(database) as client,
            Reviewer(database, person=ANA) as ana,
        ):
            figures = {
                "bare cycle": timed(bare_cycle(saver), CYCLES),
                "durable cycle": timed(durable_cycle(saver, client, ana), CYCLES),
                "bare call": timed(calls(None), CALLS),
                "call that needs nobody": timed(
                    calls(ApprovalMiddleware(client, gates=["pay"])), CALLS
                ),
            }
    middles = {name: round(statistics.median(taken), 3) for name, taken in figures.items()}
    if "--json" in sys.argv:
        print(json.dumps(middles, indent=2))
        return
    for name, taken in figures.items():
        low, high = min(taken), max(taken)
        print(f"{name:24} {middles[name]:8.2f} ms (lowest {low:.2f}, highest {high:.2f})")
    ratio = middles["durable cycle"] / middles["bare cycle"]
    added = middles["call that needs nobody"] - middles["bare call"]
    print(f"a cycle takes {ratio:.2f} times the bare one (aim 1.5)")
    print(f"a call that needs nobody takes {added:.3f} ms more (aim under 1)")


if __name__ == "__main__":
    main()
