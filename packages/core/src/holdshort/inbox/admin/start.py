"""The overview: what needs a hand now."""

from __future__ import annotations

from collections import Counter

from starlette.requests import Request
from starlette.responses import Response

from holdshort.inbox.admin.door import admin_page, administrator
from holdshort.server.figures import DAY

#: How far back deliveries are counted (days).
LOOK_BACK = 30
_MOST = 5000


async def show(request: Request) -> Response:
    """Show how the tenant stands."""
    ctx, who = await administrator(request)
    tenant, store, read = who.principal.tenant, ctx.engine.store, ctx.engine.read
    now = store.clock.now()
    directory = await ctx.engine.directory_now(tenant)
    open_ones = await read(store.tasks, tenant, limit=_MOST, heavy=True)
    late = sum((one.current.deadline_at or now) - now < 3600_000 for one in open_ones)
    counts = await read(store.delivery_counts, tenant, now - LOOK_BACK * DAY, heavy=True)
    states: Counter[str] = Counter()
    for one in counts:
        states[one.state] += one.count
    alone = [one.id for one in open_ones if not directory.people_at(one.current.assigned)]
    return admin_page(
        request,
        "start",
        who,
        people=len(directory.people),
        teams=len(directory.teams),
        waiting=len(open_ones),
        more=len(open_ones) == _MOST,
        late=late,
        alone=alone[:20],
        alone_count=len(alone),
        states=states,
        days=LOOK_BACK,
    )


PAGES = (("GET", "/admin", show),)
