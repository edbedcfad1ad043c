"""Webhooks: signed POSTs to addresses that somebody else chose."""

from __future__ import annotations

import ssl
import time
from typing import Any

from holdshort.notify.addresses import Resolver, is_public
from holdshort.notify.base import SendFailed
from holdshort.notify.posting import Poster
from holdshort.notify.secrets import new_secret, signed
from holdshort.store.base import Delivery

__all__ = ["WebhookNotifier", "new_secret"]


class WebhookNotifier:
    """Posts deliveries to subscriptions, `{"url": …, "secrets": [newest, …]}`.

    Args:
        allow_private: also call addresses that are not on the public internet.
        timeout: seconds that one try may take in all, from looking up the name to the answer's end.
        resolver: looks names up in the place of the operating system.
        tls: what HTTPS receivers are verified with, in the place of the usual authorities.
    """

    name = "webhook"

    def __init__(
        self,
        *,
        allow_private: bool = False,
        timeout: float = 10.0,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._poster = Poster(
            lambda address: allow_private or is_public(address),
            timeout=timeout,
            resolver=resolver,
            tls=tls,
        )

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> None:
        """Post the delivery's body as it is. Anything but a 2xx raises SendFailed."""
        if endpoint is None:
            raise SendFailed("the webhook was removed", permanent=True)
        try:
            headers = signed(
                delivery.id, delivery.body, endpoint.get("secrets") or (), now=time.time()
            )
            content = delivery.body.encode()
        except ValueError as error:
            # Not the error's own text: it may quote what it could not use.
            raise SendFailed("it cannot be signed: a secret is missing or broken") from error
        await self._poster.post(endpoint.get("url"), headers, content)

    async def close(self) -> None:
        """Give back what the poster holds."""
        await self._poster.close()
