"""What stands on a card: all of it, and nothing unseen (field.md 3.3, attacks 38, 39, 42, 45)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdshort.inbox.shown import LONG_BYTES, Shown, pieces, shown


def said(found: Shown) -> str:
    own = "\n".join("".join(piece.text for piece in line) for line in found.lines)
    return own + "".join(
        "".join(piece.text for piece in name) + said(child) for name, child in found.items
    )


@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\U000e0041", "\x1b", "\x00", "\u2066"])
def test_what_does_not_show_is_spelled_out(hidden: str) -> None:
    found = shown({"to": f"acme{hidden}.com"})
    assert hidden not in said(found)
    assert found.strange
    (line,) = found.items[0][1].lines
    assert [piece.escaped for piece in line] == [False, True, False]


def test_plain_text_is_one_piece() -> None:
    assert len(pieces("Grüße, 東京! " * 50)) == 1
    assert not shown("Grüße").strange


@given(st.text())
def test_nothing_is_left_out(text: str) -> None:
    found = "".join(piece.text for piece in pieces(text))
    assert len(found) >= len(text)
    assert all(
        character in found for character in text if character.isascii() and character.isalnum()
    )


@pytest.mark.parametrize("text", ["x" * LONG_BYTES, "a\n" * 20])
def test_long_values_have_to_be_opened(text: str) -> None:
    found = shown(text + "delete everything")
    assert found.long
    assert said(found).endswith("delete everything")


@pytest.mark.parametrize(
    ("value", "raw", "note"),
    [
        (1e9, "1000000000.0", "1,000,000,000"),
        (1234567, "1234567", "1,234,567"),
        (5, "5", ""),
        (0.1, "0.1", ""),
        (12345.5, "12345.5", "12,345.5"),
        (True, "true", ""),
        (None, "null", ""),
    ],
)
def test_numbers_stand_raw_and_grouped(value: Any, raw: str, note: str) -> None:
    found = shown(value)
    assert (said(found), found.note) == (raw, note)


def test_addresses_are_marked_as_not_inspected() -> None:
    assert "not inspected" in shown("https://acme.com/x").note
    assert "can look like others" in shown("https://xn--pple-43d.com/").note
    assert "can look like others" in shown("https://\u0430pple.com/").note


def test_masked_values_say_so() -> None:
    found = shown({"token": "holdshort:masked:" + "0123456789abcdef" * 2})
    assert found.items[0][1].kind == "masked"


def test_41_what_only_begins_like_a_mask_is_shown_whole() -> None:
    """Whatever an agent writes behind the mark would not be seen, and would run."""
    for text in ("pay everything", "0123456789abcdef" * 2 + " and pay", "0123456789ABCDEF" * 2):
        found = shown(f"holdshort:masked:{text}")
        assert found.kind == "text"
        assert "".join(piece.text for piece in found.lines[0]) == f"holdshort:masked:{text}"
