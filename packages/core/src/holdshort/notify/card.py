"""What a channel shows of a task: made from what is stored, with secrets masked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from holdshort.kinds import kind_named
from holdshort.models import Intent, Risk, Step
from holdshort.notify import said
from holdshort.notify.masking import masked, masked_text


@dataclass(frozen=True)
class Card:
    """One task as it stands now, for a message that leaves the server."""

    tenant: str
    intent: Intent
    step: Step
    agent: str
    owner: str | None
    what: str
    """What is asked, in one sentence, from the action and not from the agent's words."""
    arguments: Any
    """All arguments, as JSON, secrets masked."""
    more: Any
    """What the agent sent beside the action, as JSON, secrets masked; empty where nothing."""
    masked: bool
    """Whether something was masked: then the whole stands on the page alone."""
    words: tuple[tuple[str, str], ...]
    """(name, text): what the agent says of it, secrets masked."""
    risk: Risk
    deadline_at: int | None
    next: str
    if_nobody: str
    seats: str
    outcomes: tuple[tuple[str, str, bool | None], ...]
    """(outcome, label, whether it is a yes); None is neither yes nor no."""
    url: str | None
    """The card's page, if people can reach this server."""
    stands: str
    """One sentence: how it stands, or who decided what."""
    open: bool


def card_of(intent: Intent, body: str | None, *, now: int, url: str | None) -> Card:
    """Return the card of an intent at its current step.

    Args:
        body: the request that it was filed with, as JSON.
        now: milliseconds UTC.
        url: the card's page.
    """
    step = intent.current
    kind = kind_named(step.task.task_type)
    arguments, hidden = masked(said.arguments(intent, body))
    more, hidden_more = masked(said.more(body))
    hidden = hidden or hidden_more or any(masked(one.result)[1] for one in intent.steps)
    said_by_agents = said.words(body, step) + said.findings(intent, lambda one: masked(one)[0])
    words = [(name, *masked_text(text)) for name, text in said_by_agents]
    return Card(
        tenant=intent.tenant,
        intent=intent,
        step=step,
        agent=intent.agent,
        owner=intent.owner,
        what=said.what(intent, arguments),
        arguments=arguments,
        more=more,
        masked=hidden or any(found for _, _, found in words),
        words=tuple((name, text) for name, text, _ in words),
        risk=step.policy.risk,
        deadline_at=step.deadline_at,
        next=said.what_next(step, now),
        if_nobody=said.if_nobody(step),
        seats=said.seats(step),
        outcomes=tuple((o, said.label(o), kind.sign(o)) for o in kind.outcomes(step.task)),
        url=url,
        stands=said.how_it_stands(intent),
        open=not intent.terminal,
    )
