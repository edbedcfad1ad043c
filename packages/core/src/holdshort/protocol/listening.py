"""The stream by which an agent hears of the steps that are its work."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from holdshort.errors import Forbidden, InvalidRequest
from holdshort.models import Intent, iso
from holdshort.protocol import names
from holdshort.server.auth import require
from holdshort.server.context import Context, context, query_number
from holdshort.server.events import HEARTBEAT, since_of

PAGE = 500
#: What was given out this shortly before a client came back is given again (milliseconds): a
#: cursor made of times could step over what was committed late. The protocol promises at least
#: once.
OVERLAP = 1000
#: 2026-01-01: cursors count from here, so that they stay below 2^53.
_EPOCH = 1_767_225_600_000
_TIE_BITS = 12


async def stream(request: Request) -> Response:
    """Stream the intents whose open step is this agent's work, as they come, for at most
    `wait_seconds`. Only the agent itself and service keys listen."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent", "service")
    directory = await ctx.engine.directory_now(principal.tenant)
    address = names.own(request.path_params["address"], directory, principal)
    if address in directory.killed:
        raise Forbidden(f"{address} was killed: it gets no work until it is resumed", rule="killed")
    seconds = query_number(request, "wait_seconds", 15, lowest=1, highest=60)
    wanted = request.query_params.get("status", "")
    statuses = {one.strip().upper() for one in wanted.split(",") if one.strip()}
    if len(wanted) > 200:
        raise InvalidRequest("status is a list of a few words")
    return StreamingResponse(
        _work(ctx, principal.tenant, address, since_of(request), seconds, statuses),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _work(
    ctx: Context, tenant: str, address: str, since: int, seconds: float, statuses: set[str]
) -> AsyncIterator[str]:
    engine, given = ctx.engine, set[tuple[str, int]]()
    ends, silent_since = time.monotonic() + seconds, time.monotonic()
    fresh, last = engine.store.clock.now() - OVERLAP, since
    with engine.wake.on_tenant(tenant) as subscription:
        while True:
            directory = await engine.directory_now(tenant)
            # Looked at on every round: who is killed while it listens gets nothing more.
            killed = address in directory.killed
            for intent in [] if killed else await _waiting(ctx, tenant, address):
                at, ref = intent.current.asked_at or 0, (intent.id, intent.step)
                seq = cursor(intent)
                if ref in given or (seq <= since and at < fresh):
                    continue
                if statuses and intent.status not in statuses:
                    continue
                given.add(ref)
                last = max(last, seq)
                silent_since = time.monotonic()
                yield _frame(intent, seq)
            now = time.monotonic()
            if now >= ends:
                yield f"event: stream.timeout\ndata: {json.dumps({'next_seq': last})}\n\n"
                return
            if now - silent_since >= HEARTBEAT:
                silent_since = now
                yield ": still waiting\n\n"
            await subscription.wait(ends - now)


async def _waiting(ctx: Context, tenant: str, address: str) -> Sequence[Intent]:
    """Return all that waits for this agent, in the order of its cursor."""
    found: list[Intent] = []
    after = None
    while True:
        page = await ctx.engine.read(
            ctx.engine.store.tasks, tenant, addresses=[address], after=after, limit=PAGE, heavy=True
        )
        found += page
        if len(page) < PAGE:
            return sorted(found, key=cursor)
        after = page[-1].id


def cursor(intent: Intent) -> int:
    """Return where an agent's work stands in the order in which it was given: the time, and a part
    of the id for what was given in the same millisecond."""
    at = max(0, (intent.current.asked_at or intent.created_at) - _EPOCH)
    tie = int(intent.id.replace("-", "")[-3:], 16)
    return at << _TIE_BITS | tie


def _frame(intent: Intent, seq: int) -> str:
    event = {
        "intent_id": intent.id,
        "seq": seq,
        "event_type": "intent.delivered",
        "status": intent.status,
        "intent_type": intent.intent_type,
        "from_agent": intent.agent,
        "to_agent": intent.current.agent,
        "step": intent.step,
        "at": iso(intent.current.asked_at or intent.created_at),
    }
    return f"id: {seq}\nevent: intent.delivered\ndata: {json.dumps(event)}\n\n"
