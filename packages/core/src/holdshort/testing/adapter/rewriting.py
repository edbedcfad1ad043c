"""Brings the contract in so that a failing assertion in it shows its values."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

PARTS = (
    "argument_scenarios",
    "change_scenarios",
    "contract",
    "crash_scenarios",
    "decision_scenarios",
    "forgery_scenarios",
    "once_scenarios",
    "parallel_scenarios",
    "play",
    "question_scenarios",
    "way_scenarios",
)


def contract() -> Any:
    """Return the class."""
    here = __name__.rpartition(".")[0]
    pytest.register_assert_rewrite(*(f"{here}.{part}" for part in PARTS))
    return import_module(f"{here}.contract").AdapterContract
