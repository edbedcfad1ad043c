"""What the terminal shows: lines of text, made from a card, with everything foreign escaped: pure.

No line that an agent wrote looks like one of ours: its words stand in a box, line by line, and its
values are quoted as JSON.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any

from rich.cells import chop_cells

from holdshort.cli.output import away, escape, paragraphs, pretty, when
from holdshort.inbox.shown import Shown, shown
from holdshort.notify.said import for_whom

KEYS = (
    ("j", "next card"),
    ("k", "back to the list"),
    ("a", "say yes"),
    ("r", "say no"),
    ("o", "another answer, where there is one"),
    ("e", "change it first, in your editor"),
    ("d", "hand it to somebody else"),
    ("t", "take it, or give it back"),
    ("c", "say something; it decides nothing"),
    ("u", "undo your last answer"),
    ("space", "read on"),
    ("/", "search"),
    ("?", "these keys"),
    ("q", "quit"),
)


def fold(text: str, width: int, before: str = "", after: str = "") -> list[str]:
    """Return one line as lines of the terminal, cut in no way: `before` stands before the first,
    `after` (else blanks) before the others."""
    rest = after or " " * len(before)
    pieces = chop_cells(text, max(10, width - len(before))) or [""]
    return [f"{before if number == 0 else rest}{piece}" for number, piece in enumerate(pieces)]


def card_lines(card: dict[str, Any], width: int) -> list[str]:
    """Return a card from top to bottom."""
    step = f", step {card['step'] + 1} of {card['steps']}" if card["steps"] > 1 else ""
    kind = card["task_type"].replace("_", " ")
    found = [
        "─" * width,
        f"{card['risk'].upper()} RISK  {escape(kind)}{step}",
        *fold(escape(card["what"]), width),
        *(line for warning in card["warnings"] for line in fold(escape(warning), width, "! ")),
        "",
        *_exactly(card, width),
    ]
    if card["words"]:
        said = [line for one in card["words"] for line in paragraphs(one["text"])]
        found += ["", *box(f"{card['agent']} says (checked by nobody)", said, width)]
    if card["about"]:
        found += ["", *box("More from the agent", pretty(card["about"]), width)]
    return [*found, "", *_facts(card, width)]


def _exactly(card: dict[str, Any], width: int) -> Iterator[str]:
    edited = " (as a reviewer has changed it)" if card["edited"] else ""
    where = f" in {escape(card['environment'])}" if card["environment"] else ""
    yield from fold(f"Runs {escape(card['tool'])}{where} with{edited}:", width)
    value = shown(card["arguments"])
    if value.strange:
        yield "! Some characters do not show by themselves. They are spelled out."
    yield from tree(value, card["arguments"], width)


def tree(value: Shown, raw: Any, width: int, depth: int = 1) -> Iterator[str]:
    """Yield a value member by member, all of it."""
    margin = "  " * depth
    if value.kind in ("object", "array"):
        children = raw.values() if isinstance(raw, dict) else raw
        if not value.items:
            yield f"{margin}{'{}' if value.kind == 'object' else '[]'}"
        for (name, child), inner in zip(value.items, children, strict=True):
            label = "".join(piece.text for piece in name)
            if child.kind in ("object", "array") and child.items:
                yield from fold(f"{label}:", width, margin)
                yield from tree(child, inner, width, depth + 1)
            else:
                yield from fold(f"{label}: {_leaf(child, inner)}", width, margin, f"{margin}    ")
        return
    yield from fold(_leaf(value, raw), width, margin)


def _leaf(value: Shown, raw: Any) -> str:
    if value.kind == "masked":
        return f"(hidden by the agent's settings, bound by hash {value.note}…)"
    note = f"  ({value.note})" if value.note else ""
    size = f"  ({value.size} bytes)" if value.long else ""
    # As JSON, so that a text is not taken for a number, and its end is seen.
    return f"{escape(json.dumps(raw, ensure_ascii=False))}{size}{note}"


def box(title: str, lines: list[str], width: int) -> list[str]:
    """Return somebody else's words in a box that says whose they are."""
    head = f"┌─ {escape(title)} "
    found = fold(head, width, after="│ ") if len(head) > width else [head.ljust(width, "─")]
    for line in lines:
        found += fold(escape(line), width, "│ ", "│ ")
    return [*found, "└" + "─" * (width - 1)]


def _facts(card: dict[str, Any], width: int) -> Iterator[str]:
    owner = f", owned by {card['owner']}" if card["owner"] else ""
    facts = [("Who asks", f"{card['agent']}{owner}; tenant {card['tenant']}")]
    if card["open"] and card["deadline_at"]:
        facts.append(("By when", f"{when(card['deadline_at'])}. {card['next']}"))
    facts.append(("If not", card["if_nobody"]))
    if card["seats"]:
        facts.append(("Seats", card["seats"]))
    if card["claimed_by"]:
        facts.append(("Taken by", card["claimed_by"]))
    for name, text in facts:
        yield from fold(escape(text), width, f"{name:<9} ")
    held = card["held"]
    if held and card["open"]:
        text = f"{held['by']} answered “{held['outcome']}”; it takes effect {away(held['until'])}."
        yield from fold(escape(text), width, "! ")
    elif card["why_not"]:
        yield from fold(escape(card["why_not"]), width, "! ")
    elif card["on_behalf_of"]:
        text = for_whom(card["on_behalf_of"], when(card["away_until"]))
        yield from fold(escape(text), width, "! ")


def list_lines(tasks: list[dict[str, Any]], width: int) -> list[str]:
    """Return the list of what waits, most urgent first."""
    found = []
    for number, task in enumerate(tasks, 1):
        kind = task["task_type"].replace("_", " ")
        due = f"ends {away(task['due_at'])}" if task["due_at"] else "no deadline"
        held = task["held"]
        stands = f"{held['by']} answered “{held['outcome']}”" if held else None
        taken = f"taken by {task['claimed_by']}" if task["claimed_by"] else None
        facts = [f"{task['risk']} risk", kind, task["from_agent"], stands or taken or due]
        found += fold(escape(task["title"] or task["intent_type"]), width, f"{number:>3}  ")
        found += fold(escape(", ".join(facts)), width, "     ")
    return found


def diff_lines(before: Any, after: Any, width: int) -> list[str]:
    """Return how arguments would be changed, as a diff of their JSON."""
    lines = list(difflib.unified_diff(pretty(before), pretty(after), n=1, lineterm=""))[2:]
    found = []
    for line in lines:
        if not line.startswith("@@"):
            found += fold(escape(line[1:]), width, f"{line[0]} ")
    return found
