"""Masks: nothing of the value is shown, and only the value that was approved runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdshort import StaleDigest
from holdshort.adapters import Secrets

SECRETS = Secrets(("token", "iban"), salt="call-1")
NAMES = st.sampled_from(["token", "Token", "iban", "amount", "to"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def arguments() -> Any:
    return st.dictionaries(NAMES, VALUES, max_size=4)


@given(arguments())
def test_masked_and_back(true: dict[str, Any]) -> None:
    assert SECRETS.unmask(SECRETS.mask(true), true) == true


def test_nothing_of_it_is_shown() -> None:
    masked = SECRETS.mask({"token": "s3cret!", "deep": [{"IBAN": {"n": "DE-s3cret!"}}], "to": "x"})
    assert "s3cret!" not in json.dumps(masked)
    assert masked["to"] == "x"


def test_another_value_has_another_mask() -> None:
    assert SECRETS.mask({"token": "a"}) != SECRETS.mask({"token": "b"})
    assert SECRETS.mask({"token": "a"}) != Secrets(("token",), salt="call-2").mask({"token": "a"})


def test_another_value_does_not_run() -> None:
    approved = SECRETS.mask({"token": "abc", "amount": 1})
    with pytest.raises(StaleDigest, match="not the one that was approved"):
        SECRETS.unmask(approved, {"token": "xyz", "amount": 1})


def test_a_reviewer_changes_what_is_shown() -> None:
    true = {"token": "abc", "amount": 5}
    approved = SECRETS.mask(true) | {"amount": 4}
    assert SECRETS.unmask(approved, true) == {"token": "abc", "amount": 4}


def test_without_names_nothing_changes() -> None:
    true = {"token": "abc"}
    assert Secrets((), salt="x").mask(true) is true
