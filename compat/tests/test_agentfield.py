"""PyPI's `agentfield`, unmodified: its agent pauses here, and a person with Holdshort's tools
answers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from agentfield.client import AgentFieldClient
from agentfield.exceptions import AgentFieldClientError, ExecutionTimeoutError

from holdshort.testing.adapter.live import LiveServer, environment, until

AGENT = Path(__file__).with_name("agent.py")


class AgentProcess:
    """The agent, in a process that can be killed."""

    def __init__(self, server: LiveServer, folder: Path) -> None:
        self.server = server
        self.log = folder / "agent.log"
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, script: Path = AGENT) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(script), self.server.url, str(self.port)],
                stdout=log,
                stderr=log,
                env=environment() | {"HOLDSHORT_API_KEY": self.server.keys["agent"]},
            )
        until(self._answers, f"the agent starts: see {self.log}")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return httpx.get(f"{self.url}/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def run(self, reasoner: str, execution: str, **arguments: Any) -> None:
        """Let the control plane's dispatch be played: the run begins, its end is reported."""
        reply = httpx.post(
            f"{self.url}/reasoners/{reasoner}",
            json=arguments,
            headers={"X-Execution-ID": execution, "X-Run-ID": f"run-{execution}"},
            timeout=30,
        )
        assert reply.status_code == 202, reply.text

    def ask(self, **arguments: Any) -> dict[str, Any]:
        """Let it begin a run that pauses; return the task that waits."""
        self.run("settle", "exec-1", claim="claim-1", **arguments)
        return task(self.server)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def agent(server: LiveServer, tmp_path: Path) -> Iterator[AgentProcess]:
    """An agent that runs."""
    found = AgentProcess(server, tmp_path)
    found.start()
    yield found
    found.kill()


def task(server: LiveServer) -> dict[str, Any]:
    """Return the one task that waits."""

    def look() -> list[dict[str, Any]]:
        with server.reviewer() as ana:
            return ana.tasks()

    (found,) = until(look, "a task waits")
    return found


def decide(server: LiveServer, waiting: dict[str, Any], outcome: str, **more: Any) -> None:
    """Let a person answer."""
    with server.reviewer() as ana:
        ana.submit(waiting["intent_id"], outcome, **more)


def outcome(server: LiveServer, execution: str) -> dict[str, Any]:
    """Return what the agent said that it came to."""

    def look() -> dict[str, Any] | None:
        (run,) = runs(server, execution)
        return run if run["status"] in ("done", "failed") else None

    run = until(look, f"{execution} ends")
    assert run["status"] == "done", run
    found: dict[str, Any] = run["result"]
    return found


def runs(server: LiveServer, execution: str) -> list[dict[str, Any]]:
    reply = httpx.get(
        f"{server.url}/v1/runs",
        params={"run_id": execution},
        headers={"Authorization": f"Bearer {server.keys['agent']}"},
    )
    return list(reply.json()["runs"])


def test_a_paused_agent_goes_on_with_who_decided_and_why(
    server: LiveServer, agent: AgentProcess
) -> None:
    waiting = agent.ask()
    assert "claim-1" in waiting["title"]
    decide(server, waiting, "approved", comment="seen the invoice")
    found = outcome(server, "exec-1")
    assert found["decision"] == "approved"
    assert found["feedback"] == "seen the invoice"
    assert found["response"]["decided_by"] == "person:admin@localhost"


@pytest.mark.parametrize(
    ("answer", "decision"), [("rejected", "rejected"), ("changes_requested", "request_changes")]
)
def test_a_no_and_a_wish_for_changes_arrive_as_such(
    answer: str, decision: str, server: LiveServer, agent: AgentProcess
) -> None:
    decide(server, agent.ask(), answer, comment="the total is wrong")
    assert outcome(server, "exec-1")["decision"] == decision


def test_after_changes_the_same_id_is_asked_again(server: LiveServer, agent: AgentProcess) -> None:
    first = agent.ask(rounds=3)
    with server.reviewer() as ana:
        ana.submit(first["intent_id"], "changes_requested", comment="once more")
        second = until(
            lambda: [t for t in ana.tasks() if t["intent_id"] != first["intent_id"]],
            "the second round",
        )
        ana.submit(second[0]["intent_id"], "approved")
    assert outcome(server, "exec-1")["decision"] == "approved"


def test_a_decision_made_while_the_agent_was_dead_reaches_its_successor(
    server: LiveServer, agent: AgentProcess
) -> None:
    waiting = agent.ask()
    agent.kill()
    decide(server, waiting, "approved")
    agent.start()
    agent.run("settle", "exec-2", claim="claim-1")  # dispatched anew, with another execution's id
    assert outcome(server, "exec-2")["decision"] == "approved"


def test_wait_for_resume_has_the_decision_once_the_agent_is_back(
    server: LiveServer, agent: AgentProcess
) -> None:
    waiting = agent.ask()
    agent.kill()
    agent.start()
    agent.run("resume", "exec-2", claim="claim-1", paused="exec-1")
    decide(server, waiting, "rejected", comment="no")
    until(lambda: "resumed with rejected: no" in agent.log.read_text(), "the decision arrives")


def test_the_server_is_killed_while_the_agent_waits(
    server: LiveServer, agent: AgentProcess
) -> None:
    waiting = agent.ask()
    server.restart()
    decide(server, waiting, "approved")
    assert outcome(server, "exec-1")["decision"] == "approved"


@asynccontextmanager
async def client(server: LiveServer) -> AsyncIterator[AgentFieldClient]:
    found = AgentFieldClient(base_url=server.url, api_key=server.keys["agent"])
    found.caller_agent_id = "claims"
    yield found
    await found.aclose()


def using(server: LiveServer, play: Callable[[AgentFieldClient], Awaitable[Any]]) -> Any:
    """Run this with a client; return what it returns."""

    async def run() -> Any:
        async with client(server) as asking:
            return await play(asking)

    return asyncio.run(run())


def test_the_low_level_client_asks_and_waits(server: LiveServer) -> None:
    async def play(asking: AgentFieldClient) -> Any:
        asked = await asking.request_approval("exec-9", "claim-9", expires_in_hours=2)
        assert asked.approval_request_id == "claim-9"
        again = await asking.request_approval("exec-9", "claim-9", expires_in_hours=2)
        assert again.approval_request_id == "claim-9"
        status = await asking.get_approval_status("exec-9")
        assert (status.status, status.responded_at) == ("pending", None)
        waiting = asyncio.create_task(
            asking.wait_for_approval("exec-9", poll_interval=0.05, max_interval=0.1, timeout=30)
        )
        intent_id = (await asyncio.to_thread(task, server))["intent_id"]
        with server.reviewer() as ana:
            await asyncio.to_thread(ana.submit, intent_id, "approved", comment="fine")
        return await waiting

    found = using(server, play)
    assert found.status == "approved"
    assert found.response["feedback"] == "fine"
    assert found.response["decided_by"] == "person:admin@localhost"


def test_what_is_refused_says_why(server: LiveServer) -> None:
    async def play(asking: AgentFieldClient) -> None:
        await asking.request_approval("exec-9", "claim-9")
        with pytest.raises(AgentFieldClientError, match="another approval"):
            await asking.request_approval("exec-9", "claim-10")
        with pytest.raises(AgentFieldClientError, match="differs"):
            await asking.request_approval("exec-8", "claim-9", expires_in_hours=5)
        with pytest.raises(AgentFieldClientError, match="expires_in_hours"):
            await asking.request_approval("exec-7", "claim-7", expires_in_hours=0)
        with pytest.raises(AgentFieldClientError, match="404"):
            await asking.get_approval_status("exec-unknown")
        with pytest.raises(ExecutionTimeoutError):
            await asking.wait_for_approval("exec-9", poll_interval=0.01, timeout=0.1)

    using(server, play)


def test_an_agents_key_never_decides(server: LiveServer) -> None:
    using(server, lambda asking: asking.request_approval("exec-9", "claim-9"))
    path = f"{server.url}/api/v1/executions/exec-9/approval-response"
    answer = {"decision": "approve", "reason": "mine"}
    for key, status in [("agent", 403), ("service", 403), ("person", 200)]:
        reply = httpx.post(path, json=answer, headers={"X-API-Key": server.keys[key]})
        assert reply.status_code == status, reply.text
    assert reply.json()["new_status"] == "running"
    forged = httpx.post(
        f"{server.url}/api/v1/webhooks/approval-response",
        json={"requestId": "claim-9", "decision": "approved"},
        headers={"X-Hax-Signature": "sha256=" + "0" * 64},
    )
    assert forged.status_code == 403


def test_the_pages_agent_does_what_the_page_says(server: LiveServer, tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "howto" / "coming-from-agentfield.md"
    found = re.search(r"file claims.py -->\n```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert found is not None
    agent = AgentProcess(server, tmp_path)
    text = found[1].replace("http://127.0.0.1:8100", server.url).replace("8001", str(agent.port))
    (tmp_path / "claims.py").write_text(text)
    agent.start(tmp_path / "claims.py")
    try:
        decide(server, agent.ask(), "approved", comment="fine")
        assert outcome(server, "exec-1") == {"decision": "approved", "feedback": "fine"}
    finally:
        agent.kill()


def test_this_is_the_release_that_is_meant() -> None:
    """A silently older one would show nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "list", "--format=json"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    found = {one["name"].lower(): one["version"] for one in json.loads(done.stdout)}
    assert tuple(map(int, found["agentfield"].split("."))) >= (0, 1, 144)
    assert tuple(map(int, found["axme"].split("."))) >= (0, 2, 0)
