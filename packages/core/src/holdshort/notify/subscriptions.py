"""Posts to agents' subscriptions, signed as the intent protocol signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
import time
from collections.abc import Sequence
from typing import Any

from holdshort.notify.addresses import Resolver
from holdshort.notify.agentfield import may_call
from holdshort.notify.base import SendFailed
from holdshort.notify.posting import Poster
from holdshort.notify.secrets import signed
from holdshort.notify.threads import CHANNEL
from holdshort.store.base import Delivery

SIGNATURE = "X-AXME-Signature"


class SubscriptionNotifier:
    """Posts events to the addresses that agents gave, `{"callback_url": …, "secret": …}`.

    Args:
        allowed: networks that are called beside the public internet, for example `10.0.0.0/8`.
        timeout: seconds that one try may take in all.
        resolver: looks names up in the place of the operating system.
        tls: what HTTPS receivers are verified with, in the place of the usual authorities.
    """

    name = CHANNEL

    def __init__(
        self,
        *,
        allowed: Sequence[str] = (),
        timeout: float = 10.0,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._poster = Poster(
            lambda address: may_call(address, allowed), timeout=timeout, resolver=resolver, tls=tls
        )

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> None:
        """Post the delivery's body as it is. Anything but a 2xx raises SendFailed."""
        if endpoint is None:
            raise SendFailed("this subscription was deleted", permanent=True)
        if not endpoint["active"]:
            raise SendFailed("the subscription is switched off", permanent=True)
        headers = signatures(delivery, str(endpoint["secret"]), now=time.time())
        await self._poster.post(endpoint.get("callback_url"), headers, delivery.body.encode())

    async def close(self) -> None:
        """Give back what the poster holds."""
        await self._poster.close()


def signatures(delivery: Delivery, secret: str, *, now: float) -> dict[str, str]:
    """Return the headers that a receiver verifies a message by.

    The protocol's own signature is over the body alone, so it stays good for ever. Those of
    Standard Webhooks are beside it: they say when this try was made, and their id is the same over
    every try.

    Args:
        now: seconds UTC by the wall clock.
    """
    mac = hmac.new(secret.encode(), delivery.body.encode(), hashlib.sha256)
    key = base64.b64encode(secret.encode()).decode()
    return {SIGNATURE: f"sha256={mac.hexdigest()}"} | signed(
        delivery.id, delivery.body, [key], now=now
    )
