"""A card as Slack's Block Kit: pure.

What agents wrote goes into `plain_text` and rich text alone, which Slack shows as it is: no
mention, link or formatting comes of it. Buttons that decide stand only beside an action that is
there whole.
"""

from __future__ import annotations

from typing import Any

from holdshort.notify.card import Card
from holdshort.notify.masking import masked_text
from holdshort.notify.reader import Reader
from holdshort.notify.slack_parts import (
    Block,
    button,
    json_lines,
    moment,
    plain,
    plain_text,
    pre,
    quote,
    rich,
    strong,
    text_lines,
    words,
)
from holdshort.notify.slack_rules import (
    ANSWER,
    EDIT,
    LONGEST,
    MORE,
    OPEN,
    UNDO,
    is_tap,
    may_answer,
    may_edit,
    ref,
    why_not_here,
)
from holdshort.visible import visible

#: Of many tasks in one message, so many are listed.
MOST_LISTED = 20


def message(card: Card, reader: Reader, now: int) -> list[Block]:
    """Return the card as somebody sees it now (milliseconds UTC)."""
    if not card.open:
        return [*_what(card), rich([strong(card.stands)]), *_link(card, "Look at it")]
    hidden = why_not_here(card)
    blocks = _what(card) if hidden else whole(card)
    blocks.append(_facts(card, reader))
    why_not = card.stands if card.intent.paused_at is not None else reader.why_not
    if why_not is not None and card.step.held is None:
        return [*blocks, rich([strong(why_not)]), *_link(card, "Open the card")]
    return [*blocks, *_for_whom(reader, now), *_controls(card, reader.person, now, hidden)]


def earlier(card: Card) -> list[Block]:
    """Return what an earlier card of the same person becomes when a newer one is posted."""
    return [*_what(card), rich([strong("There is a newer card of this, below.")])]


def whole(card: Card) -> list[Block]:
    """Return everything that is asked, for where it fits."""
    exactly = rich([strong("What exactly")], pre(json_lines(card.arguments)))
    more = [says("more", json_lines(card.more))] if card.more else []
    return [*_what(card), exactly, *more, *(says(name, text) for name, text in card.words)]


def short(card: Card) -> list[Block]:
    """Return the least that can be said, for where Slack refuses the card itself."""
    note = "Slack did not take the whole of it. Open it in the inbox to decide."
    return [plain("Holdshort: something waits for you. " + note), *_link(card, "Open the card")]


def notification(reason: str, card: Card) -> str:
    """Return what a lock screen may show: that there is something, and not what."""
    if not card.open and reason not in ("mentioned", "answered", "limit_exceeded"):
        return "Holdshort: this is over, nothing is to be decided any more."
    first = {
        "reminded": "Reminder: a decision still waits for you",
        "escalated": "Escalated: a decision waits for you",
        "asked": "A decision waits for you",
        "mentioned": "You were named in a comment on a decision",
        "answered": "An agent has answered a question about a decision",
        "limit_exceeded": "An agent has passed one of its limits",
    }
    return f"Holdshort: {first.get(reason, 'There is news of a decision')} ({card.risk} risk)."


def reply(reason: str, card: Card) -> list[Block]:
    """Return what is said below a card that this person has already."""
    first = {
        "reminded": "This still waits for a decision.",
        "escalated": "This was escalated, and still waits for a decision.",
        "mentioned": "Somebody has named you in a comment. Open the card to read it.",
        "answered": "The agent has answered what was asked here. Open the card to read it.",
        "limit_exceeded": "The agent has passed one of its limits with this. It was let through.",
    }
    line = [words(first.get(reason, card.stands))]
    if card.open and card.deadline_at is not None:
        line += [words(" It ends "), moment(card.deadline_at), words(".")]
    return [rich(line), *_link(card, "Open the card")]


def digest(data: dict[str, Any]) -> tuple[str, list[Block]]:
    """Return many tasks as one message: what a lock screen may show, and the blocks.

    Args:
        data: `{"agent", "count", "tasks": [{"title", "risk", "url"}, …], "url"}`, as the outbox
            makes it.
    """
    tasks = data["tasks"]
    count = int(data.get("count", len(tasks)))
    text = f"Holdshort: {count} decisions wait for you."
    lines = []
    for task in tasks[:MOST_LISTED]:
        title = _one_line(masked_text(str(task.get("title") or ""))[0])
        url = task.get("url")
        name = {"type": "link", "url": str(url), "text": title} if url else words(title)
        lines.append([name, words(f" ({visible(str(task.get('risk') or 'unknown'))} risk)\n")])
    if count > len(lines):
        lines.append([words(f"and {count - len(lines)} more, in the inbox")])
    agent = visible(str(data.get("agent") or "an agent"))[:500]
    found = [plain(f"{count} decisions wait for you, asked for by {agent}."), rich(*lines)]
    if data.get("url"):
        link = button("Open the inbox", OPEN, url=str(data["url"]))
        found.append({"type": "actions", "elements": [link]})
    return text, found


def _one_line(text: str) -> str:
    shown = visible(text) or "(without a title)"
    return shown if len(shown) <= 120 else f"{shown[:117]}…"


def says(name: str, text: str) -> Block:
    """Return the agent's words, in a box that says so."""
    return rich(
        [strong("The agent says"), words(f" ({name}, not checked):")], quote(text_lines(text))
    )


def _what(card: Card) -> list[Block]:
    step, intent = card.step, card.intent
    labels = [f"{card.risk} risk", step.task.task_type.replace("_", " ")]
    if len(intent.steps) > 1:
        labels.append(f"step {intent.step + 1} of {len(intent.steps)}: {visible(step.name)}")
    if intent.environment:
        labels.append(visible(intent.environment))
    text = card.what if len(card.what) <= LONGEST else "Something long"
    context = {"type": "context", "elements": [plain_text(" · ".join(labels))]}
    return [context, plain(text)]


def _for_whom(reader: Reader, now: int) -> list[Block]:
    """Say in whose place the reader answers; nothing where that person is back."""
    until = reader.away_until
    if reader.on_behalf_of is None or until is None or until <= now:
        return []
    line = [strong(f"You answer for {visible(reader.on_behalf_of)}"), words(", who is away until ")]
    return [rich([*line, moment(until), words(".")])]


def _facts(card: Card, reader: Reader) -> Block:
    owner = f", owned by {visible(card.owner)}" if card.owner else ""
    asks = f"{visible(card.agent)}{owner}; tenant {visible(card.tenant)}\n"
    parts = [[strong("Who asks: "), words(asks)]]
    step = card.step
    if card.deadline_at is not None:
        parts.append([strong("By when: "), moment(card.deadline_at), words("\n")])
    if step.escalate_at is not None and step.level < len(step.policy.escalate):
        to = ", ".join(step.policy.escalate[step.level].to)
        text = f", then {visible(to)} is asked as well\n"
        parts.append([strong("Next: "), moment(step.escalate_at), words(text)])
    parts.append([strong("If not: "), words(card.if_nobody + "\n")])
    if card.seats:
        parts.append([strong("Seats: "), words(card.seats + "\n")])
    if step.claimed_by and step.claimed_by == reader.claimed_by:
        parts.append([strong("Taken by: "), words(step.claimed_by + "\n")])
    return rich(*parts)


def _controls(card: Card, person: str, now: int, hidden: str | None) -> list[Block]:
    step, held = card.step, card.step.held
    if held is not None:
        line = [strong(f"{held.by.id} answered “{_said(held.answer['outcome'])}”.")]
        line += [words(" It takes effect "), moment(held.until), words(".")]
        undo = button("Undo", UNDO, value=ref(card).dump())
        mine = held.by.id == person and held.until > now
        return [rich(line), *([{"type": "actions", "elements": [undo]}] if mine else [])]
    for vote in step.live_votes:
        if vote.by == person:
            said = f"You have answered “{_said(vote.outcome)}”; others have to answer as well."
            return [rich([strong(said)]), *_link(card, "Open the card")]
    notes, buttons = [hidden] if hidden else [], []
    if hidden is None:
        if card.risk == "high":
            notes.append("High risk: a yes is given in the inbox, where you confirm it.")
        elif step.task.evidence_required:
            notes.append("It needs evidence, so a yes is given in the inbox.")
        buttons = _answers(card)
    if not card.url:
        notes.append("Open Holdshort's inbox to see all of it.")
    found = [rich([words(" ".join(notes))])] if notes else []
    buttons += _open(card)
    return [*found, *([{"type": "actions", "elements": buttons}] if buttons else [])]


def _answers(card: Card) -> list[dict[str, Any]]:
    tap = is_tap(card)
    found = []
    for n, (outcome, label, positive) in enumerate(card.outcomes):
        if not may_answer(card, positive):
            continue
        text = label if tap else f"{label}…"
        one = button(text, f"{ANSWER}:{n}", value=ref(card, outcome).dump())
        if positive is not None:
            one["style"] = "primary" if positive else "danger"
        if positive and tap and card.risk == "medium":
            one["confirm"] = _confirm(label)
        found.append(one)
    text = "Answer with a comment…" if tap and found else "Say something…"
    found.append(button(text, MORE, value=ref(card).dump()))
    if may_edit(card):
        found.append(button("Change it first…", EDIT, value=ref(card).dump()))
    return found


def _confirm(label: str) -> dict[str, Any]:
    return {
        "title": plain_text("Do you want this to happen?"),
        "text": plain_text("It is of medium risk. Look at all of it before you say yes."),
        "confirm": plain_text(label[:30]),
        "deny": plain_text("Not yet"),
    }


def _link(card: Card, label: str) -> list[Block]:
    found = _open(card, label)
    return [{"type": "actions", "elements": found}] if found else []


def _open(card: Card, label: str = "Open the card") -> list[dict[str, Any]]:
    return [button(label, OPEN, url=card.url)] if card.url else []


def _said(outcome: str) -> str:
    return str(outcome).replace("_", " ")
