"""Secrets in what leaves the server (attack 47)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdshort.notify.masking import masked, masked_text

#: Written so that scanners of this repository find no secret in it.
PEM = "RSA PRIVATE" + " KEY"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "text",
    [
        JWT,
        "AKIA" + "IOSFODNN7EXAMPLE",
        "sk-proj-abcdefghijklmnop1234",
        "sk_live_abcdefghijklmnop1234",
        "gh" + "p_abcdefghijklmnopqrstuvwxyz0123456789",
        "xo" + "xb-123456789012-abcdefghij",
        "hs_person_abcdefghijklmnopqrstuvwxyz",
        "whsec_abcdefghijklmnop",
        "AIzaSyA-abcdefghijklmnopqrstuvwxyz01234",
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
        f"-----BEGIN {PEM}-----\nMIIEow\n-----END {PEM}-----",
        f"-----BEGIN {PEM}-----\ncut off before its end",
    ],
)
def test_a_secret_inside_a_text_is_hidden_and_the_rest_stays(text: str) -> None:
    shown, found = masked_text(f"use {text}")
    assert found
    assert shown.startswith("use ")
    assert text not in shown
    assert f"masked ({len(text)} bytes)" in shown


def test_what_only_looks_like_one_stays() -> None:
    for text in ("4111 1111 1111 1112", "order 1234567890123", "2026-11-21T11:34:54Z", "a@b.c"):
        assert masked_text(text) == (text, False)


@pytest.mark.parametrize("name", ["password", "api_key", "apiKey", "DB_PASSWORD", "client_secret"])
@pytest.mark.parametrize("value", ["hunter2", 1234, 0.5])
def test_what_is_called_a_secret_is_hidden_whatever_it_is(name: str, value: Any) -> None:
    shown, found = masked({"nested": [{name: value, "to": "ana"}]})
    assert found
    assert str(value) not in str(shown)
    assert shown["nested"][0]["to"] == "ana"


def test_47_what_is_inside_of_something_called_a_secret_is_hidden() -> None:
    value = {
        "passwords": 1,
        "api_keys": ["k-1", {"live": "k-2", "on": True, "n": None}],
        "to": "ana",
    }
    shown, found = masked({"password": {"value": "hunter2", "tries": 3}, **value})
    assert found
    assert not {"hunter2", "k-1", "k-2"} & set(str(shown).replace("'", " ").split())
    assert shown["api_keys"][1]["on"] is True
    assert shown["to"] == "ana"


def test_passwords_in_addresses_and_headers_are_hidden() -> None:
    shown, found = masked(
        {"url": "postgresql://ana:hunter2@db/x", "header": f"Authorization: Bearer {'a1' * 12}"}
    )
    assert found
    assert "hunter2" not in str(shown)
    assert "a1a1" not in str(shown)
    assert "@db/x" in shown["url"]


def test_a_card_number_that_is_a_number_is_hidden() -> None:
    assert masked({"n": 4111111111111111})[1]
    assert masked({"n": 4111111111111112}) == ({"n": 4111111111111112}, False)


def test_what_the_agents_side_masked_keeps_its_mark() -> None:
    value = {
        "api_key": "holdshort:masked:" + "0a" * 16,
        "password": ["holdshort:masked:" + "1" * 32],
    }
    assert masked(value) == (value, False)
    for like in ("holdshort:masked:hunter2", "holdshort:masked:" + "0a" * 16 + " hunter2"):
        shown, found = masked({"api_key": like})
        assert found
        assert "hunter2" not in str(shown)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)


@given(JSON)
def test_nothing_is_lost_but_what_is_masked(value: Any) -> None:
    shown, found = masked(value)
    assert found or shown == value
    assert type(shown) is type(value) or found
