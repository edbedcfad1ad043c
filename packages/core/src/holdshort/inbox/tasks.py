"""What waits for somebody: the list, its filters, and which card comes next."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass

from holdshort.models import Directory, Intent
from holdshort.server.context import Context

#: What is looked through for one list; who has more waiting is told so.
MOST = 500
#: A task that ends within this is *expiring* (seconds).
SOON = 3600
#: How long changes are gathered before a list is read again (seconds): a storm of them is read a
#: few times a second, not at each.
GATHER = 0.25

FILTERS = {
    "all": "All",
    "mine": "Mine",
    "teams": "My teams",
    "expiring": "Expiring",
    "high": "High risk",
}


@dataclass(frozen=True)
class Waiting:
    """A person's tasks under one filter, with how many there are under each."""

    tasks: list[Intent]
    counts: dict[str, int]
    more: bool

    @property
    def seen(self) -> str:
        """What a page holds to know the list by: another one as soon as anything in it changed."""
        text = " ".join(f"{one.id}:{one.version}" for one in self.tasks)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


async def waiting(
    ctx: Context, tenant: str, person: str, chosen: str = "all", search: str = ""
) -> Waiting:
    """Return what waits for a person, the most urgent first."""
    directory = await ctx.engine.directory_now(tenant)
    found = await ctx.engine.read(
        ctx.engine.store.tasks,
        tenant,
        addresses=sorted(directory.addresses_of(person)),
        limit=MOST,
        heavy=True,
    )
    now = ctx.engine.store.clock.now()
    words = search.lower().split()
    open_ones = [one for one in found if _matches(one, words)]
    open_ones.sort(key=lambda one: (one.current.deadline_at or 0, one.id))
    by_filter = {
        name: [one for one in open_ones if _fits(one, name, person, directory, now)]
        for name in FILTERS
    }
    counts = {name: len(tasks) for name, tasks in by_filter.items()}
    return Waiting(by_filter.get(chosen, open_ones), counts, more=len(found) == MOST)


async def when_changed(
    ctx: Context, tenant: str, person: str, chosen: str, search: str, seen: str, seconds: float
) -> Waiting:
    """Return the list as soon as it is another than the one that was seen, or as it is when time
    is up."""
    ends = time.monotonic() + seconds
    with ctx.engine.wake.on_tenant(tenant) as subscription:
        while True:
            found = await waiting(ctx, tenant, person, chosen, search)
            left = ends - time.monotonic()
            if found.seen != seen or left <= 0:
                return found
            await subscription.wait(left)
            await asyncio.sleep(min(GATHER, max(0, ends - time.monotonic())))


def _matches(intent: Intent, words: list[str]) -> bool:
    text = f"{intent.title} {intent.agent} {intent.tool} {intent.intent_type} {intent.id}".lower()
    return all(word in text for word in words)


def _fits(intent: Intent, name: str, person: str, directory: Directory, now: int) -> bool:
    step = intent.current
    if name == "mine":
        return person in step.assigned
    if name == "teams":
        return person not in step.assigned
    if name == "expiring":
        return step.deadline_at is not None and step.deadline_at - now <= SOON * 1000
    if name == "high":
        return step.policy.risk == "high"
    return True
