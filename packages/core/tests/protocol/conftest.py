"""A Holdshort that is called as the protocol's clients call it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..server.house import AGENT, ANA, TYPE, House, database_in, opened

ANALYST = "agent://acme/production/data-analyst"
WORK = "intent.data.scan.v1"


class Wire:
    """Calls by path, with a key; `asking`, `analyst`, `ana`, `bo` and `admin` are keys."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.clock = house.clock
        self.asking, self.ana, self.bo, self.admin = house.agent, house.ana, house.bo, house.admin
        self.analyst = ""

    async def open(self) -> None:
        made = await self.ok(
            "POST",
            "/v1/service-accounts",
            self.admin,
            {"name": "data-analyst", "org_id": "acme", "workspace_id": "production"},
        )
        account = made["service_account"]["service_account_id"]
        key = await self.ok("POST", f"/v1/service-accounts/{account}/keys", self.admin, {})
        self.analyst = key["key"]["token"]

    async def call(
        self, method: str, path: str, key: str | None, body: Any = None, **headers: str
    ) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        content = None if body is None else json.dumps(body)
        return await self.house.http.request(method, path, content=content, headers=sent)

    async def ok(self, *args: Any, **headers: str) -> Any:
        response = await self.call(*args, **headers)
        assert response.status_code == 200, response.text
        return response.json()

    async def refused(self, status: int, *args: Any, **headers: str) -> str:
        """Return the reason; both forms of it have to say the same."""
        response = await self.call(*args, **headers)
        assert response.status_code == status, response.text
        body = response.json()
        assert body["detail"] == body["error"]["message"]
        return str(body["detail"])

    async def file(self, *steps: dict[str, Any], key: str | None = None, **more: Any) -> str:
        """File an intent with these steps (by default one for Ana)."""
        body: dict[str, Any] = {"intent_type": TYPE, "payload": {"rows": 9}, **more}
        body |= {"steps": list(steps)} if steps else {}
        filed = await self.ok("POST", "/v1/intents", key or self.asking, body)
        return str(filed["intent_id"])

    async def work(self, **more: Any) -> str:
        """File work for the analyst."""
        return await self.file(intent_type=WORK, to_agent=ANALYST, **more)

    async def resume(self, intent_id: str, key: str, body: dict[str, Any]) -> Any:
        return (await self.ok("POST", f"/v1/intents/{intent_id}/resume", key, body))["intent"]

    async def look(self, intent_id: str, key: str | None = None) -> Any:
        found = await self.ok("GET", f"/v1/intents/{intent_id}", key or self.asking)
        return found["intent"]

    async def events(self, intent_id: str) -> list[str]:
        found = await self.ok("GET", f"/v1/intents/{intent_id}/events", self.asking)
        return [one["event_type"] for one in found["events"]]

    async def after(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)
        await self.house.holdshort.tick()

    async def heard(self, address: str = "data-analyst", since: int = 0) -> list[dict[str, Any]]:
        """Return what the stream of an agent gives within its shortest wait."""
        path = f"/v1/agents/{address}/intents/stream?since={since}&wait_seconds=1"
        response = await self.call("GET", path, self.analyst)
        assert response.status_code == 200, response.text
        blocks = [one for one in response.text.split("\n\n") if one.startswith("id: ")]
        return [json.loads(one.partition("data: ")[2]) for one in blocks]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def wire_to(database: str) -> AsyncIterator[Wire]:
    async with opened(database) as house:
        wire = Wire(house)
        await wire.open()
        yield wire


@pytest.fixture
async def on_sqlite(tmp_path: Path) -> AsyncIterator[Wire]:
    async with wire_to(database_in(tmp_path)) as wire:
        yield wire


@pytest.fixture(params=["on_sqlite", "on_postgres"])
def on_each_database(request: pytest.FixtureRequest, anyio_backend: str) -> Wire:
    found: Wire = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def wire(on_sqlite: Wire) -> Wire:
    return on_sqlite


@pytest.fixture
async def on_postgres(pg_url: str) -> AsyncIterator[Wire]:
    async with wire_to(pg_url) as wire:
        yield wire


__all__ = ["AGENT", "ANA", "ANALYST", "TYPE", "WORK", "Wire"]
