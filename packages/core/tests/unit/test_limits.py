"""Amounts, patterns of names, and sums of what was asked for."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdshort.limits import (
    DAY,
    HOUR,
    LARGEST,
    MICROS,
    Limits,
    Scope,
    Tally,
    Usage,
    amount_of,
    day_of,
    ends,
    hour_of,
    micros_of,
    spelled,
)


@pytest.mark.parametrize(
    ("amount", "micros"),
    [(0, 0), (1, 10**6), (0.1, 100_000), ("12.50", 12_500_000), (" 3 ", 3_000_000), (1e3, 10**9)],
)
def test_amounts_are_exact(amount: object, micros: int) -> None:
    assert micros_of(amount) == micros


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        (-0.01, "never negative"),
        ("-1", "never negative"),
        ("NaN", "no amount"),
        (float("inf"), "no amount"),
        ("-Infinity", "no amount"),
        (True, "is a number"),
        (None, "is a number"),
        ([1], "is a number"),
        ("1,000", "no amount"),
        ("12 USD", "no amount"),
        (0.0000001, "six decimals"),
        ("1e13", "at most 1000000000000"),
        (LARGEST // MICROS + 1, "at most"),
    ],
)
def test_62_what_is_no_amount_is_refused(amount: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        micros_of(amount)


@given(st.integers(0, LARGEST))
def test_every_amount_is_read_back(micros: int) -> None:
    assert micros_of(Decimal(micros) / MICROS) == micros
    assert micros_of(spelled(micros, "USD").removesuffix(" USD").replace(",", "")) == micros


@given(st.integers(0, 10**12))
def test_what_the_api_shows_is_what_it_takes(micros: int) -> None:
    assert micros_of(json.loads(json.dumps(amount_of(micros)))) == micros


def test_amounts_are_spelled_for_people() -> None:
    assert spelled(1_234_500_000, "EUR") == "1,234.50 EUR"
    assert spelled(2_000_000, "USD") == "2 USD"
    assert spelled(1, "USD") == "0.000001 USD"


@pytest.mark.parametrize(
    ("scope", "name", "allowed"),
    [
        (Scope(), "anything", True),
        (Scope(allow=("intent.data.*",)), "intent.data.scan.v1", True),
        (Scope(allow=("intent.data.*",)), "intent.database.scan.v1", False),
        (Scope(allow=("crm.read",)), "crm.read", True),
        (Scope(allow=("crm.read",)), "crm.read.all", False),
        (Scope(allow=("*",), deny=("crm.delete*",)), "crm.delete_all", False),
        (Scope(deny=("*",)), "anything", False),
        (Scope(allow=("CRM.read",)), "crm.read", False),
    ],
)
def test_deny_wins_and_an_empty_list_allows_all(scope: Scope, name: str, allowed: bool) -> None:
    assert scope.permits(name) is allowed


def test_hours_and_days_are_those_of_utc() -> None:
    moment = 20_000 * DAY + 23 * HOUR + 59 * 60_000
    assert (day_of(moment), hour_of(moment)) == (20_000, 23)
    assert ends(moment, HOUR) == ends(moment, DAY) == "2024-10-05T00:00:00Z"
    assert ends(moment - HOUR, HOUR) == "2024-10-04T23:00:00Z"


def test_usage_adds_up_hour_by_hour() -> None:
    used = (
        Usage()
        .plus(9, intents=1, micros=5)
        .plus(9, intents=1)
        .plus(10, micros=7)
        .plus(9, micros=-5)
    )
    assert used.in_hour(9) == Tally(intents=2, micros=0)
    assert used.in_hour(11) == Tally()
    assert used.total == Tally(intents=2, micros=7)
    assert Usage.model_validate_json(used.model_dump_json()) == used


def test_only_caps_have_to_be_counted() -> None:
    assert not Limits(tools=Scope(deny=("a",))).counts
    assert Limits(intents_per_hour=0).counts
    assert Limits(micros_per_day=0).caps_cost
    assert not Limits(intents_per_day=1).caps_cost
