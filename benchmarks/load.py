"""The load generator, a process of its own: agents that ask, wait and are answered.

Started by `cycles.generate`, with its orders as JSON on standard input and its findings as JSON on
standard output. Each agent has one connection and each agent's reviewer another. A cycle: POST the
intent; open the long poll for the decision; only then POST the decision over the other connection;
the cycle is done when both have been answered and the agent has been given the right approval.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from array import array
from dataclasses import asdict, dataclass, field
from typing import Any

import uvloop

from benchmarks import processes, wire

#: For how long one request may take (seconds); the long poll is opened for as long.
LONGEST = 30
#: Errors that are told in full.
TOLD = 5


@dataclass
class Orders:
    """What to do, and to whom."""

    host: str
    port: int
    agent_keys: list[str]
    """One for each agent, which works on its own."""
    reviewer_keys: list[str]
    reviewers: list[str]
    """Addresses, in the order of their keys; agents share them in turn."""
    warm_up: float
    """Seconds before anything counts."""
    seconds: float
    """For how long cycles are counted; with `samples`, for how long at most."""
    samples: int = 0
    """End when so many cycles were counted; 0 for the whole time."""
    pause: float = 0.0
    """Seconds between the opened long poll and the decision, as a person would leave."""
    server_pid: int = 0
    database_pid: int = 0
    """The first process of the database server, 0 where there is none."""


@dataclass
class Findings:
    """What came of it. Times in seconds."""

    cycles: int = 0
    seconds: float = 0.0
    all_cycles: int = 0
    """With those before and after the measured time."""
    errors: int = 0
    told: list[str] = field(default_factory=list)
    server_cpu: float = 0.0
    database_cpu: float = 0.0
    own_cpu: float = 0.0
    machine_cpu: float = 0.0
    """Of all processes on this machine together."""
    waits: list[float] = field(default_factory=list)
    """From the sending of each decision to the agent's having it, in order of size."""


class Load:
    """All agents together, and what they count."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.findings = Findings()
        self.waits = array("d")
        self.counting = False
        self.ending = False
        self.enough = asyncio.Event()
        self.working = 0
        self.idle = asyncio.Event()

    def done(self, wait: float) -> None:
        """Count one cycle."""
        self.findings.all_cycles += 1
        if self.counting:
            self.findings.cycles += 1
            self.waits.append(wait)
            if self.findings.cycles == self.orders.samples:
                self.enough.set()

    def wrong(self, what: str) -> None:
        """Note an error; nothing that is measured after it counts, so stop."""
        self.findings.errors += 1
        if len(self.findings.told) < TOLD:
            self.findings.told.append(what)
        self.ending = True
        self.enough.set()

    def left(self) -> None:
        self.working -= 1
        if not self.working:
            self.idle.set()

    async def run(self) -> Findings:
        orders, loop = self.orders, asyncio.get_running_loop()
        agents = []
        for number in range(len(orders.agent_keys)):
            asking = await wire.connect(orders.host, orders.port)
            deciding = await wire.connect(orders.host, orders.port)
            agents.append(Agent(self, number, asking, deciding))
        # What exists by now stays; looking through it again and again would be our own noise.
        gc.freeze()
        self.working = len(agents)
        for agent in agents:
            agent.ask()
        await self._until(orders.warm_up)
        before, started = self._cpu(), loop.time()
        self.counting = True
        await self._until(orders.seconds)
        self.counting = False
        found, spent = self.findings, [b - a for a, b in zip(before, self._cpu(), strict=True)]
        found.seconds = loop.time() - started
        found.server_cpu, found.database_cpu, found.own_cpu, found.machine_cpu = spent
        found.waits = sorted(self.waits)
        self.ending = True
        try:
            async with asyncio.timeout(2 * LONGEST):
                await self.idle.wait()
        except TimeoutError:
            self.wrong(f"{self.working} agents were never answered")
        for agent in agents:
            agent.close()
        return found

    async def _until(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.enough.wait()
        except TimeoutError:
            pass

    def _cpu(self) -> tuple[float, float, float, float]:
        orders = self.orders
        return (
            processes.cpu_seconds(orders.server_pid) if orders.server_pid else 0.0,
            processes.family_cpu_seconds(orders.database_pid) if orders.database_pid else 0.0,
            time.process_time(),
            processes.machine_cpu_seconds(),
        )


class Agent:
    """One agent and its reviewer, cycle after cycle. Callbacks, not tasks: half the cost."""

    def __init__(
        self, load: Load, number: int, asking: wire.Connection, deciding: wire.Connection
    ) -> None:
        orders = load.orders
        self._load = load
        self._asking = asking
        self._deciding = deciding
        self._key = orders.agent_keys[number]
        reviewer = number % len(orders.reviewers)
        self._reviewer_key = orders.reviewer_keys[reviewer]
        self._pause = orders.pause
        self._loop = asyncio.get_running_loop()
        # Different in every run, so that an intent is never asked for twice.
        self._name = f"{time.time_ns():x}-{number}"
        self._count = 0
        self._body = {
            "intent_type": "intent.data.export_approval.v1",
            "to_agent": "agent://myorg/production/data-analyst",
            "payload": {
                "dataset": "customers_q1_2026",
                "pii_detected": True,
                "rows": 18_231,
                "reviewer": orders.reviewers[reviewer],
            },
        }
        self._intent = ""
        self._decided_at = 0.0
        self._wait = 0.0
        self._open = 0

    def ask(self) -> None:
        if self._load.ending:
            self._load.left()
            return
        self._count += 1
        extra = f"idempotency-key: {self._name}-{self._count}\r\n"
        self._asking.send(
            wire.request("POST", "/v1/intents", self._key, self._body, extra), self._asked
        )

    def _asked(self, status: int, body: bytes) -> None:
        if status != 200:
            self._wrong("POST /v1/intents", status, body)
            return
        self._intent = json.loads(body)["intent_id"]
        path = f"/v1/intents/{self._intent}/decision"
        self._asking.send(
            wire.request("GET", f"{path}?wait_seconds={LONGEST}", self._key), self._answered
        )
        self._open = 2
        if self._pause:
            self._loop.call_later(self._pause, self._decide, path)
        else:
            self._decide(path)

    def _decide(self, path: str) -> None:
        decision = wire.request("POST", path, self._reviewer_key, {"outcome": "approved"})
        self._decided_at = time.perf_counter()
        self._deciding.send(decision, self._decided)

    def _answered(self, status: int, body: bytes) -> None:
        self._wait = time.perf_counter() - self._decided_at
        answer: dict[str, Any] = json.loads(body) if status == 200 else {}
        decision = answer.get("decision") or {}
        if not decision.get("approved") or decision.get("intent_id") != self._intent:
            self._wrong(f"GET the decision on {self._intent}", status, body)
            return
        self._half_done()

    def _decided(self, status: int, body: bytes) -> None:
        if status != 200:
            self._wrong(f"POST the decision on {self._intent}", status, body)
            return
        self._half_done()

    def _half_done(self) -> None:
        self._open -= 1
        if not self._open:
            self._load.done(self._wait)
            self.ask()

    def _wrong(self, what: str, status: int, body: bytes) -> None:
        self._load.wrong(f"{what}: {status} {body[:300]!r}")
        self._load.left()

    def close(self) -> None:
        self._asking.close()
        self._deciding.close()


def main() -> None:
    orders = Orders(**json.load(sys.stdin))

    async def work() -> Findings:
        return await Load(orders).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        findings = runner.run(work())
    json.dump(asdict(findings), sys.stdout)


if __name__ == "__main__":
    main()
