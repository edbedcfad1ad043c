"""Which differences a digest sees. RFC 8785 (JCS) decides, and two of its answers surprise:
`1` and `1.0` are one JSON number and so one digest, and texts that look alike but are composed
differently (NFC, NFD) are two.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdshort.digest import action_digest, canonical, sha256
from holdshort.errors import InvalidRequest

from .office import refused

LARGEST = 2**53 - 1
ACTION: dict[str, Any] = {
    "tool": "pay",
    "arguments": {"to": "x", "sum": 5},
    "agent": "agent://acme/prod/bot",
    "environment": "prod",
}


def digest(arguments: Any) -> str:
    return action_digest(**{**ACTION, "arguments": arguments})


def test_the_digest_is_the_sha256_of_the_canonical_json() -> None:
    text = (
        b'{"agent":"agent://acme/prod/bot","arguments":{"sum":5,"to":"x"},'
        b'"environment":"prod","tool":"pay"}'
    )
    assert canonical(ACTION) == text
    assert action_digest(**ACTION) == sha256(text)
    assert len(sha256(b"")) == 64


def test_the_examples_of_rfc_8785() -> None:
    """Sections 3.2.2 and 3.2.3 of the RFC: numbers, escapes, and keys in UTF-16 order."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 1e-27],
        "string": '\u20ac$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert canonical(value) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(json.loads(canonical(dict.fromkeys(keys, 0)))) == [
        "\r",
        "1",
        "\u0080",
        "\u00f6",
        "\u20ac",
        "\U0001f600",
        "\ufb33",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}),
        ({"n": 1}, {"n": 1.0}),
        ({"n": 100}, {"n": 1e2}),
        ({"n": 0}, {"n": -0.0}),
        ({"t": "A"}, {"t": "\u0041"}),
        ({"l": [1, 2]}, {"l": (1, 2)}),
    ],
)
def test_what_is_the_same_json_has_the_same_digest(one: Any, other: Any) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"n": 1}, {"n": "1"}),
        ({"n": 1}, {"n": True}),
        ({"n": 0}, {"n": False}),
        ({"n": 0}, {"n": None}),
        ({"n": 1}, {"n": 1.0000000000000002}),
        ({"n": ""}, {"n": None}),
        ({"n": None}, {}),
        ({"n": []}, {"n": {}}),
        ({"l": [1, 2]}, {"l": [2, 1]}),
        ({"l": [1, 2]}, {"l": [[1, 2]]}),
        ({"t": "x"}, {"t": "x "}),
        ({"t": "x"}, {"t": "X"}),
        ({"t": "\u00e9"}, {"t": "e\u0301"}),  # é composed and decomposed
        ({"t": "a"}, {"t": "\u0430"}),  # Latin and Cyrillic
        ({"t": "x"}, {"t": "x\u200b"}),
        ({"t": "1\n2"}, {"t": "1\r\n2"}),
        ({"k": 1}, {"K": 1}),
        ({"a": "b,c"}, {"a": "b", "c": ""}),
        ({"n": LARGEST}, {"n": LARGEST - 1}),
    ],
)
def test_what_is_not_the_same_has_another_digest(one: Any, other: Any) -> None:
    assert digest(one) != digest(other)


@pytest.mark.parametrize("field", ["tool", "agent", "environment"])
def test_another_tool_agent_or_environment_is_another_action(field: str) -> None:
    assert action_digest(**ACTION) != action_digest(**{**ACTION, field: "another"})


def test_no_environment_is_the_empty_one() -> None:
    without = {name: value for name, value in ACTION.items() if name != "environment"}
    assert action_digest(**without) == action_digest(**{**ACTION, "environment": ""})


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        2**53,
        -(2**53),
        10**400,
        "\ud800",
        "a\udfffb",
        {"\ud800": 1},
        {1: "a"},
        {None: "a"},
        b"bytes",
        {1, 2},
        object(),
    ],
    ids=repr,
)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"a": {"b": [v]}}])
def test_what_json_cannot_carry_exactly_is_refused(value: Any, wrap: Any) -> None:
    with refused(InvalidRequest):
        digest(wrap(value))


@pytest.mark.parametrize("value", [LARGEST, -LARGEST, 2.0**53, 1e308, 5e-324, "\U0001f600", "\0"])
def test_what_stands_at_the_edge_is_taken(value: Any) -> None:
    assert json.loads(canonical([value])) == [value]


def test_nesting_without_end_is_refused() -> None:
    value: Any = None
    for _ in range(100_000):
        value = [value]
    with refused(InvalidRequest, "nested"):
        canonical(value)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    """Whether these are one JSON value: numbers by value, everything else by type and value."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return float(one) == float(other)
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    return bool(one == other)


@given(values, values)
def test_two_values_have_one_digest_if_and_only_if_they_are_the_same(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) is same(one, other)


@given(values, st.randoms(use_true_random=False))
def test_shuffled_keys_and_other_spellings_change_nothing(value: Any, random: Any) -> None:
    def shuffled(one: Any) -> Any:
        if isinstance(one, dict):
            keys = list(one)
            random.shuffle(keys)
            return {key: shuffled(one[key]) for key in keys}
        return [shuffled(v) for v in one] if isinstance(one, list) else one

    assert digest(shuffled(value)) == digest(value)
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only, indent=1)
        assert digest(json.loads(text)) == digest(value)


@given(values)
def test_the_canonical_form_is_json_for_the_same_value(value: Any) -> None:
    text = canonical(value)
    # As other languages read it: Python alone makes an exact integer of 1e17 written out.
    back = json.loads(text, parse_int=float)
    assert same(back, value)
    assert canonical(back) == text


def test_the_digest_does_not_depend_on_the_process() -> None:
    code = (
        "from holdshort.digest import action_digest as d;"
        "print(d(tool='t', arguments={'b': {1.5, }.pop(), 'a': 'é'}, agent='a'))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
