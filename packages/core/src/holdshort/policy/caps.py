"""Whether an agent may ask for this: what it may ask for at all, how often, and for how much.

What an intent may cost is reserved when it is asked for, and settled when its run is reported. So
the cap holds for what is still undecided as well, however many ask at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from holdshort.errors import Forbidden, InvalidRequest, LimitReached
from holdshort.limits import (
    DAY,
    HOUR,
    Cost,
    Limits,
    Tally,
    Usage,
    amount_of,
    ends,
    hour_of,
    micros_of,
    spelled,
)
from holdshort.models import Intent
from holdshort.requests import IntentRequest, TenantPolicy

Dimension = Literal["intents_per_hour", "intents_per_day", "cost_per_hour", "cost_per_day"]


@dataclass(frozen=True, slots=True)
class Over:
    """One limit that would be passed."""

    dimension: Dimension
    used: int
    """This request included (a count, or micros)."""
    limit: int
    span: int
    """`HOUR` or `DAY` (milliseconds)."""

    def spell(self, currency: str) -> str:
        """Say it in words for people."""
        a = "an hour" if self.span == HOUR else "a day"
        if self.dimension.startswith("cost"):
            used, limit = spelled(self.used, currency), spelled(self.limit, currency)
            return f"{used} of {limit} {a}, this one included"
        return f"{self.used} intents of {self.limit} {a}, this one included"

    def details(self, now: int) -> dict[str, Any]:
        """Return it for programs."""
        money = self.dimension.startswith("cost")
        return {
            "dimension": self.dimension,
            "used": amount_of(self.used) if money else self.used,
            "limit": amount_of(self.limit) if money else self.limit,
            "reset_at": ends(now, self.span),
        }


def require_scope(limits: Limits | None, *, agent: str, intent_type: str, tool: str | None) -> None:
    """Raise Forbidden for an intent type or a tool that is not this agent's."""
    if limits is None:
        return
    if not limits.intent_types.permits(intent_type):
        raise Forbidden(
            f"{agent} may not ask for {intent_type}: an administrator sets which types it may",
            rule="intent_type_not_allowed",
            intent_type=intent_type,
        )
    if tool is not None and not limits.tools.permits(tool):
        raise Forbidden(
            f"{agent} may not use the tool {tool}: an administrator sets which tools it may",
            rule="tool_not_allowed",
            tool=tool,
        )


def cost_of(request: IntentRequest, by_type: TenantPolicy, limits: Limits | None) -> Cost | None:
    """Return what an intent may cost: what its policy finds in the arguments, which are what is
    approved, else what the agent says.

    Raises InvalidRequest where it has to be known and is not, or is in another currency than the
    agent's limits.
    """
    currency = limits.currency if limits else "USD"
    if by_type.cost_from is not None:
        arguments = request.action.arguments if request.action else request.payload
        return cost_in(arguments, by_type.cost_from, currency)
    if request.cost is None:
        if limits and limits.caps_cost and limits.require_cost and request.action:
            raise _bad("cost", "say what this may cost at most: the agent's spending is limited")
        return None
    if limits and limits.caps_cost and request.cost.currency != currency:
        raise _bad("cost.currency", f"the limits of this agent are in {currency}")
    return Cost(micros=request.cost.micros, currency=request.cost.currency)


def cost_in(arguments: dict[str, Any], path: str, currency: str) -> Cost:
    """Return the amount that stands at this path (`order.total`) of the arguments."""
    found: Any = arguments
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    try:
        return Cost(micros=micros_of(found), currency=currency, bound=True)
    except ValueError as error:
        field = f"arguments.{path}"
        raise _bad(field, f"the policy reads the cost there, and {error}") from None


def passed(limits: Limits, usage: Usage, cost: Cost | None, now: int) -> list[Over]:
    """Return the limits that one more intent of this cost would pass, the longest to wait for
    first."""
    hour, day = usage.in_hour(hour_of(now)), usage.total
    more = Tally(intents=1, micros=cost.micros if cost else 0)
    found: list[Over] = []

    def check(dimension: Dimension, used: int, limit: int | None, span: int) -> None:
        if limit is not None and used > limit:
            found.append(Over(dimension, used, limit, span))

    check("cost_per_day", day.micros + more.micros, limits.micros_per_day, DAY)
    check("intents_per_day", day.intents + more.intents, limits.intents_per_day, DAY)
    check("cost_per_hour", hour.micros + more.micros, limits.micros_per_hour, HOUR)
    check("intents_per_hour", hour.intents + more.intents, limits.intents_per_hour, HOUR)
    # What costs nothing is not kept out by a cap on cost that is used up.
    return [one for one in found if more.micros or not one.dimension.startswith("cost")]


def refuse(agent: str, limits: Limits, over: list[Over], now: int) -> LimitReached:
    """Return the error that says which limit was reached, and when to ask again."""
    first = over[0]
    return LimitReached(
        f"{agent} has reached a limit: {first.spell(limits.currency)}. It is free again at "
        f"{ends(now, first.span)}",
        retry_after=((now // first.span + 1) * first.span - now) / 1000,
        **first.details(now),
    )


def committed(intent: Intent) -> int:
    """Return what an intent takes of its agent's limits as it stands (micros): what was reserved,
    nothing any more where nothing was or can be run, and what the run really cost once that was
    said."""
    grant = intent.grant
    if intent.cost is None or not intent.counted:
        return 0
    if grant is not None:
        if grant.state == "revoked":
            return 0
        if grant.cost is None:
            return intent.cost.micros
        # No agent frees what its policy reads in the approved arguments by reporting less.
        least = intent.cost.micros if intent.cost.bound else 0
        return max(least, grant.cost.micros)
    if not intent.terminal:
        return intent.cost.micros
    # Work that an agent did, with nobody asked, has happened; all else came to nothing.
    done = intent.status == "COMPLETED" and intent.current.agent is not None
    refused = intent.decided_at_step is not None and intent.steps[intent.decided_at_step].decision
    return intent.cost.micros if done and not refused else 0


def _bad(field: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"{field}: {why}", problems=[{"field": field, "problem": why}])
