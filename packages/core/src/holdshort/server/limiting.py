"""Routes of agents' limits: how much, how often, and what at all."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator
from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import InvalidRequest, NotFound
from holdshort.limits import (
    EVERY_AGENT,
    Breach,
    Limits,
    Scope,
    Usage,
    amount_of,
    hour_of,
    micros_of,
)
from holdshort.models import Directory, agent_address
from holdshort.requests import Addresses, Flag
from holdshort.requests import Request as Body
from holdshort.server import agents
from holdshort.server.auth import require
from holdshort.server.context import Context, context
from holdshort.server.replies import Json

LONGEST_ADDRESS = 383

Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
Amount = Annotated[int | float | str, Field(description="not negative, at most six decimals")]
Pattern = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\s*]*\*?$")]


class ScopeBody(Body):
    """Names, or their beginnings followed by `*`. What is denied is denied even where allowed."""

    allow: Annotated[tuple[Pattern, ...], Field(max_length=200)] = Field(
        (), description="only these; none: all"
    )
    deny: Annotated[tuple[Pattern, ...], Field(max_length=200)] = ()


class LimitsBody(Body):
    """What an agent may ask for. What is left out is not limited."""

    intents_per_hour: Count | None = None
    intents_per_day: Count | None = None
    cost_per_hour: Amount | None = None
    cost_per_day: Amount | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    on_breach: Breach = Field(
        "block",
        description="block refuses; alert tells the approvers and goes on; require_approval asks "
        "them first",
    )
    approvers: Addresses = Field(
        (), description="who is asked or told; none: the tenant's default reviewers"
    )
    require_cost: Flag = Field(
        False, description="refuse an intent with an action that does not say what it may cost"
    )
    intent_types: ScopeBody = ScopeBody()
    tools: ScopeBody = ScopeBody()

    @field_validator("cost_per_hour", "cost_per_day", mode="before")
    @classmethod
    def _an_amount(cls, value: Any) -> Any:
        if value is not None:
            micros_of(value)
        return value

    @model_validator(mode="after")
    def _a_cost_is_capped(self) -> LimitsBody:
        if self.require_cost and self.cost_per_hour is None and self.cost_per_day is None:
            raise ValueError("require_cost has no meaning without cost_per_hour or cost_per_day")
        return self

    def limits(self) -> Limits:
        """Return them as they are stored."""
        return Limits(
            intents_per_hour=self.intents_per_hour,
            intents_per_day=self.intents_per_day,
            micros_per_hour=_micros(self.cost_per_hour),
            micros_per_day=_micros(self.cost_per_day),
            currency=self.currency,
            on_breach=self.on_breach,
            approvers=self.approvers,
            require_cost=self.require_cost,
            intent_types=Scope(**self.intent_types.model_dump()),
            tools=Scope(**self.tools.model_dump()),
        )


async def list_(request: Request) -> Response:
    """List the limits that were set. The agent `*` stands for every agent that has none."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    directory = await ctx.engine.directory_now(principal.tenant)
    found = sorted(directory.limits.items())
    return Json({"ok": True, "limits": [{"agent": name} | shown(one) for name, one in found]})


async def get(request: Request) -> Response:
    """Look at what an agent may ask for, and what it asked for in this hour and today (UTC). An
    agent sees its own."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent", "service")
    address = _address(request)
    directory = await ctx.engine.directory_now(principal.tenant)
    if principal.kind == "agent" and agent_address(principal.id) != address:
        raise NotFound(f"there are no limits of {address} here")
    return Json({"ok": True} | await answer(ctx, directory, address))


async def put(request: Request) -> Response:
    """Set what an agent may ask for, in the place of what was set before."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    body = await ctx.body(request, LimitsBody)
    address = _address(request)
    await agents.put_limits(ctx, principal, address, body.limits())
    directory = await ctx.engine.directory_now(principal.tenant)
    return Json({"ok": True} | await answer(ctx, directory, address))


async def delete(request: Request) -> Response:
    """Take an agent's own limits away; those for every agent hold for it then."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    address = _address(request)
    directory = await ctx.engine.directory_now(principal.tenant)
    if address not in directory.limits:
        raise NotFound(f"there are no limits of {address} here")
    await agents.put_limits(ctx, principal, address, None)
    return Json({"ok": True})


async def answer(ctx: Context, directory: Directory, address: str) -> dict[str, Any]:
    """Return an agent's limits and usage, as the API shows them."""
    limits = directory.limits.get(address) if address == EVERY_AGENT else (
        directory.limits_of(address)
    )  # fmt: skip
    found = await agents.agent(ctx, directory.tenant, address)
    return {
        "agent": address,
        "own": address in directory.limits,
        "limits": None if limits is None else shown(limits),
        "usage": usage(found.usage, limits, ctx.engine.store.clock.now()),
    }


def shown(limits: Limits) -> dict[str, Any]:
    """Return limits as the API shows them; it is what `put` takes."""
    return {
        "intents_per_hour": limits.intents_per_hour,
        "intents_per_day": limits.intents_per_day,
        "cost_per_hour": _amount(limits.micros_per_hour),
        "cost_per_day": _amount(limits.micros_per_day),
        "currency": limits.currency,
        "on_breach": limits.on_breach,
        "approvers": list(limits.approvers),
        "require_cost": limits.require_cost,
        "intent_types": limits.intent_types.model_dump(mode="json"),
        "tools": limits.tools.model_dump(mode="json"),
    }


def usage(used: Usage, limits: Limits | None, now: int) -> dict[str, Any]:
    """Return what was asked for in this hour and today, reserved amounts included."""
    hour, day = used.in_hour(hour_of(now)), used.total
    return {
        "intents_this_hour": hour.intents,
        "intents_today": day.intents,
        "cost_this_hour": amount_of(hour.micros),
        "cost_today": amount_of(day.micros),
        "currency": limits.currency if limits else "USD",
        "counted": limits is not None and limits.counts,
    }


def _address(request: Request) -> str:
    text: str = request.path_params["agent"]
    if text == EVERY_AGENT:
        return text
    if not 1 <= len(text) <= LONGEST_ADDRESS or not text.isprintable():
        raise InvalidRequest(
            f"an agent's address has 1 to {LONGEST_ADDRESS} printable characters; * is every agent"
        )
    return agent_address(text)


def _micros(amount: float | str | None) -> int | None:
    return None if amount is None else micros_of(amount)


def _amount(micros: int | None) -> float | None:
    return None if micros is None else amount_of(micros)
