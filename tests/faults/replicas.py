"""Two Holdshorts on one database, and clients that speak to one or the other of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from holdshort import AsyncClient, AsyncReviewer
from holdshort.app import Holdshort
from holdshort.clock import Clock
from holdshort.models import DEFAULT_TENANT
from holdshort.notify.base import Notifier
from holdshort.settings import Settings
from holdshort.store.base import Delivery, Entry, Tx

from .crash.house import AGENT, InProcess, principal

ANA, BEN, CLEO = "ana@acme.com", "ben@acme.com", "cleo@acme.com"


class Counted:
    """A channel that takes everything, and remembers how often."""

    name = "console"

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> None:
        self.sent.append(delivery.id)

    async def close(self) -> None:
        """Do nothing: nothing is open."""


class Replica:
    """One Holdshort, and the clients that were given its address."""

    def __init__(
        self, database: str, clock: Clock | None, notifiers: Mapping[str, Notifier] | None
    ) -> None:
        self.holdshort = Holdshort(
            Settings(database=database, console=False, rate_limit=0.0),
            clock=clock,
            notifiers=notifiers,
        )
        self.store = self.holdshort.store
        self.agent = AsyncClient("http://in-process", api_key="none")
        self.agent._transport = InProcess(self.holdshort, principal("agent", AGENT))

    def person(self, address: str) -> AsyncReviewer:
        reviewer = AsyncReviewer("http://in-process", api_key="none")
        reviewer._transport = InProcess(self.holdshort, principal("person", address))
        return reviewer

    def log(self, intent_id: str, event_type: str) -> list[dict[str, Any]]:
        """Return the events of one type in an intent's log."""
        events = self.store.events(DEFAULT_TENANT, intent_id)
        return [json.loads(e.line) for e in events if e.event_type == event_type]


@asynccontextmanager
async def replica(
    database: str,
    clock: Clock | None = None,
    *,
    background: bool = False,
    notifiers: Mapping[str, Notifier] | None = None,
) -> AsyncIterator[Replica]:
    """Start one; with three people who may be asked."""
    here = Replica(database, clock, notifiers)
    await here.holdshort.start(background=background)
    try:
        await here.holdshort.engine.write_directory(_people)
        yield here
    finally:
        await here.holdshort.stop()


def _people(tx: Tx) -> None:
    for name in (ANA, BEN, CLEO):
        tx.put_entry(DEFAULT_TENANT, Entry(kind="person", name=name, doc={}))
