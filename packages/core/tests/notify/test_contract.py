"""The channels that come with Holdshort keep the contract that others are asked to keep."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from holdshort.notify.console import ConsoleNotifier
from holdshort.notify.subscriptions import SubscriptionNotifier
from holdshort.notify.webhook import WebhookNotifier
from holdshort.testing.notifier import Message, NotifierContract

from .receiver import HttpReceiver


class TestWebhook(NotifierContract):
    def notifier(self) -> WebhookNotifier:
        return WebhookNotifier(allow_private=True)

    @contextmanager
    def receiver(self) -> Iterator[HttpReceiver]:
        with HttpReceiver() as receiver:
            yield receiver


class _Subscribed(HttpReceiver):
    """The same receiver, as the address of an agent's subscription."""

    def __init__(self) -> None:
        super().__init__()
        self.endpoint = {"callback_url": self.url, "secret": "of the subscriber", "active": True}


class TestSubscription(NotifierContract):
    def notifier(self) -> SubscriptionNotifier:
        return SubscriptionNotifier(allowed=["127.0.0.0/8"])

    @contextmanager
    def receiver(self) -> Iterator[HttpReceiver]:
        with _Subscribed() as receiver:
            yield receiver


class Screen(io.StringIO):
    """A console, as far as a program can tell."""

    endpoint: dict[str, Any] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.broken = False

    def write(self, text: str) -> int:
        if self.broken:
            raise BrokenPipeError(32, "Broken pipe")
        return super().write(text)

    def received(self) -> list[Message]:
        entries = [part for part in self.getvalue().split("[holdshort] 08:") if part]
        return [Message(text=entry, body=entry) for entry in entries]

    def fail(self) -> None:
        self.broken = True


class TestConsole(NotifierContract):
    def setup_method(self) -> None:
        self.screen = Screen()

    def notifier(self) -> ConsoleNotifier:
        return ConsoleNotifier(self.screen)

    @contextmanager
    def receiver(self) -> Iterator[Screen]:
        yield self.screen
