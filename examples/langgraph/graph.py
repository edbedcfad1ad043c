"""The export as a graph: read, find what is personal, export what a person has cleared."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

from langchain.chat_models import init_chat_model
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph

from holdshort import Client
from holdshort.errors import Rejected
from holdshort_langgraph import LangGraphApp, requires_approval

REVIEWER = "ana@example.com"


class State(TypedDict, total=False):
    source: str
    target: str
    columns: list[str]
    personal: list[str]
    report: str


def model() -> Callable[[str], str]:
    """A real model where HOLDSHORT_EXAMPLE_MODEL names one (`openai:gpt-5-mini`, say), else a
    script."""
    name = os.environ.get("HOLDSHORT_EXAMPLE_MODEL")
    if not name:
        return lambda prompt: "name,email"
    chat = init_chat_model(name)
    return lambda prompt: str(chat.invoke(prompt).text)


def read(state: State) -> State:
    """Which columns are there."""
    with Path(state["source"]).open(encoding="utf-8", newline="") as file:
        return {"columns": next(csv.reader(file))}


def judge(state: State) -> State:
    """Let the model say which of them are personal."""
    prompt = "Which of these columns identify a person? Answer with their names, comma-separated, "
    said = model()(prompt + "and nothing else: " + ",".join(state["columns"]))
    named = {name.strip() for name in said.split(",")}
    return {"personal": [name for name in state["columns"] if name in named]}


@requires_approval(to=REVIEWER, title="Export customer data", deadline="8h")
def write(source: str, target: str, columns: list[str], personal: list[str]) -> str:
    """Write these columns of one file to another. Runs once, with what the reviewer cleared."""
    with Path(source).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with Path(target).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return f"exported {len(rows)} rows: {', '.join(columns)}"


def export(state: State) -> State:
    """Ask, and export what was cleared."""
    try:
        done = write(state["source"], state["target"], state["columns"], state["personal"])
    except Rejected as rejected:
        return {"report": f"nothing was exported. {rejected}"}
    return {"report": done}


@contextmanager
def graph() -> Any:
    """The compiled graph; its threads are kept in ./threads.db."""
    builder = StateGraph(State)
    builder.add_node("read", read).add_node("judge", judge).add_node("export", export)
    builder.add_edge(START, "read").add_edge("read", "judge").add_edge("judge", "export")
    with SqliteSaver.from_conn_string("threads.db") as saver:
        yield builder.compile(checkpointer=saver)


def app(client: Client) -> LangGraphApp:
    """What starts exports here, and resumes them anywhere."""
    return LangGraphApp(graph, client, name="export")
