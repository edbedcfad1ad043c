"""What a key does to a card: the answer, with as much friction as its risk asks for."""

from __future__ import annotations

from typing import Any

from holdshort.cli.inbox import asking
from holdshort.cli.inbox.asking import Left
from holdshort.cli.inbox.screen import diff_lines
from holdshort.cli.inbox.terminal import Terminal
from holdshort.cli.output import escape
from holdshort.notify.said import figure_in

Card = dict[str, Any]


def outcome_of(terminal: Terminal, card: Card, sign: bool | None) -> dict[str, Any]:
    """Return the outcome of this sign; of several, the one that is chosen. Raises Left."""
    found: list[dict[str, Any]] = [one for one in card["outcomes"] if one["positive"] is sign]
    if not found:
        terminal.say("There is no such answer here.")
        raise Left
    if len(found) == 1 and sign is not None:
        return found[0]
    labels = [one["label"] for one in found]
    return found[asking.choose(terminal, "How do you answer?", labels)]


def answer(
    terminal: Terminal,
    card: Card,
    outcome: dict[str, Any],
    arguments: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Ask for all that this answer needs; return what is to be sent. Raises Left, and nothing is
    sent.

    Args:
        arguments: as they were changed, for a yes to something else than was asked.
    """
    name, yes = outcome["outcome"], outcome["positive"] is True
    body: dict[str, Any] = {
        "outcome": name,
        "digest": card["digest"],
        "step": card["step"],
        "undo_seconds": card["undo_seconds"],
    }
    if yes and card["form_schema"]:
        body["data"] = asking.form(terminal, card["form_schema"])
    if yes and card["evidence_required"]:
        body["evidence"] = [asking.evidence(terminal)]
    needed = card["comment_required"] or name in card["comment_for"]
    if needed or not yes:
        body["comment"] = asking.comment(terminal, needed=needed)
    if arguments is not None:
        body["arguments"] = arguments
    if yes:
        _friction(terminal, card, outcome["label"], arguments)
    return {key: value for key, value in body.items() if value is not None}


def _friction(terminal: Terminal, card: Card, label: str, arguments: dict[str, Any] | None) -> None:
    """Make a yes as hard as its risk asks for. Raises Left."""
    changed = "" if arguments is None else " as changed"
    if card["risk"] == "high":
        figure = card["figure"] if arguments is None else figure_in(card["tool"], arguments)
        typed = terminal.line(f"To {label.lower()}{changed}, type “{escape(figure)}”: ")
        if typed != figure:
            terminal.say("That is not what stands there.")
            raise Left
        return
    asks = card["risk"] == "medium" or arguments is not None
    if asks and not asking.yes_or_no(terminal, f"{label}{changed}?"):
        raise Left


def change(terminal: Terminal, card: Card, draft: dict[str, Any] | None) -> dict[str, Any]:
    """Let the arguments be changed, and show how. Raises Left.

    Args:
        draft: a change that was made before and not sent.
    """
    if not card["can_edit"]:
        terminal.say("The arguments cannot be changed here; say no, and say what to change.")
        raise Left
    found = asking.edited(terminal, card["arguments"] if draft is None else draft)
    if found == card["arguments"]:
        terminal.say("Nothing was changed.")
        raise Left
    terminal.say("You change:")
    for line in diff_lines(card["arguments"], found, terminal.width):
        terminal.say(line)
    terminal.say("Your change makes another action of it. The agent is told, and both are kept.")
    return found
