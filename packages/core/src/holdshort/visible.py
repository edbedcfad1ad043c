"""Text that somebody else wrote, made safe to look at: what does not show is spelled out."""

from __future__ import annotations

import unicodedata

# Characters that are letters, marks or symbols by category and yet draw nothing, so that they can
# carry or break up text unseen: fillers, joiners, variation selectors, the blank Braille cell.
_BLANK = frozenset(
    map(
        chr,
        (
            0x034F,
            0x115F,
            0x1160,
            0x17B4,
            0x17B5,
            *range(0x180B, 0x1810),
            0x2800,
            0x3164,
            *range(0xFE00, 0xFE10),
            0xFFA0,
            *range(0xE0100, 0xE01F0),
        ),
    )
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""Return the text on one line, with every character that does not show written as its escape.

    That is: control characters (so ANSI sequences and line breaks), bidirectional and zero-width
    ones, tags, private and unassigned code points, unpaired surrogates. Everything else, and so all
    printable ASCII, stays as it is; nothing is left out. What is unassigned depends on the Unicode
    version of the Python that runs this.

    >>> visible("pay \u202egnp.exe\x1b[31m")
    'pay \\u202egnp.exe\\x1b[31m'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(one) if _hidden(one) else one for one in text)


def _hidden(one: str) -> bool:
    category = unicodedata.category(one)
    return category[0] == "C" or category in ("Zl", "Zp") or one in _BLANK


def _escape(one: str) -> str:
    if one in _SHORT:
        return _SHORT[one]
    code = ord(one)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
