"""Agents: how they are, what they may ask for, and the switch that stops one of them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import HoldshortError, NotFound
from holdshort.inbox.admin import limits_form
from holdshort.inbox.admin.door import admin_page, administrator, administrators_form
from holdshort.inbox.admin.meters import meters
from holdshort.inbox.fresh import require_fresh
from holdshort.inbox.web import one
from holdshort.limits import EVERY_AGENT, Limits
from holdshort.models import Directory
from holdshort.server import agents as fleet
from holdshort.server.context import Context, query_choice
from holdshort.server.sessions import Visitor

#: How an agent is, in words.
HEALTH = {
    "healthy": "healthy",
    "degraded": "degraded",
    "unreachable": "unreachable",
    "killed": "killed",
    "unknown": "no sign of life yet",
}
_EVENTS = {
    "agent.killed": "killed it",
    "agent.resume_asked": "asked to let it go on",
    "agent.resumed": "let it go on",
    "agent.resume_refused": "killed it again: it does not go on",
    "agent.limits_set": "set the limits",
}
#: What an agent says of itself, in the order in which it is shown.
_OWN = {
    "intents_total": "Intents",
    "intents_succeeded": "Of them, succeeded",
    "intents_failed": "Of them, failed",
    "avg_latency_ms": "Mean time of one (ms)",
    "cost_usd": "Cost (USD)",
}


async def show(request: Request) -> Response:
    """Show every agent; or the one that the address names, `*` being the limits of all."""
    ctx, who = await administrator(request)
    address = request.query_params.get("agent")
    if address is None:
        return await _list(request, ctx, who)
    return await _one(request, ctx, who, address)


async def kill(request: Request) -> Response:
    """Stop an agent, at once: nobody has to sign in anew for that."""
    ctx, who, posted = await administrators_form(request)
    address = await _single(ctx, who, one(posted, "agent"))
    await fleet.kill(ctx, who.principal, address)
    done = (
        "It is killed. It files nothing, gets no work and runs nothing; its open requests stand "
        "still, and its unused permits are revoked."
    )
    return await _one(request, ctx, who, address, done=done)


async def resume(request: Request) -> Response:
    """Let an agent go on that was killed; where that takes two people, the first only asks."""
    ctx, who, posted = await administrators_form(request)
    address = await _single(ctx, who, one(posted, "agent"))
    try:
        await require_fresh(request, who, "let an agent go on")
        goes_on = await fleet.resume(ctx, who.principal, address)
    except HoldshortError as error:
        return await _one(request, ctx, who, address, error.status, problem=error.message)
    done = (
        "It goes on. What it had asked for can be answered again."
        if goes_on
        else "You have asked for it. A second administrator has to say so as well."
    )
    return await _one(request, ctx, who, address, done=done)


async def set_limits(request: Request) -> Response:
    """Set what an agent may ask for. What is not usable comes back as it was filled in."""
    ctx, who, posted = await administrators_form(request)
    address = await _known(ctx, who, one(posted, "agent"))
    said = limits_form.as_posted(posted)
    try:
        await require_fresh(request, who, "change limits")
        await fleet.put_limits(ctx, who.principal, address, limits_form.limits_in(said))
    except HoldshortError as error:
        return await _one(
            request, ctx, who, address, error.status, problem=error.message, said=said
        )
    return await _one(request, ctx, who, address, done="The limits are saved.")


async def remove_limits(request: Request) -> Response:
    """Take an agent's own limits away; those for every agent hold for it then."""
    ctx, who, posted = await administrators_form(request)
    address = await _known(ctx, who, one(posted, "agent"))
    try:
        await require_fresh(request, who, "change limits")
        await fleet.put_limits(ctx, who.principal, address, None)
    except HoldshortError as error:
        return await _one(request, ctx, who, address, error.status, problem=error.message)
    return await _one(request, ctx, who, address, done="The limits are taken away.")


async def _known(ctx: Context, who: Visitor, address: str | None) -> str:
    """Return an agent that is there, or `*`. Raises NotFound."""
    return EVERY_AGENT if address == EVERY_AGENT else await _single(ctx, who, address)


async def _single(ctx: Context, who: Visitor, address: str | None) -> str:
    """Return an agent that is there. Raises NotFound."""
    tenant = who.principal.tenant
    if address and address in [one.address for one in await fleet.agents(ctx, tenant)]:
        return address
    if address and await fleet.has_asked(ctx, tenant, address):
        return address
    raise NotFound("there is no such agent: it has no key, and has asked for nothing")


async def _list(request: Request, ctx: Context, who: Visitor) -> Response:
    tenant, now = who.principal.tenant, ctx.engine.store.clock.now()
    wanted = query_choice(request, "health", fleet.HEALTHS)
    directory = await ctx.engine.directory_now(tenant)
    found = await fleet.agents(ctx, tenant)
    rows = [
        {"agent": agent, "meters": meters(agent.usage, _limits(directory, agent.address), now)}
        for agent in found
        if wanted in (None, agent.health)
    ]
    counts = {name: sum(agent.health == name for agent in found) for name in fleet.HEALTHS}
    return admin_page(
        request,
        "agents",
        who,
        rows=rows,
        wanted=wanted,
        counts={name: count for name, count in counts.items() if count},
        health=HEALTH,
    )


async def _one(
    request: Request,
    ctx: Context,
    who: Visitor,
    address: str,
    status: int = 200,
    *,
    said: limits_form.Filled | None = None,
    **more: Any,
) -> Response:
    address = await _known(ctx, who, address)
    tenant, now = who.principal.tenant, ctx.engine.store.clock.now()
    directory = await ctx.engine.directory_now(tenant)
    agent = await fleet.agent(ctx, tenant, address)
    limits = _limits(directory, address)
    return admin_page(
        request,
        "agent",
        who,
        status,
        agent=agent,
        every=address == EVERY_AGENT,
        health=HEALTH,
        own=address in directory.limits,
        limited=limits is not None,
        meters=meters(agent.usage, limits, now),
        fields=said or limits_form.filled(limits or Limits()),
        breaches=limits_form.BREACHES,
        account=_account(agent.totals),
        events=[_event(one) for one in reversed(agent.events)],
        refused=list(reversed(agent.refused)),
        two=await fleet.needs_two(ctx, tenant),
        asked_by=(agent.resume_asked_by or "").partition(":")[2],
        me=who.principal.id,
        **more,
    )


def _limits(directory: Directory, address: str) -> Limits | None:
    return directory.limits.get(address) or directory.limits.get(EVERY_AGENT)


def _account(totals: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (label, f"{totals[name]:,.6g}")
        for name, label in _OWN.items()
        if isinstance(totals.get(name), int | float)
    ]


def _event(event: dict[str, Any]) -> dict[str, Any]:
    by = str(event["by"]).partition(":")
    what = _EVENTS.get(event["type"], event["type"])
    return {"at": event["at"], "by": by[2] if by[0] == "person" else event["by"], "what": what}


PAGES = (
    ("GET", "/admin/agents", show),
    ("POST", "/admin/agents/kill", kill),
    ("POST", "/admin/agents/resume", resume),
    ("POST", "/admin/agents/limits", set_limits),
    ("POST", "/admin/agents/limits/remove", remove_limits),
)
