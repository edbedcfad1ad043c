"""A whole Holdshort on a database of its own, without a network: what the tests knock at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs

from holdshort import ids
from holdshort.app import Holdshort
from holdshort.clock import Clock, FakeClock
from holdshort.lifecycle import Attach
from holdshort.models import Principal
from holdshort.notify.base import Notifier
from holdshort.server.auth import hash_of, new_key
from holdshort.server.contract import ENDPOINTS, Endpoint
from holdshort.server.openapi import openapi
from holdshort.settings import Settings
from holdshort.store.base import KeyInfo, StoredFile

TYPE = "intent.data.export_approval.v1"
AGENT = "agent://acme/production/analyst"
ANA = "ana@acme.com"
BO = "bo@acme.com"

BY_NAME: dict[tuple[str, str], Endpoint] = {(e.method, e.path): e for e in ENDPOINTS}


class House:
    """A Holdshort whose time the test moves (`clock.advance`, then `tick`).

    `agent`, `ana`, `bo` and `admin` are keys. Every answer is checked against the OpenAPI document.
    """

    def __init__(self, database: str, clock: Clock | None = None, **options: Any) -> None:
        notifiers: Mapping[str, Notifier] | None = options.pop("notifiers", None)
        store = options.pop("store", None)
        self.database = database
        self.clock: Any = clock or FakeClock()
        settings = Settings(
            **({"database": database, "console": False, "rate_limit": 0.0} | options)
        )
        self.holdshort = Holdshort(settings, clock=self.clock, notifiers=notifiers, store=store)
        self.engine = self.holdshort.engine
        self.store = self.holdshort.store
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.holdshort.asgi, raise_app_exceptions=False),
            base_url="http://holdshort",
            timeout=30.0,
        )
        self.agent = self.ana = self.bo = self.admin = ""

    async def open(self, *, keys: bool = True, background: bool = False) -> None:
        await self.holdshort.start(background=background)
        if keys:
            self.agent = await self.key("agent", AGENT)
            self.ana = await self.key("person", ANA)
            self.bo = await self.key("person", BO)
            self.admin = await self.key("service", "admin")

    async def close(self) -> None:
        await self.http.aclose()
        await self.holdshort.stop()

    async def key(
        self, role: Any, subject: str, *, tenant: str = "default", owner: str | None = None
    ) -> str:
        """Return a new key; makes the tenant where it is not there."""
        if tenant not in self.store.tenants():
            await self.holdshort.make_tenant(tenant)
        secret = new_key(role)
        now = self.clock.now()
        info = KeyInfo(
            tenant=tenant,
            id=ids.new_id(now),
            role=role,
            subject=subject,
            owner=owner,
            created_at=now,
        )
        await self.engine.write_directory(lambda tx: tx.add_key(info, hash_of(secret)))
        return secret

    async def call(
        self,
        method: str,
        path: str,
        key: str | None = None,
        body: Any = None,
        *,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        content: Any = None,
        **names: str,
    ) -> httpx.Response:
        """Call an endpoint by the path that stands in the contract; check what it answers."""
        sent = dict(headers or {})
        if key:
            sent["Authorization"] = f"Bearer {key}"
        if body is not None:
            content = json.dumps(body)
        url = path.format(**names)
        response = await self.http.request(method, url, params=query, headers=sent, content=content)
        conforms(BY_NAME[method, path], response)
        return response

    async def ok(self, *args: Any, **kwargs: Any) -> Any:
        """The same, for what must succeed: the body."""
        response = await self.call(*args, **kwargs)
        assert response.status_code == 200, response.text
        return response.json()

    async def refused(self, status: int, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The same, for what must be refused with this status: the problem's `error`."""
        response = await self.call(*args, **kwargs)
        assert response.status_code == status, response.text
        error: dict[str, Any] = response.json()["error"]
        return error

    async def ask(self, key: str | None = None, **fields: Any) -> str:
        """File an intent (for Ana, where nobody else is named); return its id."""
        body = {"intent_type": TYPE, "payload": {"rows": 9}, "to": ANA} | fields
        filed = await self.ok("POST", "/v1/intents", key or self.agent, body)
        return str(filed["intent_id"])

    async def decide(self, intent_id: str, outcome: str = "approved", **more: Any) -> Any:
        """Decide as Ana, or with another `key`."""
        key = more.pop("key", self.ana)
        path = "/v1/intents/{intent_id}/decision"
        return await self.ok("POST", path, key, {"outcome": outcome, **more}, intent_id=intent_id)

    async def attach(self, intent_id: str, data: bytes = b"paid", name: str = "a.txt") -> str:
        """Put a file of Ana's beside an intent, as the inbox does; return its SHA-256."""
        sha256, now = hashlib.sha256(data).hexdigest(), self.clock.now()
        ana = Principal(kind="person", id=ANA, tenant="default", via="web")
        await self.engine.submit("default", intent_id, Attach(ana, name, sha256, len(data)))
        file = StoredFile(
            tenant="default", sha256=sha256, name=name, media="application/octet-stream",
            size=len(data), person=ANA, created_at=now,
        )  # fmt: skip
        await self.engine.write(lambda tx: tx.put_file(file, data))
        return sha256

    async def look(self, intent_id: str) -> Any:
        found = await self.ok("GET", "/v1/intents/{intent_id}", self.admin, intent_id=intent_id)
        return found["intent"]

    async def events(self, intent_id: str) -> list[str]:
        path = "/v1/intents/{intent_id}/events"
        found = await self.ok("GET", path, self.admin, intent_id=intent_id)
        return [event["event_type"] for event in found["events"]]

    async def deliveries(self, intent_id: str, **query: str) -> list[dict[str, Any]]:
        query["intent_id"] = intent_id
        found = await self.ok("GET", "/v1/deliveries", self.admin, query=query)
        items: list[dict[str, Any]] = found["deliveries"]
        return items


def database_in(folder: Path) -> str:
    return f"sqlite:///{folder / 'holdshort.db'}"


@asynccontextmanager
async def opened(
    database: str,
    clock: Clock | None = None,
    *,
    keys: bool = True,
    background: bool = False,
    **options: Any,
) -> AsyncIterator[House]:
    """Open a house, and close it at the end of the block.

    Args:
        clock: the time of the house; without one, a time that stands still.
        keys: False for a second house on a database that has its keys.
        background: True where time passes by itself, on a real clock.
    """
    house = House(database, clock, **options)
    await house.open(keys=keys, background=background)
    try:
        yield house
    finally:
        await house.close()


def conforms(endpoint: Endpoint, response: httpx.Response) -> None:
    """Assert that an answer is one that the OpenAPI document describes."""
    operation = openapi()["paths"][endpoint.path][endpoint.method.lower()]
    described = operation["responses"]
    found = described.get(str(response.status_code), described["default"])
    (media,) = found["content"]
    assert response.headers["content-type"].partition(";")[0] == media, response.text
    if media == "application/problem+json":
        assert response.json()["status"] == response.status_code
    schema = found["content"][media]["schema"]
    value = response.text if schema.get("type") == "string" else response.json()
    _validator(json.dumps(schema)).validate(value)


@cache
def _validator(schema: str) -> Any:
    whole = json.loads(schema) | {"components": openapi()["components"]}
    return jsonschema_rs.Draft202012Validator(whole)
