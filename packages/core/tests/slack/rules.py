"""What Slack documents of messages and dialogs, as checks: the fake refuses what Slack refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any


class Broken(Exception):
    """Slack would not take this."""


def need(holds: Any, what: str) -> None:
    if not holds:
        raise Broken(what)


def text_object(found: Any, most: int, *, kinds: tuple[str, ...] = ("plain_text",)) -> None:
    need(isinstance(found, dict) and found.get("type") in kinds, f"text object {found!r}")
    need(isinstance(found.get("text"), str), "text")
    need(1 <= len(found["text"]) <= most, f"text has {len(found['text'])} of {most}")


def message(blocks: list[Any]) -> None:
    """Raise Broken for blocks that a message may not have."""
    need(isinstance(blocks, list) and 1 <= len(blocks) <= 50, "1 to 50 blocks")
    for one in blocks:
        block(one, dialog=False)
    unique([e["action_id"] for b in blocks for e in b.get("elements", []) if "action_id" in e])


def view(found: dict[str, Any]) -> None:
    """Raise Broken for a dialog that Slack does not open."""
    need(found.get("type") == "modal", "a modal")
    text_object(found.get("title"), 24)
    if "submit" in found:
        text_object(found["submit"], 24)
    if "close" in found:
        text_object(found["close"], 24)
    need(len(found.get("private_metadata", "")) <= 3000, "private_metadata")
    need(len(found.get("callback_id", "")) <= 255, "callback_id")
    blocks = found.get("blocks")
    need(isinstance(blocks, list) and 1 <= len(blocks) <= 100, "1 to 100 blocks")
    assert isinstance(blocks, list)
    for one in blocks:
        block(one, dialog=True)
    need("submit" in found or not any(b["type"] == "input" for b in blocks), "submit with inputs")
    unique([b["block_id"] for b in blocks if "block_id" in b])


def unique(names: list[str]) -> None:
    twice = [name for name, n in Counter(names).items() if n > 1]
    need(not twice, f"twice: {twice}")


def block(found: dict[str, Any], *, dialog: bool) -> None:
    kind = found.get("type")
    need(len(found.get("block_id", "")) <= 255, "block_id")
    if kind == "section":
        text_object(found.get("text"), 3000, kinds=("plain_text", "mrkdwn"))
    elif kind == "context":
        need(1 <= len(found["elements"]) <= 10, "context elements")
        for one in found["elements"]:
            text_object(one, 2000, kinds=("plain_text", "mrkdwn"))
    elif kind == "actions":
        need(1 <= len(found["elements"]) <= 25, "actions elements")
        for one in found["elements"]:
            button(one)
    elif kind == "rich_text":
        need(found.get("elements"), "rich text elements")
        for one in found["elements"]:
            rich(one)
    elif kind == "input" and dialog:
        text_object(found.get("label"), 2000)
        if "hint" in found:
            text_object(found["hint"], 2000)
        control(found["element"])
    else:
        raise Broken(f"block {kind}")


def button(found: dict[str, Any]) -> None:
    need(found.get("type") == "button", "a button")
    text_object(found.get("text"), 75)
    need(1 <= len(found.get("action_id", "")) <= 255, "action_id")
    need(len(found.get("value", "")) <= 2000, "value")
    need(len(found.get("url", "")) <= 3000, "url")
    need(found.get("style", "primary") in ("primary", "danger"), "style")
    if "confirm" in found:
        for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            text_object(found["confirm"].get(name), most)


def rich(found: dict[str, Any]) -> None:
    known = ("rich_text_section", "rich_text_preformatted", "rich_text_quote")
    need(found.get("type") in known, f"rich text {found.get('type')}")
    need(found.get("elements"), "rich text elements")
    for one in found["elements"]:
        if one["type"] == "text":
            need(isinstance(one.get("text"), str) and one["text"], "rich text without text")
        elif one["type"] == "date":
            need(isinstance(one.get("timestamp"), int) and "{" in one.get("format", ""), "date")
        elif one["type"] == "link":
            need(one.get("url", "").startswith("https://"), "a link's url")
        else:
            raise Broken(f"rich text element {one['type']}")


def control(found: dict[str, Any]) -> None:
    need(1 <= len(found.get("action_id", "")) <= 255, "action_id")
    need(len(str(found.get("initial_value", ""))) <= 3000, "initial_value")
    kind = found.get("type", "")
    if kind in ("static_select", "multi_static_select", "checkboxes"):
        most = 10 if kind == "checkboxes" else 100
        need(1 <= len(found["options"]) <= most, "options")
        for one in found["options"]:
            text_object(one.get("text"), 75)
            need(1 <= len(one.get("value", "")) <= 150, "option value")
        first = found.get(
            "initial_options", [found["initial_option"]] if "initial_option" in found else []
        )
        need(all(one in found["options"] for one in first), "initial option")
    elif kind == "number_input":
        need(isinstance(found.get("is_decimal_allowed"), bool), "is_decimal_allowed")
    else:
        known = (
            "plain_text_input",
            "email_text_input",
            "url_text_input",
            "datepicker",
            "datetimepicker",
        )
        need(kind in known, f"element {kind}")


def parsed(found: Any) -> Iterator[str]:
    """Every text in which Slack acts on mentions, links and formatting."""
    if isinstance(found, dict):
        if found.get("type") == "mrkdwn":
            yield found["text"]
        for value in found.values():
            yield from parsed(value)
    elif isinstance(found, list):
        for value in found:
            yield from parsed(value)


def shown(found: Any) -> str:
    """Everything that a reader sees of blocks, one piece a line."""
    return "\n".join(_shown(found))


def _shown(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        if isinstance(found.get("text"), str):
            yield found["text"]
        for name, value in found.items():
            if name not in ("confirm",):
                yield from _shown(value)
    elif isinstance(found, list):
        for value in found:
            yield from _shown(value)
