"""A Holdshort for the length of one command."""

from __future__ import annotations

import time
from typing import Any

from holdshort.app import Holdshort
from holdshort.notify.console import ConsoleNotifier
from holdshort.notify.webhook import WebhookNotifier
from holdshort.settings import Settings
from holdshort.store.base import Delivery

#: What only time brings about. The rest, when it is this young, is what the command itself does,
#: and the command's own answer says it.
_BY_TIME = frozenset({"reminded", "escalated", "timed_out"})


class _OthersConsole(ConsoleNotifier):
    """Prints notifications, but not those that the command's own answer repeats."""

    def __init__(self, *, print_it: bool) -> None:
        super().__init__(print_it=print_it)
        self._started = time.time() * 1000

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> None:
        if delivery.reason in _BY_TIME or delivery.created_at < self._started:
            await super().send(delivery, endpoint)


class QuietHoldshort(Holdshort):
    """Does what is due before the command looks, so that nothing that has ended shows as open."""

    def __init__(self, settings: Settings) -> None:
        console = _OthersConsole(print_it=settings.console)
        webhook = WebhookNotifier(allow_private=settings.allow_private_webhooks)
        super().__init__(settings, notifiers={console.name: console, webhook.name: webhook})

    async def start(self, *, background: bool = True) -> None:
        await super().start(background=background)
        await self.timers.tick()
