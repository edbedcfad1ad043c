"""The pieces of Block Kit that we use: pure."""

from __future__ import annotations

import json
from typing import Any

from holdshort.models import iso
from holdshort.visible import visible

Block = dict[str, Any]


def json_lines(value: Any) -> str:
    """Return a JSON value in full, line by line, with what does not show spelled out."""
    return text_lines(json.dumps(value, indent=2, ensure_ascii=False))


def text_lines(text: str) -> str:
    """Return a text in full, line by line, with what does not show spelled out."""
    return "\n".join(visible(line) for line in text.split("\n"))


def plain(text: str) -> Block:
    """Return a section of plain text, in full."""
    return {"type": "section", "expand": True, "text": plain_text(text)}


def plain_text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def rich(*parts: Any) -> Block:
    """Return a rich text block; a list is a section, anything else is an element as it is."""
    elements = [
        {"type": "rich_text_section", "elements": part} if isinstance(part, list) else part
        for part in parts
    ]
    return {"type": "rich_text", "elements": elements}


def words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def strong(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "style": {"bold": True}}


def pre(text: str) -> dict[str, Any]:
    return {"type": "rich_text_preformatted", "elements": [words(text)]}


def quote(text: str) -> dict[str, Any]:
    return {"type": "rich_text_quote", "elements": [words(text)]}


def moment(milliseconds: int) -> dict[str, Any]:
    """Return a time that Slack shows in the reader's zone."""
    return {
        "type": "date",
        "timestamp": milliseconds // 1000,
        "format": "{date_short_pretty} at {time}",
        "fallback": iso(milliseconds),
    }


def button(text: str, action: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": action, "text": plain_text(text)} | more
