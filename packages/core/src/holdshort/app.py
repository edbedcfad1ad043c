"""The one place that puts all parts together: settings in, a running Holdshort out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from holdshort import agentfield, protocol
from holdshort.clock import Clock
from holdshort.engine.desk import EngineDesk
from holdshort.engine.engine import Engine
from holdshort.engine.outbox import Outbox
from holdshort.engine.timers import Timers
from holdshort.errors import ConfigurationError
from holdshort.inbox import ROUTES
from holdshort.models import DEFAULT_TENANT
from holdshort.notify.agentfield import AgentFieldNotifier
from holdshort.notify.apprise import AppriseNotifier
from holdshort.notify.base import Notifier
from holdshort.notify.console import ConsoleNotifier
from holdshort.notify.routing import Reach
from holdshort.notify.subscriptions import SubscriptionNotifier
from holdshort.notify.webhook import WebhookNotifier
from holdshort.server.app import Application
from holdshort.server.auth import Authenticator
from holdshort.server.context import Context
from holdshort.settings import Settings, callback_networks
from holdshort.store.base import Entry, Store
from holdshort.store.rows import SETTINGS
from holdshort.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from holdshort.inbox.slack.socket import SlackSocket

#: In the order in which people are told who are told by the first that works.
_PEOPLES_CHANNELS = ("console", "slack", "push", "email")


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


def reach_of(notifiers: Mapping[str, Notifier]) -> Reach:
    """Return by which of these channels people are told who do not say by which."""
    return Reach(
        channels=tuple(name for name in _PEOPLES_CHANNELS if name in notifiers),
        updating=frozenset(n for n, one in notifiers.items() if getattr(one, "updates", False)),
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
        self.engine = Engine(
            self.store,
            link=self._link,
            passkey_for_high_risk=settings.require_passkey_for_high_risk,
        )
        self.desk = EngineDesk(self.engine, public_url=settings.public_url)
        self.timers = Timers(self.engine, self.clock)
        self.notifiers = notifiers or self._notifiers()
        self.engine.reach = reach_of(self.notifiers)
        self.outbox = Outbox(self.engine, self.clock, self.notifiers)
        self.authenticate = Authenticator(
            self.engine, rate=settings.rate_limit, burst=settings.rate_burst
        )
        self.context = Context(self.engine, self.authenticate, settings, self.notifiers)
        self._slack_socket = self._socket()
        self.asgi = Application(self.context, [*agentfield.ROUTES, *protocol.ROUTES, *ROUTES])

    def _link(self, intent_id: str) -> str | None:
        base = self.settings.public_url
        return f"{base.rstrip('/')}/inbox/{intent_id}" if base else None

    def _notifiers(self) -> dict[str, Notifier]:
        webhook = WebhookNotifier(allow_private=self.settings.allow_private_webhooks)
        console = ConsoleNotifier(print_it=self.settings.console)
        networks = callback_networks(self.settings)
        calls = AgentFieldNotifier(allowed=networks)
        subscriptions = SubscriptionNotifier(allowed=networks)
        services = AppriseNotifier(self.desk, allow_private=self.settings.allow_private_webhooks)
        found: list[Notifier] = [console, webhook, calls, subscriptions, services]
        if self.settings.slack_bot_token is not None:
            found.append(self._slack(self.settings.slack_bot_token.get_secret_value()))
        if self.settings.smtp_host is not None:
            found.append(self._email(self.settings.smtp_host))
        if self.settings.push_contact is not None:
            found.append(self._push(self.settings.push_contact))
        return {one.name: one for one in found}

    def _push(self, contact: str) -> Notifier:
        try:
            from holdshort.notify.push import PushNotifier
        except ImportError as error:
            raise ConfigurationError(
                "push messages need a library: pip install 'holdshort[push]'"
            ) from error
        return PushNotifier(
            self.desk, self.clock, contact, allow_private=self.settings.allow_private_webhooks
        )

    def _slack(self, token: str) -> Notifier:
        from holdshort.notify.slack import SlackNotifier
        from holdshort.notify.slack_web import SlackWeb

        secret = self.settings.slack_signing_secret
        if secret is None and self.settings.slack_app_token is None:
            raise ConfigurationError(
                "HOLDSHORT_SLACK_BOT_TOKEN needs HOLDSHORT_SLACK_SIGNING_SECRET beside it, or "
                "HOLDSHORT_SLACK_APP_TOKEN: without either nobody could answer"
            )
        signing = None if secret is None else secret.get_secret_value()
        web = SlackWeb(token, url=self.settings.slack_api_url, signing_secret=signing)
        return SlackNotifier(web, self.desk, self.clock)

    def _email(self, host: str) -> Notifier:
        from holdshort.notify.email import EmailNotifier
        from holdshort.notify.smtp import Smtp, SmtpServer

        settings = self.settings
        if settings.mail_from is None:
            raise ConfigurationError("set HOLDSHORT_MAIL_FROM: whom mails are from")
        password = settings.smtp_password
        server = SmtpServer(
            host,
            settings.smtp_port,
            user=settings.smtp_user,
            password=None if password is None else password.get_secret_value(),
            security=settings.smtp_security,
            allow_plain=settings.smtp_allow_plain,
            timeout=settings.smtp_timeout,
        )
        sender, reply_to = settings.mail_from, settings.mail_reply_to
        return EmailNotifier(Smtp(server), sender, self.desk, reply_to=reply_to)

    def _socket(self) -> SlackSocket | None:
        token = self.settings.slack_app_token
        if token is None:
            return None
        if self.settings.slack_bot_token is None:
            raise ConfigurationError("HOLDSHORT_SLACK_APP_TOKEN needs HOLDSHORT_SLACK_BOT_TOKEN")
        from holdshort.inbox.slack.socket import SlackSocket

        return SlackSocket(self.context, token.get_secret_value())

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
            if self._slack_socket is not None:
                self._slack_socket.start()

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
        if self._slack_socket is not None:
            await self._slack_socket.stop()
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
