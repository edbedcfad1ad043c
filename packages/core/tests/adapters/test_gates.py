"""Which calls are asked about: by name, pattern, predicate; and a gate that errs asks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdshort import ConfigurationError
from holdshort.adapters import Gate, Gates

CALLS = [("pay", {"n": 1}), ("pay", {"n": 99}), ("delete_user", {}), ("look", {})]


def asked(spec: Any) -> list[str]:
    gates = Gates.of(spec)
    return [f"{tool} {args.get('n', '')}".strip() for tool, args in CALLS if gates.find(tool, args)]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (None, []),
        ([], []),
        (["pay"], ["pay 1", "pay 99"]),
        ("delete_*", ["delete_user"]),
        (["delete_*", "look"], ["delete_user", "look"]),
        ({"look": False, "*": True}, ["pay 1", "pay 99", "delete_user"]),
        ({"*": True, "look": False}, ["pay 1", "pay 99", "delete_user", "look"]),
        ({"pay": lambda tool, arguments: arguments["n"] > 10}, ["pay 99"]),
        (lambda tool, arguments: tool == "look", ["look"]),
        ({"pay": {"to": "cfo@acme.com"}}, ["pay 1", "pay 99"]),
        ({"PAY": True}, []),
    ],
)
def test_what_is_asked(spec: Any, expected: list[str]) -> None:
    assert asked(spec) == expected


def test_a_gate_that_errs_asks() -> None:
    assert asked(lambda tool, arguments: arguments["missing"]) == [
        "pay 1",
        "pay 99",
        "delete_user",
        "look",
    ]


def test_arguments_that_are_no_object_are_asked_about() -> None:
    gates = Gates.of({"pay": lambda tool, arguments: arguments["n"] > 10})
    assert gates.find("pay", "not json") is not None


def test_what_it_says_is_found() -> None:
    gate = Gates.of({"pay": {"to": "cfo@acme.com", "secrets": ("iban",)}}).find("pay", {})
    assert gate == Gate(to="cfo@acme.com", secrets=("iban",))


@pytest.mark.parametrize("spec", [{"pay": "yes"}, {"pay": {"too": 1}}, [1], {"": True}, 5])
def test_what_nobody_understands_is_refused(spec: Any) -> None:
    with pytest.raises((ConfigurationError, TypeError)):
        Gates.of(spec)


def test_gates_are_taken_as_they_are() -> None:
    gates = Gates.of(["pay"])
    assert Gates.of(gates) is gates
    assert gates.names("pay")
    assert not gates.names("look")


@given(st.text(max_size=20), st.dictionaries(st.text(max_size=5), st.integers(), max_size=3))
def test_a_star_finds_every_call(tool: str, arguments: dict[str, int]) -> None:
    assert Gates.of(["*"]).find(tool, arguments) is not None
