"""How deciding goes: how long it takes, who carries it, and whether it is read: pure.

How long somebody really looked at a card is known to nobody. What is known is the most that they
can have had: since they were asked, and since the answer that they gave before. Figures of reading
are made from that, so they never accuse more than is certain.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from holdshort.engine.engine import Engine
from holdshort.models import StoredEvent
from holdshort.store.base import Asked, Store

DAY = 86_400_000
#: The periods that can be looked at (days).
PERIODS = (7, 30, 90)
#: The most intents that are counted; of more, the newest.
MOST = 20_000
#: An answer within this cannot have been read (milliseconds).
FAST = 3_000
#: How many repeated requests, types and reviewers are listed.
_LISTED = 50
_PAGE = 1000


@dataclass(frozen=True)
class Times:
    """How long a number of answers took (milliseconds)."""

    count: int
    p50: int
    p95: int


@dataclass(frozen=True)
class Reviewer:
    """What one person has answered."""

    person: str
    answers: int
    waiting: int
    """Open tasks that they may answer now."""
    yes: int
    fast: int
    """Answers for which they can have had at most three seconds."""
    times: Times
    reading: int | None
    """Characters a second that they must have read at least, at the median answer."""

    @property
    def yes_rate(self) -> float:
        return self.yes / self.answers

    @property
    def fast_rate(self) -> float:
        return self.fast / self.answers


@dataclass(frozen=True)
class Repeat:
    """One action that was asked again and again."""

    agent: str
    tool: str
    count: int
    newest: str
    """The id of the newest intent."""


@dataclass(frozen=True)
class Figures:
    """How deciding went in a period, over the intents that were filed in it."""

    days: int
    intents: int
    more: bool
    """Whether there were more than were counted."""
    overall: Times
    timed_out: int
    by_type: list[tuple[str, Times]]
    by_day: list[tuple[int, Times]]
    """(day's beginning in UTC, the answers to what was asked on it), oldest first."""
    reviewers: list[Reviewer]
    repeats: list[Repeat]


@dataclass(frozen=True)
class _Answer:
    person: str
    intent_type: str
    asked_at: int
    at: int
    yes: bool
    size: int


async def figures(engine: Engine, tenant: str, days: int) -> Figures:
    """Return the figures of the last days."""
    store = engine.store
    now = store.clock.now()
    since = now - days * DAY
    asked = await engine.read(_asked_since, store, tenant, since, heavy=True)
    kind, first = "intent.answer_held", asked[-1].id if asked else ""
    held = await engine.read(store.events_of_type, tenant, kind, first, MOST * 4, heavy=True)
    open_ones = await engine.read(store.tasks, tenant, limit=5000, heavy=True)
    directory = await engine.directory_now(tenant)
    waiting = Counter(
        person for one in open_ones for person in directory.people_at(one.current.assigned)
    )
    return figures_of(asked, held, waiting, days=days)


def _asked_since(store: Store, tenant: str, since: int) -> list[Asked]:
    """Return what was filed since then, newest first: as many as are counted at most."""
    found: list[Asked] = []
    while len(found) < MOST:
        page = store.asked(tenant, before=found[-1].id if found else None, limit=_PAGE)
        recent = [one for one in page if one.created_at >= since]
        found += recent
        if len(page) < _PAGE or len(recent) < len(page):
            break
    return found[:MOST]


def figures_of(
    asked: Sequence[Asked],
    held: Iterable[tuple[str, StoredEvent]],
    waiting: Counter[str],
    *,
    days: int,
) -> Figures:
    """Return the figures over these intents.

    Args:
        held: the events of answers that were held for a while before they counted.
        waiting: how many tasks wait for whom.
    """
    given = _given_at(held)
    answers = [answer for intent in asked for answer in _answers(intent, given)]
    answers.sort(key=lambda one: one.at)
    overall: list[int] = []
    types: dict[str, list[int]] = defaultdict(list)
    by_day: dict[int, list[int]] = defaultdict(list)
    timed_out = 0
    for intent in asked:
        for step in intent.steps:
            if step.decision is None or step.asked_at is None or step.agent is not None:
                continue
            if step.decision.timed_out:
                timed_out += 1
                continue
            took = max(0, step.decision.at - step.asked_at)
            overall.append(took)
            types[intent.intent_type].append(took)
            by_day[step.asked_at // DAY * DAY].append(took)
    return Figures(
        days=days,
        intents=len(asked),
        more=len(asked) == MOST,
        overall=times_of(overall),
        timed_out=timed_out,
        by_type=sorted(
            ((name, times_of(took)) for name, took in types.items()),
            key=lambda pair: (-pair[1].count, pair[0]),
        )[:_LISTED],
        by_day=sorted((day, times_of(took)) for day, took in by_day.items()),
        reviewers=_reviewers(answers, waiting),
        repeats=_repeats(asked),
    )


def times_of(took: Sequence[int]) -> Times:
    """Return the median and the 95th percentile, by the nearest rank; zeros for nothing."""
    ordered = sorted(took)
    return Times(len(ordered), _rank(ordered, 50), _rank(ordered, 95))


def _rank(ordered: Sequence[int], percent: int) -> int:
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else 0


def _given_at(held: Iterable[tuple[str, StoredEvent]]) -> dict[tuple[str, int, str], int]:
    """Return by (intent, step, actor) when an answer that was held was last given."""
    found = {}
    for intent_id, event in held:
        line = json.loads(event.line)
        found[intent_id, line.get("details", {}).get("step", 0), line["actor"]] = event.at
    return found


def _answers(intent: Asked, given: dict[tuple[str, int, str], int]) -> list[_Answer]:
    return [
        _Answer(
            person=vote.by,
            intent_type=intent.intent_type,
            asked_at=step.asked_at or intent.created_at,
            at=min(vote.at, given.get((intent.id, number, f"person:{vote.by}"), vote.at)),
            yes=vote.positive is True,
            size=intent.size,
        )
        for number, step in enumerate(intent.steps)
        for vote in step.votes
    ]


def _reviewers(answers: Sequence[_Answer], waiting: Counter[str]) -> list[Reviewer]:
    by_person: dict[str, list[_Answer]] = defaultdict(list)
    for one in answers:
        by_person[one.person].append(one)
    found = [_reviewer(person, given, waiting[person]) for person, given in by_person.items()]
    return sorted(found, key=lambda one: (-one.answers, one.person))[:_LISTED]


def _reviewer(person: str, answers: Sequence[_Answer], waiting: int) -> Reviewer:
    """Return one person's figures from their answers, oldest first."""
    had = []
    before = 0
    for one in answers:
        had.append(max(0, one.at - max(one.asked_at, before)))
        before = one.at
    speeds = [
        round(one.size * 1000 / time)
        for one, time in zip(answers, had, strict=True)
        if time and one.yes
    ]
    return Reviewer(
        person=person,
        answers=len(answers),
        waiting=waiting,
        yes=sum(one.yes for one in answers),
        fast=sum(time < FAST for time in had),
        times=times_of([max(0, one.at - one.asked_at) for one in answers]),
        reading=_rank(sorted(speeds), 50) if speeds else None,
    )


def _repeats(asked: Sequence[Asked]) -> list[Repeat]:
    """Return the actions that were asked more than once, to the byte. Newest intents come first."""
    newest: dict[tuple[str, str, str], str] = {}
    counts: Counter[tuple[str, str, str]] = Counter()
    for intent in asked:
        key = (intent.agent, intent.tool, intent.digest)
        newest.setdefault(key, intent.id)
        counts[key] += 1
    return [
        Repeat(agent, tool, count, newest[agent, tool, digest])
        for (agent, tool, digest), count in counts.most_common(_LISTED)
        if count > 1
    ]
