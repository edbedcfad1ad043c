"""The one place that puts all parts together: settings in, a running Holdshort out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from holdshort.clock import Clock
from holdshort.engine.desk import EngineDesk
from holdshort.engine.engine import Engine
from holdshort.engine.outbox import Outbox
from holdshort.engine.timers import Timers
from holdshort.errors import ConfigurationError
from holdshort.inbox import ROUTES
from holdshort.models import DEFAULT_TENANT
from holdshort.notify.base import Notifier
from holdshort.notify.console import ConsoleNotifier
from holdshort.notify.webhook import WebhookNotifier
from holdshort.server.app import Application
from holdshort.server.auth import Authenticator
from holdshort.server.context import Context
from holdshort.settings import Settings
from holdshort.store.base import Entry, Store
from holdshort.store.rows import SETTINGS
from holdshort.store.sqlite import SqliteStore


def open_store(database: str, clock: Clock | None = None) -> Store:
    """Return the store at `sqlite:///path` or `postgresql://…`.

    Raises ConfigurationError for anything else, and where PostgreSQL's driver is not installed.
    """
    if database.startswith("sqlite:///"):
        return SqliteStore(database.removeprefix("sqlite:///"), clock=clock)
    if database.startswith(("postgresql://", "postgres://")):
        from holdshort.store.postgres import PostgresStore

        return PostgresStore(database, clock=clock)
    raise ConfigurationError(
        f"{database!r} is no database here: write sqlite:///path/to/file.db or postgresql://host/name"
    )


class Holdshort:
    """A running Holdshort: store, engine, timers, outbox and the ASGI app over them.

    >>> async with Holdshort.running(Settings(database="sqlite:///hs.db")) as holdshort:
    ...     holdshort.asgi  # an ASGI application
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        store: Store | None = None,
        notifiers: Mapping[str, Notifier] | None = None,
    ) -> None:
        self.settings = settings
        self.store = store or open_store(settings.database, clock)
        self.clock = self.store.clock
        self.engine = Engine(self.store, link=self._link)
        self.desk = EngineDesk(self.engine, public_url=settings.public_url)
        self.timers = Timers(self.engine, self.clock)
        self.outbox = Outbox(self.engine, self.clock, notifiers or self._notifiers())
        self.authenticate = Authenticator(
            self.engine, rate=settings.rate_limit, burst=settings.rate_burst
        )
        self.context = Context(self.engine, self.authenticate, settings)
        self.asgi = Application(self.context, ROUTES)

    def _link(self, intent_id: str) -> str | None:
        base = self.settings.public_url
        return f"{base.rstrip('/')}/inbox/{intent_id}" if base else None

    def _notifiers(self) -> dict[str, Notifier]:
        webhook = WebhookNotifier(allow_private=self.settings.allow_private_webhooks)
        console = ConsoleNotifier(print_it=self.settings.console)
        return {console.name: console, webhook.name: webhook}

    async def start(self, *, background: bool = True) -> None:
        """Bring the schema up to date and begin to work.

        Args:
            background: False leaves timers and outbox to `tick()`, for tests on a fake clock.
        """
        await asyncio.to_thread(self.store.migrate)
        await self.engine.start()
        if DEFAULT_TENANT not in await self.engine.read(self.store.tenants):
            await self.make_tenant(DEFAULT_TENANT)
        if background:
            await self.timers.start()
            await self.outbox.start()

    async def make_tenant(self, tenant: str) -> None:
        """Make a tenant: its settings, with nobody in it yet."""
        entry = Entry(kind="settings", name=SETTINGS, doc={})
        await self.engine.write_directory(lambda tx: tx.put_entry(tenant, entry))

    async def tick(self) -> None:
        """Do all that is due now: timers, then deliveries."""
        await self.timers.tick()
        await self.outbox.tick()

    async def stop(self) -> None:
        """Finish what is under way and close the store; nothing accepted is lost."""
        await self.timers.stop()
        await self.outbox.stop()
        await self.engine.stop()
        self.store.close()

    @classmethod
    @asynccontextmanager
    async def running(cls, settings: Settings) -> AsyncIterator[Holdshort]:
        """Start one, and stop it at the end of the block."""
        holdshort = cls(settings)
        await holdshort.start()
        try:
            yield holdshort
        finally:
            await holdshort.stop()
