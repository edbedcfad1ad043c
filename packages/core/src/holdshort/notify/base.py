"""The seam to the outside: a channel takes one delivery to one endpoint, or says why not."""

from __future__ import annotations

from typing import Any, Protocol

from holdshort.store.base import Delivery


class SendFailed(Exception):
    """The endpoint did not take it this time.

    Args:
        why: what happened, for the people who look at deliveries; no secrets.
        permanent: True where another try cannot go better (gone, refused for good).
        retry_after: seconds after which the endpoint wants to be asked again.
    """

    def __init__(
        self, why: str, *, permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(why)
        self.permanent = permanent
        self.retry_after = retry_after


class Notifier(Protocol):
    """One channel. Called on the event loop; it must not block it."""

    name: str
    """The channel's name, as deliveries carry it."""

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> str | None:
        """Take the delivery to its endpoint, or raise SendFailed.

        The same delivery may come again after a crash: pass its id on, so that the receiver can
        tell. `endpoint` is the subscription that the delivery names as its recipient, for channels
        that have subscriptions (webhook: `{"url": …, "secrets": […]}`); for channels that reach a
        person, that person's contact (`{"person": …, "email": …}`). What is returned is kept with
        the delivery as its receipt: what the message can be found again by.
        """

    async def close(self) -> None:
        """Give back what the channel holds open."""
