"""The tenant's agents: which are alive, what they asked for today, and the switch that stops one.

A heartbeat is what an agent says of itself. Killing is an administrator's act: from then on the
agent files nothing, gets no work and runs nothing. What it had asked for stands still and its
unused permits are revoked in the transaction of the kill; other processes follow within a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from holdshort import ids
from holdshort.engine import ledger
from holdshort.errors import Forbidden
from holdshort.lifecycle import Pause, Unpause
from holdshort.limits import EVERY_AGENT, MICROS, Limits, Usage, day_of
from holdshort.models import Principal, agent_address
from holdshort.server.context import Context
from holdshort.store.base import Entry, EntryKind, Ref, Tx
from holdshort.store.rows import SETTINGS

#: Up to this long after its last heartbeat an agent is healthy, then degraded (milliseconds).
HEALTHY = 90_000
DEGRADED = 300_000
HEALTHS = ("healthy", "degraded", "unreachable", "killed", "unknown")
#: What is kept of what happened to one agent.
MOST_EVENTS = 100


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent as its administrators see it."""

    address: str
    name: str
    health: str
    beat_at: int | None = None
    killed_at: int | None = None
    registered_at: int | None = None
    resume_asked_by: str | None = None
    """Who wants it to go on, where a second person has to say so as well."""
    totals: dict[str, Any] = field(default_factory=dict)
    """Its own account of itself."""
    limits: Limits | None = None
    """Its own limits; None where those for every agent hold, or none."""
    usage: Usage = field(default_factory=Usage)
    """What it asked for today; nothing is counted for agents that nothing limits."""
    events: tuple[dict[str, Any], ...] = ()
    """What was done to it, oldest first: `id`, `type`, `at` (milliseconds UTC), `by`, more."""
    refused: tuple[dict[str, Any], ...] = ()
    """What it asked for in vain, oldest first: `at`, `code`, `rule`, `intent_type`, `why`."""
    refusals: int = 0
    """How often it asked in vain, ever."""


async def agents(ctx: Context, tenant: str) -> list[Agent]:
    """Return all agents that are registered, have a key, gave a sign of life, or are limited."""
    return [one for one in await _all(ctx, tenant) if one.address != EVERY_AGENT]


async def _all(ctx: Context, tenant: str) -> list[Agent]:
    """Return them with `*`, where something was set for every agent."""
    store, read = ctx.engine.store, ctx.engine.read
    now = store.clock.now()
    docs: dict[str, dict[str, dict[str, Any]]] = {}
    for entry in await read(store.entries, tenant):
        if entry.kind in ("agent", "heartbeat", "refused", "account", "limits"):
            docs.setdefault(entry.name, {})[entry.kind] = entry.doc
    for key in await read(store.keys, tenant):
        if key.role == "agent" and key.revoked_at is None:
            docs.setdefault(agent_address(key.subject), {})
    usages = await read(store.usages, tenant, day_of(now))
    return [_agent(name, docs[name], usages.get(name), now) for name in sorted(docs)]


async def agent(ctx: Context, tenant: str, address: str) -> Agent:
    """Return one agent, or what was done to all of them (`*`); one of which nothing is known yet,
    where there is no such."""
    found = (one for one in await _all(ctx, tenant) if one.address == address)
    return next(found, _agent(address, {}, None, 0))


async def has_asked(ctx: Context, tenant: str, address: str) -> bool:
    """Whether an agent has ever filed anything. In an embedded database one has no key to be
    listed by."""
    store, read = ctx.engine.store, ctx.engine.read
    for spelling in (address, address.removeprefix("agent://")):
        if await read(store.intents, tenant, agent=spelling, limit=1):
            return True
    return False


async def kill(ctx: Context, principal: Principal, address: str) -> None:
    """Stop an agent. Killing it again only withdraws that somebody wants it to go on."""
    tenant = principal.tenant

    def stop(tx: Tx) -> list[Ref]:
        doc = tx.lock_entry(tenant, "agent", address)
        if not doc.get("killed_at"):
            doc |= {"killed_at": tx.now(), "resume_asked": None}
            _act(tx, principal, address, doc, "killed")
        elif doc.get("resume_asked"):
            _act(tx, principal, address, doc | {"resume_asked": None}, "resume_refused")
        return _its(tx, tenant, address)

    await ctx.engine.sweep(stop, Pause(principal), directory=True)


async def resume(ctx: Context, principal: Principal, address: str) -> bool:
    """Let an agent go on; return whether it does: where two people are needed, the first of them
    has only asked. Raises Forbidden for what is no person then."""
    tenant = principal.tenant
    two = await needs_two(ctx, tenant)
    gone = (await ctx.engine.directory_now(tenant)).inactive

    def go_on(tx: Tx) -> list[Ref]:
        doc = tx.lock_entry(tenant, "agent", address)
        if not doc.get("killed_at"):
            return []
        if two and not _second(doc, principal, gone):
            doc["resume_asked"] = {"by": principal.actor, "at": tx.now()}
            _act(tx, principal, address, doc, "resume_asked")
            return []
        doc |= {"killed_at": None, "resume_asked": None}
        _act(tx, principal, address, doc, "resumed")
        return _its(tx, tenant, address)

    if two and principal.kind != "person":
        raise Forbidden(
            "here two people let an agent go on that was killed: administrators do, on the page "
            "Agents of the inbox",
            rule="two_people_resume",
        )
    await ctx.engine.sweep(go_on, Unpause(principal), directory=True)
    return address not in (await ctx.engine.directory_now(tenant)).killed


async def put_limits(
    ctx: Context, principal: Principal, address: str, limits: Limits | None
) -> None:
    """Set what an agent may ask for, or (`*`) every agent without limits of its own; None takes
    its limits away."""
    await change_limits(ctx, principal, address, lambda _: limits)


async def change_limits(
    ctx: Context, principal: Principal, address: str, change: Callable[[Limits], Limits | None]
) -> None:
    """Change an agent's own limits. What others change at the same moment is not lost."""
    tenant = principal.tenant

    def write(tx: Tx) -> None:
        before = tx.lock_entry(tenant, "limits", address)
        limits = change(Limits.model_validate(before))
        doc = limits.model_dump(mode="json", exclude_defaults=True) if limits else {}
        if limits is None:
            tx.delete_entry(tenant, "limits", address)
        else:
            tx.put_entry(tenant, Entry(kind="limits", name=address, doc=doc))
        log = tx.lock_entry(tenant, "agent", address)
        _act(tx, principal, address, log, "limits_set", limits=doc)

    await ctx.engine.write_directory(write)


async def beat(ctx: Context, principal: Principal, said: dict[str, Any]) -> None:
    """Take an agent's sign of life, and what it says it did since the last one: counts and
    `cost_usd` are added up, `avg_latency_ms` is the newest. The cost counts towards its limits."""
    address = agent_address(principal.id)

    def write(tx: Tx) -> None:
        doc = tx.lock_entry(principal.tenant, "heartbeat", address)
        doc["beat_at"] = tx.now()
        totals = doc.setdefault("totals", {})
        for name, value in said.items():
            if name == "avg_latency_ms":
                doc[name] = value
            else:
                totals[name] = totals.get(name, 0) + value
        tx.put_entry(principal.tenant, Entry(kind="heartbeat", name=address, doc=doc))

    # Two documents, so that no heartbeat can ever overwrite a kill.
    await ctx.engine.write(write)
    limits = (await ctx.engine.directory_now(principal.tenant)).limits_of(address)
    if limits is not None and limits.counts and said.get("cost_usd"):
        await ctx.engine.spend(principal.tenant, address, round(said["cost_usd"] * MICROS))


def _second(doc: dict[str, Any], principal: Principal, gone: frozenset[str]) -> bool:
    """Whether somebody else wants it to go on as well, and is still here."""
    asked = doc.get("resume_asked")
    if asked is None or asked["by"] == principal.actor:
        return False
    return asked["by"].removeprefix("person:") not in gone


async def needs_two(ctx: Context, tenant: str) -> bool:
    """Whether it takes two administrators to let an agent go on."""
    entries = await ctx.engine.read(ctx.engine.store.entries, tenant, "settings")
    return any(one.name == SETTINGS and one.doc.get("two_people_resume") for one in entries)


def _its(tx: Tx, tenant: str, address: str) -> list[Ref]:
    return tx.of_agent(tenant, (address, address.removeprefix("agent://")), tx.now())


def _act(
    tx: Tx, by: Principal, address: str, doc: dict[str, Any], what: str, **details: Any
) -> None:
    """Write an agent's document, with what was done to it, and that into the log."""
    event = {"id": ids.new_id(tx.now()), "type": f"agent.{what}", "at": tx.now(), "by": by.actor}
    doc = doc | {"events": [*doc.get("events", ()), event][-MOST_EVENTS:]}
    tx.put_entry(by.tenant, Entry(kind="agent", name=address, doc=doc))
    ledger.record(tx, by, f"agent.{what}", address, **details)


def _agent(address: str, docs: dict[str, dict[str, Any]], usage: Usage | None, now: int) -> Agent:
    get: Callable[[EntryKind], dict[str, Any]] = lambda kind: docs.get(kind, {})  # noqa: E731
    acts, own, account, refused = get("agent"), get("heartbeat"), get("account"), get("refused")
    killed, beat = acts.get("killed_at"), own.get("beat_at")
    return Agent(
        address=address,
        name=account.get("display_name") or address.rpartition("/")[2],
        health="killed" if killed else _health(beat, now),
        beat_at=beat,
        killed_at=killed,
        registered_at=account.get("created_at"),
        resume_asked_by=(acts.get("resume_asked") or {}).get("by"),
        totals=own.get("totals", {}) | {"avg_latency_ms": own.get("avg_latency_ms")},
        limits=Limits.model_validate(get("limits")) if "limits" in docs else None,
        usage=usage or Usage(),
        events=tuple(acts.get("events", ())),
        refused=tuple(refused.get("last", ())),
        refusals=refused.get("count", 0),
    )


def _health(beat: int | None, now: int) -> str:
    if not beat:
        return "unknown"
    silent = now - beat
    return "healthy" if silent < HEALTHY else "degraded" if silent < DEGRADED else "unreachable"
