"""Routes of the mesh: which agents are alive, the switch that stops one of them, its caps."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from holdshort.limits import LARGEST, MICROS, Breach, Limits, amount_of, micros_of
from holdshort.models import Principal, agent_address, iso
from holdshort.protocol import names
from holdshort.protocol.body import Lenient
from holdshort.server import agents as fleet
from holdshort.server import limiting
from holdshort.server.auth import require
from holdshort.server.context import Context, context, query_choice, query_limit
from holdshort.server.replies import Json


class Metrics(Lenient):
    """What an agent did since its last heartbeat, by its own account."""

    intents_total: Annotated[int, Field(ge=0)] = 0
    intents_succeeded: Annotated[int, Field(ge=0)] = 0
    intents_failed: Annotated[int, Field(ge=0)] = 0
    avg_latency_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    cost_usd: Annotated[float, Field(ge=0, le=LARGEST / MICROS, allow_inf_nan=False)] = 0.0


class Heartbeat(Lenient):
    """A sign of life."""

    metrics: Metrics | None = None


class CostPolicy(Lenient):
    """The caps as the protocol spells them. What is left out is not limited."""

    max_intents_per_hour: limiting.Count | None = None
    max_intents_per_day: limiting.Count | None = None
    max_cost_per_hour_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    max_cost_per_day_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    action_on_breach: Breach = "block"


async def heartbeat(request: Request) -> Response:
    """Take an agent's sign of life; say whether it was killed."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent")
    body = await ctx.body(request, Heartbeat)
    said = body.metrics.model_dump(exclude_none=True) if body.metrics else {}
    await fleet.beat(ctx, principal, said)
    address = agent_address(principal.id)
    killed = address in (await ctx.engine.directory_now(principal.tenant)).killed
    health = "killed" if killed else "healthy"
    return Json({"ok": True, "address": address, "health_status": health})


async def agents(request: Request) -> Response:
    """List all agents, with their health, and what they used of their limits."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    wanted, limit = query_choice(request, "health", fleet.HEALTHS), query_limit(request)
    found = await fleet.agents(ctx, principal.tenant)
    counts = {name: 0 for name in fleet.HEALTHS}
    for one in found:
        counts[one.health] += 1
    directory = await ctx.engine.directory_now(principal.tenant)
    now = ctx.engine.store.clock.now()
    shown = []
    for one in [one for one in found if wanted in (None, one.health)][:limit]:
        limits = directory.limits_of(one.address)
        usage = limiting.usage(one.usage, limits, now)
        own = None if limits is None else limiting.shown(limits)
        shown.append(_shown(one) | {"limits": own, "usage": usage})
    summary = {"total": len(found), **counts}
    return Json({"ok": True, "agents": shown, "summary": summary})


async def agent(request: Request) -> Response:
    """Look at one agent: its health, its own figures, what happened to it. An agent sees itself."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent", "service")
    address = await _named(ctx, principal, request.path_params["address"])
    found = await fleet.agent(ctx, principal.tenant, address)
    shown, limits = _shown(found), await _limiting(ctx, principal, address)
    return Json(
        {
            "ok": True,
            "agent": shown,
            "metrics": shown["metadata"],
            "limits": limits["limits"],
            "usage": limits["usage"],
            "events": [_event(found.address, one) for one in found.events],
            "refused": [_refusal(one) for one in found.refused],
            "refusals": found.refusals,
        }
    )


async def kill(request: Request) -> Response:
    """Stop an agent: it files nothing, gets no work and runs nothing until it is resumed."""
    return await _switch(request, "killed")


async def resume(request: Request) -> Response:
    """Let an agent that was killed go on."""
    return await _switch(request, "resumed")


async def put_cost_policy(request: Request) -> Response:
    """Set an agent's caps; what else limits it stays as it is."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    body = await ctx.body(request, CostPolicy)
    address = await _named(ctx, principal, request.path_params["address"])
    caps = {
        "intents_per_hour": body.max_intents_per_hour,
        "intents_per_day": body.max_intents_per_day,
        "micros_per_hour": _micros(body.max_cost_per_hour_usd),
        "micros_per_day": _micros(body.max_cost_per_day_usd),
        "currency": "USD",
        "on_breach": body.action_on_breach,
    }
    await fleet.change_limits(ctx, principal, address, lambda before: before.but(**caps))
    return Json(await _cost_policy(ctx, principal, address))


async def cost_policy(request: Request) -> Response:
    """Look at an agent's caps, and what it has used of them."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent", "service")
    address = await _named(ctx, principal, request.path_params["address"])
    return Json(await _cost_policy(ctx, principal, address))


async def events(request: Request) -> Response:
    """List what administrators did to agents, and what agents asked for in vain, newest first."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    wanted, limit = request.query_params.get("event_type"), query_limit(request)
    found: list[dict[str, Any]] = []
    for one in await fleet.agents(ctx, principal.tenant):
        found += [_event(one.address, event) for event in reversed(one.events)]
        found += [_refused(one.address, refusal) for refusal in reversed(one.refused)]
    found = [one for one in found if wanted in (None, "", one["event_type"])]
    found.sort(key=lambda one: one["created_at"], reverse=True)
    return Json({"ok": True, "events": found[:limit]})


async def _switch(request: Request, to: Literal["killed", "resumed"]) -> Response:
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    address = await _named(ctx, principal, request.path_params["address"])
    if to == "killed":
        await fleet.kill(ctx, principal, address)
    else:
        await fleet.resume(ctx, principal, address)
    shown = _shown(await fleet.agent(ctx, principal.tenant, address))
    return Json({"ok": True, "agent": shown, "health_status": shown["health_status"]})


async def _named(ctx: Context, principal: Principal, text: str) -> str:
    """Return the agent that is meant: by its address, a bare name, or the id of its account.

    An agent that was never registered can be killed as well, by its address: what has a key, or
    has asked for something once.
    """
    for entry in await ctx.engine.read(ctx.engine.store.entries, principal.tenant, "account"):
        if entry.doc["id"] == text:
            text = entry.name
    directory = await ctx.engine.directory_now(principal.tenant)
    if principal.kind == "agent":
        return names.own(text, directory, principal)
    address = names.checked(text)
    if await fleet.has_asked(ctx, principal.tenant, address):
        return address
    others = [one.address for one in await fleet.agents(ctx, principal.tenant)]
    return names.found(text, directory, others=others)


async def _limiting(ctx: Context, principal: Principal, address: str) -> dict[str, Any]:
    directory = await ctx.engine.directory_now(principal.tenant)
    return await limiting.answer(ctx, directory, address)


async def _cost_policy(ctx: Context, principal: Principal, address: str) -> dict[str, Any]:
    limits = (await ctx.engine.directory_now(principal.tenant)).limits_of(address) or Limits()
    return {
        "ok": True,
        "address": address,
        "policy": {
            "max_intents_per_hour": limits.intents_per_hour,
            "max_intents_per_day": limits.intents_per_day,
            "max_cost_per_hour_usd": _amount(limits.micros_per_hour),
            "max_cost_per_day_usd": _amount(limits.micros_per_day),
            "action_on_breach": limits.on_breach,
        },
        "usage": (await _limiting(ctx, principal, address))["usage"],
    }


def _micros(amount: float | None) -> int | None:
    return None if amount is None else micros_of(amount)


def _amount(micros: int | None) -> float | None:
    return None if micros is None else amount_of(micros)


def _shown(one: fleet.Agent) -> dict[str, Any]:
    return {
        "address_id": one.address.removeprefix("agent://"),
        "address": one.address,
        "display_name": one.name,
        "health_status": one.health,
        "last_heartbeat_at": iso(one.beat_at) if one.beat_at else None,
        "killed_at": iso(one.killed_at) if one.killed_at else None,
        "resume_asked_by": one.resume_asked_by,
        "created_at": iso(one.registered_at) if one.registered_at else None,
        "intents_period": one.totals.get("intents_total", 0),
        "cost_period": one.totals.get("cost_usd", 0.0),
        "metadata": {**one.totals, "self_reported": True},
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


def _refusal(one: dict[str, Any]) -> dict[str, Any]:
    return one | {"at": iso(one["at"])}


def _refused(address: str, one: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_id": f"refused-{one['at']}",
        "address": address,
        "event_type": "agent.refused",
        "actor_id": f"agent:{address}",
        "details": {name: value for name, value in one.items() if name != "at"},
        "created_at": iso(one["at"]),
    }
