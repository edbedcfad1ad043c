from __future__ import annotations

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdshort.visible import visible

any_text = st.text(st.characters(exclude_categories=()))
hidden = st.text(st.characters(categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"]), min_size=1)


@given(any_text | hidden)
def test_nothing_is_left_that_does_not_show(text: str) -> None:
    for one in visible(text):
        assert unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        assert not 0xE0000 <= ord(one) <= 0xE0FFF
        assert not 0xFE00 <= ord(one) <= 0xFE0F


@given(st.text(string.digits + string.ascii_letters + string.punctuation + " "))
def test_printable_ascii_stays(text: str) -> None:
    assert visible(text) == text


@given(any_text)
def test_nothing_is_dropped_and_twice_is_once(text: str) -> None:
    assert len(visible(text)) >= len(text)
    assert visible(visible(text)) == visible(text)
    visible(text).encode()  # can be written anywhere


@given(any_text, any_text)
def test_each_character_counts_for_itself(left: str, right: str) -> None:
    assert visible(left + right) == visible(left) + visible(right)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\u202eevil", "\\u202eevil"),
        ("\u2066a\u2069", "\\u2066a\\u2069"),
        ("a\u200bb\u2060c\ufeff", "a\\u200bb\\u2060c\\ufeff"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\r\tc\u2028d", "a\\nb\\r\\tc\\u2028d"),
        ("\U000e0041", "\\U000e0041"),
        ("\U000e0000", "\\U000e0000"),
        ("a\ufe0fb\U000e0100", "a\\ufe0fb\\U000e0100"),
        ("\u3164\u2800\u115f\u034f", "\\u3164\\u2800\\u115f\\u034f"),
        ("\ud800", "\\ud800"),
        ("\ue000", "\\ue000"),
        ("Überweisung 10\u202f000 € an 株式会社 🎉", "Überweisung 10\u202f000 € an 株式会社 🎉"),
    ],
)
def test_examples(text: str, seen: str) -> None:
    assert visible(text) == seen
