"""What the same agent asked of the same tool before, and how that ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from holdshort.models import Directory, Intent
from holdshort.policy.eligible import may_look
from holdshort.server.context import Context

#: How far back is looked (days), through how many of the agent's intents, and how many are shown.
DAYS, MOST, SHOWN = 90, 200, 5
_DAY = 86_400_000
_WORDS = {"CANCELED": "withdrawn", "FAILED": "failed", "TIMED_OUT": "timed out"}


@dataclass(frozen=True)
class Earlier:
    """One earlier intent."""

    id: str | None
    """None where the reader may not look at it."""
    at: int
    outcome: str
    positive: bool | None
    by: str
    """Who decided; empty where nobody did."""
    same: bool
    """Whether exactly the same action was asked for."""


@dataclass(frozen=True)
class Similar:
    """What is known of earlier intents like this one."""

    newest: tuple[Earlier, ...] = ()
    count: int = 0
    warnings: tuple[str, ...] = ()
    refused: bool = False
    """Whether exactly this was refused before."""


async def similar(ctx: Context, intent: Intent, person: str) -> Similar:
    """Return what the same agent asked of the same tool in the last 90 days."""
    found = await asked_by(ctx, intent.tenant, intent.agent, [intent.digest])
    directory = await ctx.engine.directory_now(intent.tenant)
    return among(intent, found, person, directory)


async def asked_by(ctx: Context, tenant: str, agent: str, digests: Sequence[str]) -> list[Intent]:
    """Return what `among` looks through, newest first: what an agent asked lately, and what was
    answered to exactly this, however much it asked since. No agent can bury a no under requests
    that it withdraws."""
    store, read = ctx.engine.store, ctx.engine.read
    lately = await read(store.intents, tenant, agent=agent, before=None, limit=MOST, heavy=True)
    same = await read(store.answered, tenant, agent, list(digests), heavy=True)
    found = {one.id: one for one in (*lately, *same)}
    return [found[name] for name in sorted(found, reverse=True)]


def among(intent: Intent, found: Sequence[Intent], person: str, directory: Directory) -> Similar:
    """The same for intents that were found, newest first: pure."""
    like = [
        one
        for one in found
        if one.id != intent.id
        and one.agent == intent.agent
        and one.tool == intent.tool
        and one.created_at <= intent.created_at
        and intent.created_at - one.created_at <= DAYS * _DAY
    ]
    ended = [one for one in like if one.terminal]
    newest = tuple(_earlier(one, intent, person, directory) for one in ended[:SHOWN])
    refused = any(_is_refused(one) and one.digest == intent.digest for one in like)
    return Similar(newest, len(like), _warnings(intent, like), refused)


def _earlier(one: Intent, intent: Intent, person: str, directory: Directory) -> Earlier:
    decision = one.decision
    by = "" if decision is None or decision.timed_out else decision.decided_by
    return Earlier(
        id=one.id if may_look(person, one, directory) else None,
        at=one.ended_at or one.updated_at,
        outcome=_outcome(one),
        positive=decision.positive if decision is not None else None,
        by=by.partition(":")[2],
        same=one.digest == intent.digest,
    )


def _warnings(intent: Intent, like: Sequence[Intent]) -> tuple[str, ...]:
    """Say what a reviewer should not overlook: refused before, or asked again and again."""
    refused = [one for one in like if _is_refused(one)]
    said = []
    same = [one for one in refused if one.digest == intent.digest]
    if same:
        said.append(f"Exactly this was refused before: {_by(same)}.")
    today = [one for one in like if intent.created_at - one.created_at <= _DAY]
    if len(today) >= 2 or any(one in refused for one in today):
        ends = Counter(_outcome(one) for one in today if one.terminal)
        how = ", ".join(f"{n} {word}" for word, n in ends.most_common())
        no = [one for one in today if one in refused]
        who = f"; refused {_by(no)}" if no else ""
        times = f"{len(today) + 1} times"
        said.append(f"Asked {times} in 24 hours{f' ({how})' if how else ''}{who}.")
    return tuple(said)


def _is_refused(one: Intent) -> bool:
    return one.decision is not None and one.decision.positive is False


def _by(refused: Sequence[Intent]) -> str:
    people: Counter[str] = Counter()
    for one in refused:
        decision = one.decision
        assert decision is not None
        name = "nobody in time" if decision.timed_out else decision.decided_by.partition(":")[2]
        people[name] += 1
    return ", ".join(f"{_times(count)} by {name}" for name, count in people.most_common(5))


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _outcome(one: Intent) -> str:
    decision = one.decision
    if decision is not None and not decision.timed_out:
        return decision.outcome.replace("_", " ")
    return _WORDS.get(one.status, one.status.lower().replace("_", " "))
