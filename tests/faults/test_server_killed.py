"""The server dies by kill -9, again and again, under 200 waiting agents and 50 deciding people."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from holdshort import AsyncClient, AsyncReviewer, Decision, audit

from .server import PATIENCE, Server

AGENTS, PEOPLE, KILLS = 200, 50, 8


class Progress:
    """How much has been done, and a way to wait for more."""

    def __init__(self) -> None:
        self.done = 0
        self._more = asyncio.Condition()

    async def step(self) -> None:
        async with self._more:
            self.done += 1
            self._more.notify_all()

    async def reaches(self, count: int) -> None:
        async with self._more:
            await self._more.wait_for(lambda: self.done >= count)


def test_every_agent_gets_its_own_decision(database: str, tmp_path: Path) -> None:
    with Server(database, tmp_path) as server:
        keys = [server.person(f"person-{number}@acme.com") for number in range(PEOPLE)]
        decisions = asyncio.run(asyncio.wait_for(_day(server, keys), 6 * PATIENCE))

        assert [d["payload"] for d in decisions] == [{"number": n} for n in range(AGENTS)]
        assert len({d["intent_id"] for d in decisions}) == AGENTS
        for number, found in enumerate(decisions):
            decision = found["decision"]
            assert decision.comment == f"number {number}"
            assert decision.approved == (number % 2 == 0)
            assert decision.decided_by == f"person:person-{number % PEOPLE}@acme.com"

        export = server.admin("GET", "/v1/audit/export")
        verified = audit.verify(export.splitlines())
        assert verified.broken is None
        assert verified.intents == AGENTS
        assert export.count(r"\"event_type\":\"intent.decided\"") == AGENTS
        assert _asked(server) == {intent["intent_id"]: 1 for intent in decisions}


async def _day(server: Server, keys: list[str]) -> list[dict[str, object]]:
    progress = Progress()
    async with asyncio.TaskGroup() as group:
        agents = [group.create_task(_agent(server, n, progress)) for n in range(AGENTS)]
        for key in keys:
            group.create_task(_person(server, key, progress))
        group.create_task(_kill(server, progress))
    return [agent.result() for agent in agents]


async def _kill(server: Server, progress: Progress) -> None:
    """Kill it at moments spread over the whole of the work."""
    for kill in range(KILLS):
        await progress.reaches((2 * AGENTS * (2 * kill + 1)) // (2 * KILLS))
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)


async def _agent(server: Server, number: int, progress: Progress) -> dict[str, object]:
    async with AsyncClient(server.url, api_key=server.keys["agent"]) as client:
        intent_id = await client.send_intent(
            "intent.data.export.v1",
            payload={"number": number},
            to=f"person-{number % PEOPLE}@acme.com",
            key=f"agent-{number}",
        )
        await progress.step()
        decision: Decision = await client.wait_for(intent_id, timeout=5 * PATIENCE)
        found = await client.get_intent(intent_id)
        return {"intent_id": intent_id, "payload": found["payload"], "decision": decision}


async def _person(server: Server, key: str, progress: Progress) -> None:
    """Decide all that comes: even numbers yes, odd ones no."""
    left = AGENTS // PEOPLE
    async with AsyncReviewer(server.url, api_key=key) as reviewer:
        while left:
            for task in await reviewer.tasks():
                number = (await reviewer.get(task["intent_id"]))["payload"]["number"]
                answer = reviewer.approve if number % 2 == 0 else reviewer.reject
                # Were an answer of our own not known again after a lost reply, this would raise.
                await answer(task["intent_id"], comment=f"number {number}")
                await progress.step()
                left -= 1


def _asked(server: Server) -> Counter[str]:
    """Return how many notifications there are for each intent."""
    asked: Counter[str] = Counter()
    cursor = ""
    while True:
        page = server.admin("GET", f"/v1/deliveries?limit=500{cursor}")
        asked.update(one["intent_id"] for one in page["deliveries"] if one["reason"] == "asked")
        if page["next_cursor"] is None:
            return asked
        cursor = f"&cursor={page['next_cursor']}"
