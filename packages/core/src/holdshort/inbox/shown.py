"""What stands on a card, made from the stored value: nothing is left out, nothing is invisible."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from holdshort.notify.masking import is_mark
from holdshort.visible import visible

#: A text longer than this (bytes), or with more lines, is folded and has to be opened.
LONG_BYTES = 400
LONG_LINES = 12
#: What has more parts than this (values, lines, marks) is shown as one stretch of JSON, folded: all
#: of it is there, and no page takes seconds to make (attacks 39 and 67).
MOST_PARTS = 5000

_PLAIN = re.compile(r"[\x20-\x7e]+|.", re.DOTALL)


@dataclass(frozen=True)
class Piece:
    """A stretch of text: as it is, or an escape that stands for something unseen."""

    text: str
    escaped: bool = False


@dataclass(frozen=True)
class Shown:
    """A JSON value as the page shows it."""

    kind: str
    """object, array, text, number, word (true, false, null), masked"""
    lines: tuple[tuple[Piece, ...], ...] = ()
    items: tuple[tuple[tuple[Piece, ...], Shown], ...] = ()
    size: int = 0
    """Bytes of the value as JSON."""
    long: bool = False
    strange: bool = False
    """Whether something in it does not show by itself."""
    note: str = field(default="")


def pieces(text: str) -> tuple[Piece, ...]:
    """Return one line of text, with what does not show spelled out and marked."""
    if text and visible(text) == text:
        return (Piece(text),)
    found: list[Piece] = []
    for part in _PLAIN.findall(text):
        seen = visible(part)
        piece = Piece(seen, escaped=seen != part)
        if found and piece.escaped == found[-1].escaped:
            piece = Piece(found.pop().text + piece.text, piece.escaped)
        found.append(piece)
    return tuple(found)


def lines(text: str) -> tuple[tuple[Piece, ...], ...]:
    """Return a text line by line. Only the plain line feed ends a line."""
    return tuple(pieces(line) for line in text.split("\n"))


def shown(value: Any) -> Shown:
    """Return a JSON value as the page shows it.

    >>> shown({"n": 1}).items[0][1].lines[0][0].text
    '1'
    """
    if isinstance(value, dict | list) and _has_many_parts(value):
        return _in_one(value)
    return _shown(value)


def as_json(value: Any) -> tuple[tuple[Piece, ...], ...]:
    """Return a value as JSON, line by line; what has too many parts in one line."""
    if isinstance(value, dict | list) and _has_many_parts(value):
        return _in_one(value).lines
    return lines(json.dumps(value, indent=2, ensure_ascii=False))


def _in_one(value: Any) -> Shown:
    """The whole value as JSON in one stretch, in which nothing is unseen."""
    text = json.dumps(value)
    plain = json.dumps(value, ensure_ascii=False)
    return Shown(
        "text",
        lines=((Piece(text),),),
        size=len(plain.encode(errors="surrogatepass")),
        long=True,
        strange=visible(plain) != plain,
        note="written as JSON, for its many parts",
    )


def _has_many_parts(value: Any) -> bool:
    left, waiting = MOST_PARTS, [value]
    while waiting and left >= 0:
        one = waiting.pop()
        children = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        left -= 1
        if len(children) > left:
            return True
        if isinstance(one, str) and one.count("\n") > left:
            return True
        waiting.extend(children)
    return left < 0


def _shown(value: Any) -> Shown:
    size = len(json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"))
    if isinstance(value, dict):
        children = tuple((pieces(str(name)), _shown(child)) for name, child in value.items())
        strange = any(c.strange or any(p.escaped for p in name) for name, c in children)
        return Shown("object", items=children, size=size, strange=strange)
    if isinstance(value, list):
        numbered = tuple((pieces(str(n)), _shown(child)) for n, child in enumerate(value, 1))
        return Shown(
            "array", items=numbered, size=size, strange=any(c.strange for _, c in numbered)
        )
    if isinstance(value, bool) or value is None:
        return Shown("word", lines=(pieces(json.dumps(value)),), size=size)
    if isinstance(value, int | float):
        return Shown("number", lines=(pieces(json.dumps(value)),), size=size, note=_grouped(value))
    text = str(value)
    if is_mark(text):
        return Shown("masked", size=size, note=text.rpartition(":")[2][:12])
    found = lines(text)
    if sum(map(len, found)) > MOST_PARTS or len(found) > MOST_PARTS:
        return _in_one(text)
    strange = any(piece.escaped for line in found for piece in line)
    long = size > LONG_BYTES or len(found) > LONG_LINES
    return Shown("text", lines=found, size=size, long=long, strange=strange, note=_warning(text))


def _grouped(value: float) -> str:
    """A large number once more with its digits in groups: 1e9 is not seen to be a thousand
    million."""
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,}" if abs(value) >= 10_000 else ""
    return f"{int(value):,}" if abs(value) >= 10_000 else ""


def _warning(text: str) -> str:
    for host in _ADDRESS.findall(text):
        if "xn--" in host.lower() or not host.isascii():
            return "an address with letters that can look like others; not inspected"
    if _mixes_alphabets(text):
        return "letters of several alphabets in one word: some can look like others"
    if _ADDRESS.search(text):
        return "an address elsewhere; what is there was not inspected"
    return ""


_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{1,30}:/{2}([^/\s]*)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
#: Greek and Cyrillic have letters that look like Latin ones.
_LATIN, _ALIKE = re.compile(r"[a-z]", re.IGNORECASE), re.compile(r"[\u0370-\u052f]")


def _mixes_alphabets(text: str) -> bool:
    if not _ALIKE.search(text):
        return False
    return any(_LATIN.search(word) and _ALIKE.search(word) for word in _WORD.findall(text))
