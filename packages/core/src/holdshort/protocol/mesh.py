"""Routes of the mesh: which agents are alive, and the switch that stops one of them.

A heartbeat is what an agent says of itself. Killing is an administrator's act: from then on, in
every process within a second, the agent files nothing, gets no work, and no permit of its own
lets anything run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from holdshort import ids
from holdshort.errors import NotFound
from holdshort.models import Principal, agent_address, iso
from holdshort.protocol import names
from holdshort.protocol.body import Lenient
from holdshort.server.auth import require
from holdshort.server.context import Context, context, query_choice, query_limit
from holdshort.server.replies import Json
from holdshort.store.base import Entry, Tx

#: Up to this long after its last heartbeat an agent is healthy, then degraded (milliseconds).
HEALTHY = 90_000
DEGRADED = 300_000
HEALTHS = ("healthy", "degraded", "unreachable", "killed", "unknown")
#: What is kept of what happened to one agent.
MOST_EVENTS = 100

_Kind = Literal["agent", "heartbeat"]
_COUNTED = ("intents_total", "intents_succeeded", "intents_failed", "cost_usd")


class Metrics(Lenient):
    """What an agent did since its last heartbeat, by its own account."""

    intents_total: Annotated[int, Field(ge=0)] = 0
    intents_succeeded: Annotated[int, Field(ge=0)] = 0
    intents_failed: Annotated[int, Field(ge=0)] = 0
    avg_latency_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    cost_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class Heartbeat(Lenient):
    """A sign of life."""

    metrics: Metrics | None = None


async def heartbeat(request: Request) -> Response:
    """Take an agent's sign of life; say whether it was killed."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent")
    body = await ctx.body(request, Heartbeat)
    address = agent_address(principal.id)

    def write(tx: Tx, doc: dict[str, Any], now: int) -> None:
        doc["beat_at"] = now
        said = body.metrics.model_dump() if body.metrics else {}
        totals = doc.setdefault("totals", {})
        for name in _COUNTED:
            totals[name] = totals.get(name, 0) + said.get(name, 0)
        if said.get("avg_latency_ms") is not None:
            doc["avg_latency_ms"] = said["avg_latency_ms"]

    await _change(ctx, principal.tenant, "heartbeat", address, write)
    doc = await _doc(ctx, principal.tenant, address)
    now = ctx.engine.store.clock.now()
    return Json({"ok": True, "address": address, "health_status": _health(doc, now)})


async def agents(request: Request) -> Response:
    """List all agents that are registered or have given a sign of life, with their health."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    wanted, limit = query_choice(request, "health", HEALTHS), query_limit(request)
    found = await _all(ctx, principal.tenant)
    counts = {name: 0 for name in HEALTHS}
    for one in found:
        counts[one["health_status"]] += 1
    chosen = [one for one in found if wanted in (None, one["health_status"])]
    summary = {"total": len(found), **counts}
    return Json({"ok": True, "agents": chosen[:limit], "summary": summary})


async def agent(request: Request) -> Response:
    """Look at one agent: its health, its own figures, what happened to it. An agent sees itself."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent", "service")
    address = await _named(ctx, principal, request.path_params["address"])
    doc = await _doc(ctx, principal.tenant, address)
    shown = _shown(address, doc, ctx.engine.store.clock.now())
    events = [_event(address, one) for one in doc.get("events", [])]
    return Json({"ok": True, "agent": shown, "metrics": shown["metadata"], "events": events})


async def kill(request: Request) -> Response:
    """Stop an agent: it files nothing, gets no work and runs nothing until it is resumed."""
    return await _switch(request, "killed")


async def resume(request: Request) -> Response:
    """Let an agent that was killed go on."""
    return await _switch(request, "resumed")


async def events(request: Request) -> Response:
    """List what administrators did to agents, newest first."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    wanted, limit = request.query_params.get("event_type"), query_limit(request)
    entries = await ctx.engine.read(ctx.engine.store.entries, principal.tenant, "agent")
    found = [
        _event(entry.name, one)
        for entry in entries
        for one in reversed(entry.doc.get("events", []))
    ]
    found = [one for one in found if wanted in (None, "", one["event_type"])]
    found.sort(key=lambda one: one["created_at"], reverse=True)
    return Json({"ok": True, "events": found[:limit]})


async def _switch(request: Request, to: Literal["killed", "resumed"]) -> Response:
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    address = await _named(ctx, principal, request.path_params["address"])

    def write(tx: Tx, doc: dict[str, Any], now: int) -> None:
        if bool(doc.get("killed_at")) == (to == "killed"):
            return
        doc["killed_at"] = now if to == "killed" else None
        event = {"id": ids.new_id(now), "type": f"agent.{to}", "at": now, "by": principal.actor}
        doc["events"] = [*doc.get("events", []), event][-MOST_EVENTS:]

    await _change(ctx, principal.tenant, "agent", address, write)
    doc = await _doc(ctx, principal.tenant, address)
    shown = _shown(address, doc, ctx.engine.store.clock.now())
    return Json({"ok": True, "agent": shown, "health_status": shown["health_status"]})


async def _named(ctx: Context, principal: Principal, text: str) -> str:
    """Return the agent that is meant: by its address, a bare name, or the id of its account.

    An agent that was never registered can be killed as well, by its address.
    """
    for entry in await ctx.engine.read(ctx.engine.store.entries, principal.tenant, "account"):
        if entry.doc["id"] == text:
            text = entry.name
    directory = await ctx.engine.directory_now(principal.tenant)
    if principal.kind == "agent":
        return names.own(text, directory, principal)
    try:
        return names.found(text, directory)
    except NotFound:
        keys = await ctx.engine.read(ctx.engine.store.keys, principal.tenant)
        address = names.checked(text)
        if any(k.role == "agent" and agent_address(k.subject) == address for k in keys):
            return address
        raise


async def _change(
    ctx: Context,
    tenant: str,
    kind: _Kind,
    address: str,
    change: Callable[[Tx, dict[str, Any], int], None],
) -> None:
    """Change one of an agent's two documents: what administrators did to it, and what it says of
    itself. They are two, so that no heartbeat can ever overwrite a kill."""

    def write(tx: Tx) -> None:
        entries = ctx.engine.store.entries(tenant, kind)
        doc = next((dict(one.doc) for one in entries if one.name == address), {})
        change(tx, doc, tx.now())
        tx.put_entry(tenant, Entry(kind=kind, name=address, doc=doc))

    if kind == "agent":
        await ctx.engine.write_directory(write)
    else:
        await ctx.engine.write(write)


async def _docs(ctx: Context, tenant: str) -> dict[str, dict[str, Any]]:
    """Return both documents of every agent, as one each."""
    found: dict[str, dict[str, Any]] = {}
    for kind in get_args(_Kind):
        for entry in await ctx.engine.read(ctx.engine.store.entries, tenant, kind):
            found[entry.name] = found.get(entry.name, {}) | entry.doc
    return found


async def _doc(ctx: Context, tenant: str, address: str) -> dict[str, Any]:
    return (await _docs(ctx, tenant)).get(address, {})


async def _all(ctx: Context, tenant: str) -> list[dict[str, Any]]:
    now, docs = ctx.engine.store.clock.now(), await _docs(ctx, tenant)
    accounts = await ctx.engine.read(ctx.engine.store.entries, tenant, "account")
    registered = {one.name: one.doc for one in accounts}
    return [
        _shown(name, docs.get(name, {}), now, registered.get(name))
        for name in sorted({*docs, *registered})
    ]


def _health(doc: dict[str, Any], now: int) -> str:
    if doc.get("killed_at"):
        return "killed"
    if not doc.get("beat_at"):
        return "unknown"
    silent = now - doc["beat_at"]
    return "healthy" if silent < HEALTHY else "degraded" if silent < DEGRADED else "unreachable"


def _shown(
    address: str, doc: dict[str, Any], now: int, account: dict[str, Any] | None = None
) -> dict[str, Any]:
    totals = doc.get("totals", {})
    beat, killed = doc.get("beat_at"), doc.get("killed_at")
    return {
        "address_id": address.removeprefix("agent://"),
        "address": address,
        "display_name": (account or {}).get("display_name") or address.rpartition("/")[2],
        "health_status": _health(doc, now),
        "last_heartbeat_at": iso(beat) if beat else None,
        "killed_at": iso(killed) if killed else None,
        "created_at": iso(account["created_at"]) if account else None,
        "intents_period": totals.get("intents_total", 0),
        "cost_period": totals.get("cost_usd", 0.0),
        "metadata": {**totals, "avg_latency_ms": doc.get("avg_latency_ms"), "self_reported": True},
    }


def _event(address: str, one: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_id": one["id"],
        "address": address,
        "event_type": one["type"],
        "actor_id": one["by"],
        "details": {},
        "created_at": iso(one["at"]),
    }
