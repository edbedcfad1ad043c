"""One process with everything in it: engine, agent, worker, people, the world they change."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Literal

import httpx

from holdshort import AsyncClient, AsyncReviewer
from holdshort.app import Holdshort, open_store
from holdshort.client.calls import Call, Reply
from holdshort.client.transports.http import reply_of, request_of
from holdshort.clock import FakeClock
from holdshort.models import DEFAULT_TENANT, Principal
from holdshort.notify.base import SendFailed
from holdshort.settings import Settings
from holdshort.store.base import Delivery, Entry, Tx

from .points import CountingStore, Point

AGENT = "agent://acme/production/analyst"
ANA = "ana@acme.com"
BEN = "ben@acme.com"


class InProcess:
    """A transport to an ASGI application in this very process."""

    def __init__(self, holdshort: Holdshort, principal: Principal) -> None:
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(holdshort.asgi),
            base_url="http://in-process",
            headers={"Authorization": f"Bearer {holdshort.authenticate.admit(principal)}"},
        )

    async def send(self, call: Call) -> Reply:
        return reply_of(await self._http.request(**request_of(call)))

    async def close(self) -> None:
        await self._http.aclose()


class Mail:
    """A channel into a file. Reminders bounce once, and a withdrawal cannot be delivered at all."""

    name = "console"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> None:
        body = hashlib.sha256(delivery.body.encode()).hexdigest()
        write(self._path, f"{delivery.id} {delivery.reason} {delivery.attempts} {body}")
        if delivery.reason == "reminded" and delivery.attempts == 0:
            raise SendFailed("busy")
        if delivery.reason == "canceled":
            raise SendFailed("no such mailbox", permanent=True)

    async def close(self) -> None:
        """Do nothing: each line was written through."""


class House:
    """A Holdshort on a clock that stands still, and all who use it.

    Args:
        database: URL of its store.
        folder: where the world is that the agents change, and the post that goes out.
        life: 0 for the first process, 1 for the one after the crash.
        deadly: where this process dies.
    """

    def __init__(self, database: str, folder: Path, life: int, deadly: Point | None) -> None:
        self.folder, self.life = folder, life
        self.clock = FakeClock()
        store = open_store(database, self.clock)
        self.store: Any = CountingStore(store, folder / f"passed-{life}", deadly)
        self.holdshort = Holdshort(
            Settings(database=database, rate_limit=0.0),
            store=self.store,
            notifiers={"console": Mail(folder / "mail")},
        )
        self.agent = AsyncClient("http://in-process", api_key="none")
        self.agent._transport = InProcess(self.holdshort, principal("agent", AGENT))
        self.people: dict[str, AsyncReviewer] = {}
        for address in (ANA, BEN):
            person = AsyncReviewer("http://in-process", api_key="none")
            person._transport = InProcess(self.holdshort, principal("person", address))
            self.people[address] = person

    async def open(self) -> None:
        await self.holdshort.start(background=False)
        team = Entry(kind="team", name="admins", doc={"members": [BEN]})

        def write(tx: Tx) -> None:
            for name in (ANA, BEN):
                tx.put_entry(DEFAULT_TENANT, Entry(kind="person", name=name, doc={}))
            tx.put_entry(DEFAULT_TENANT, team)

        await self.holdshort.engine.write_directory(write)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due then."""
        self.clock.advance(seconds)
        await self.holdshort.tick()

    def act(self, intent_id: str, attempt: str) -> str:
        """Change the world: what must happen once for each approval."""
        write(self.folder / "effects", f"{intent_id} {attempt}")
        return attempt

    def effects(self) -> list[tuple[str, str]]:
        """Return (intent, attempt) for each change of the world."""
        return [(one, two) for one, two in map(str.split, lines(self.folder / "effects"))]


def principal(kind: Literal["agent", "person", "service"], subject: str) -> Principal:
    return Principal(kind=kind, id=subject, tenant=DEFAULT_TENANT, via="embedded")


def write(path: Path, line: str) -> None:
    """Append a line in one write, so that a crash leaves all of it or nothing."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


def lines(path: Path) -> list[str]:
    """Return the lines of a file that may not be there yet."""
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
