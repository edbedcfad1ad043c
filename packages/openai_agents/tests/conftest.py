"""A database of decisions for every test, the people who decide, and a shop to work in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, function_tool

from holdshort import Client, Reviewer, Worker
from holdshort.adapters import Gate, Suspended
from holdshort_openai_agents import IntentRunner

from .scripted import Script, Scripted

ANA = "ana@acme.com"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/holdshort.db"


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url, agent="bot") as client:
        yield client


@pytest.fixture
def ana(client: Client, url: str) -> Iterator[Reviewer]:
    with Reviewer(url, person=ANA) as reviewer:
        yield reviewer


class Shop:
    """An agent with tools that write down what they do, built anew for each process."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.done: list[Any] = []
        self.model = Scripted([])
        self.fails: list[BaseException] = []

    def tools(self) -> list[Any]:
        @function_tool(failure_error_function=None)
        def pay(to: str, amount: int) -> str:
            """Pay somebody."""
            self.done.append(["pay", to, amount])
            if self.fails:
                raise self.fails.pop()
            return f"paid {amount} to {to}"

        @function_tool
        def look(what: str) -> str:
            """Look something up."""
            self.done.append(["look", what])
            return f"saw {what}"

        return [pay, look]

    def build(self) -> Agent[Any]:
        return Agent("support", model=self.model, tools=self.tools())

    def runner(self, script: Script | None = None, **options: Any) -> IntentRunner:
        """What one process has: call it again to be another one."""
        if script is not None:
            self.model.script = script
        options = {"gates": {"pay": Gate(to=ANA)}, "retry_after": 0.01, **options}
        build = options.pop("build", self.build)
        return IntentRunner(self.client, {"support": build}, **options)

    def start(self, script: Script, prompt: str = "pay bob", **options: Any) -> Suspended:
        """Run until it waits."""
        run_id = options.pop("run_id", "r1")
        outcome = self.runner(script, **options).run_sync("support", prompt, run_id=run_id)
        assert isinstance(outcome, Suspended)
        return outcome

    def work(self, runner: IntentRunner | None = None, **options: Any) -> int:
        """Resume what can be resumed, as another process would."""
        worker = Worker(self.client, apps=[runner or self.runner(**options)], retry_after=0.01)
        return worker.run(once=True)

    def result(self, run_id: str = "r1") -> Any:
        """How a run ended."""
        run = self.client.get_run(run_id)
        return run["status"], (run["result"] or {}).get("output") or run["error"]


@pytest.fixture
def shop(client: Client) -> Shop:
    return Shop(client)


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return when this is so."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come to be"
        time.sleep(0.02)
