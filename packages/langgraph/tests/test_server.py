"""Threads of a LangGraph server (`langgraph dev`): asked about, and resumed through its API."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_sync_client

from holdshort import Worker
from holdshort.testing.adapter import LiveServer
from holdshort_langgraph.server import LangGraphServer

GRAPH = """
import operator
from typing import Annotated, TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

class State(TypedDict):
    out: Annotated[list, operator.add]

def first(state):
    return {"out": [interrupt("a?"), interrupt("b?")]}

graph = StateGraph(State).add_node(first).add_edge(START, "first").compile()
"""

CHECKPOINTER = """
from contextlib import asynccontextmanager
from holdshort import AsyncClient
from holdshort_langgraph import wrap_checkpointer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

@asynccontextmanager
async def create_checkpointer():
    async with AsyncSqliteSaver.from_conn_string("threads.db") as saver:
        async with AsyncClient() as client:
            yield wrap_checkpointer(saver, client, graph="app")
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A Holdshort server: the embedded engine blocks, which `langgraph dev` refuses."""
    with LiveServer(tmp_path_factory.mktemp("live")) as live:
        yield live


@pytest.fixture(params=["collected", "hooked"])
def server(request: pytest.FixtureRequest, tmp_path: Path, live: LiveServer) -> Iterator[Any]:
    """`langgraph dev` with one graph: its URL, and whether its checkpointer files the questions."""
    config: dict[str, Any] = {"dependencies": ["."], "graphs": {"g": "./graph.py:graph"}}
    (tmp_path / "graph.py").write_text(GRAPH)
    if request.param == "hooked":
        (tmp_path / "cp.py").write_text(CHECKPOINTER)
        config["checkpointer"] = {"path": "./cp.py:create_checkpointer"}
    (tmp_path / "langgraph.json").write_text(json.dumps(config))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("langgraph")), "dev", "--no-browser"]
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--no-reload", "--host", "127.0.0.1", "--port", str(port)],
            cwd=tmp_path,
            env=os.environ
            | {"LANGSMITH_TRACING": "false", "LANGGRAPH_CLI_NO_ANALYTICS": "1"}
            | {"HOLDSHORT_URL": live.url, "HOLDSHORT_API_KEY": live.keys["agent"]},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        ends = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{address}/ok").raise_for_status()
                break
            except httpx.HTTPError:
                said = (tmp_path / "server.log").read_text()[-3000:]
                assert process.poll() is None, said
                assert time.monotonic() < ends, said
                time.sleep(0.1)
        yield address, request.param == "hooked"
    finally:
        process.terminate()
        process.wait()


def test_a_thread_of_a_server_goes_on_when_it_is_decided(server: Any, live: LiveServer) -> None:
    address, hooked = server
    with (
        live.client() as client,
        live.reviewer() as reviewer,
        get_sync_client(url=address) as sdk,
        LangGraphServer(address, client, name="app") as app,
    ):

        def asked(thread: str) -> list[dict[str, Any]]:
            if not hooked:
                app.collect()
                app.collect()
            waiting = client.list_intents(status="WAITING")
            return [intent for intent in waiting if intent["run_id"] == thread]

        thread = sdk.threads.create()["thread_id"]
        sdk.runs.wait(thread, "g", input={"out": []})
        for title in ("a?", "b?"):
            (intent,) = asked(thread)
            assert intent["title"] == title
            reviewer.submit(intent["intent_id"], "provided", comment=title.upper())
            for _ in range(2):  # delivered twice
                Worker(client, apps=[app]).run(once=True)
        assert sdk.threads.get_state(thread)["values"] == {"out": ["A?", "B?"]}
        run = client.get_run(thread)
        assert run is not None
        assert (run["status"], run["result"]) == ("done", {"out": ["A?", "B?"]})

        # Somebody answers past Holdshort: the question that was open is withdrawn.
        thread = sdk.threads.create()["thread_id"]
        sdk.runs.wait(thread, "g", input={"out": []})
        (intent,) = asked(thread)
        sdk.runs.wait(thread, "g", command={"resume": "by hand"})
        assert "b?" in [one["title"] for one in asked(thread)]
        Worker(client, apps=[app]).run(once=True)
        assert [one["title"] for one in asked(thread)] == ["b?"]
        assert client.get_intent(intent["intent_id"])["status"] == "CANCELED"
