"""Who waits for what, in this process. A waiter is one future on the event loop: no thread, no
poll.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from holdshort.models import Intent
from holdshort.store.base import Ref

#: The floor below every notification: how long a waiter believes that silence means no news
#: (seconds).
SLOW_POLL = 5.0


class Wake:
    """Tells waiters that an intent changed. To be used on the event loop only."""

    def __init__(self) -> None:
        self._waiting: dict[Ref, set[Subscription]] = {}
        self._resuming: set[Subscription] = set()
        self._tenants: dict[str, set[Subscription]] = {}

    def __len__(self) -> int:
        waiting = (*self._waiting.values(), *self._tenants.values(), self._resuming)
        return sum(map(len, waiting))

    def on(self, ref: Ref) -> Subscription:
        """Subscribe to one intent. Subscribe first and read then, so that nothing falls between."""
        subscription = Subscription(self, ref)
        self._waiting.setdefault(ref, set()).add(subscription)
        return subscription

    def on_resumable(self) -> Subscription:
        """Subscribe to intents that a worker may take."""
        subscription = Subscription(self, None)
        self._resuming.add(subscription)
        return subscription

    def on_tenant(self, tenant: str) -> Subscription:
        """Subscribe to every intent of a tenant: its news are that something changed, not what."""
        subscription = Subscription(self, None, tenant)
        self._tenants.setdefault(tenant, set()).add(subscription)
        return subscription

    def drop(self, subscription: Subscription) -> None:
        if subscription.tenant is not None:
            listening = self._tenants.get(subscription.tenant)
            if listening is not None:
                listening.discard(subscription)
                if not listening:
                    del self._tenants[subscription.tenant]
            return
        if subscription.ref is None:
            self._resuming.discard(subscription)
            return
        waiting = self._waiting.get(subscription.ref)
        if waiting is not None:
            waiting.discard(subscription)
            if not waiting:
                del self._waiting[subscription.ref]

    def changed(self, intents: Iterable[Intent], *, resumable: bool = False) -> None:
        """Pass on what this process has just committed; `resumable` where a run can go on."""
        tenants = set()
        for intent in intents:
            tenants.add(intent.tenant)
            resumable = resumable or intent.lease_at is not None or intent.run is not None
            for subscription in self._waiting.get((intent.tenant, intent.id), ()):
                subscription.tell(intent)
        self._tell_tenants(tenants)
        if resumable:
            self._tell_resuming()

    def changed_elsewhere(self, refs: Iterable[Ref] | None) -> None:
        """Pass on that another process changed these intents (None: could be any)."""
        changed = None if refs is None else list(refs)
        for ref in list(self._waiting) if changed is None else changed:
            for subscription in self._waiting.get(ref, ()):
                subscription.tell(None)
        self._tell_tenants(list(self._tenants) if changed is None else {one for one, _ in changed})
        self._tell_resuming()

    def _tell_tenants(self, tenants: Iterable[str]) -> None:
        for tenant in tenants:
            for subscription in self._tenants.get(tenant, ()):
                subscription.tell(None)

    def _tell_resuming(self) -> None:
        for subscription in self._resuming:
            subscription.tell(None)


class Subscription:
    """One waiter's place. `async with` gives it up at the end."""

    __slots__ = ("_event", "_wake", "latest", "ref", "tenant")

    def __init__(self, wake: Wake, ref: Ref | None, tenant: str | None = None) -> None:
        self._wake = wake
        self._event = asyncio.Event()
        self.ref = ref
        self.tenant = tenant
        self.latest: Intent | None = None
        """The intent as this process committed it last; None where it has to be read."""

    def tell(self, intent: Intent | None) -> None:
        self.latest = intent
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return on news, after this many seconds, or after the slow poll: whichever is first."""
        try:
            async with asyncio.timeout(min(seconds, SLOW_POLL)):
                await self._event.wait()
        except TimeoutError:
            self.latest = None
        self._event.clear()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *exc: object) -> None:
        self._wake.drop(self)
