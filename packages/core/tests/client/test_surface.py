"""What is public, that both colours have it, and what importing it costs."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

import holdshort
import holdshort.client
from holdshort import AsyncClient, AsyncReviewer, Client, Reviewer

COST = """
import json, sys, time
started = time.perf_counter()
import holdshort
print(json.dumps([time.perf_counter() - started, sorted(sys.modules)]))
"""
#: What a client must not pay for before it is used.
HEAVY = {"pydantic", "pydantic_core", "httpx", "starlette", "uvicorn", "sqlite3", "psycopg",
         "rfc8785", "jsonschema_rs", "typer", "rich"}  # fmt: skip


def operations(kind: type[Any]) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(function)
        for name, function in vars(kind).items()
        if inspect.isfunction(function) and (name == "__init__" or not name.startswith("_"))
    }


@pytest.mark.parametrize(("blocking", "other"), [(Client, AsyncClient), (Reviewer, AsyncReviewer)])
def test_both_colours_offer_the_same(blocking: type[Any], other: type[Any]) -> None:
    mine, theirs = operations(blocking), operations(other)
    assert mine.keys() == theirs.keys()
    assert len(mine) > 8
    for name, signature in mine.items():
        assert signature == theirs[name], name
        is_async = inspect.iscoroutinefunction(getattr(other, name))
        assert is_async == (name != "__init__"), name
        assert not inspect.iscoroutinefunction(getattr(blocking, name))
        assert inspect.getdoc(getattr(blocking, name)) or name == "__init__", name


def test_only_reviewers_decide() -> None:
    deciding = {"approve", "reject", "submit", "delegate", "claim", "release"}
    assert deciding <= operations(Reviewer).keys()
    assert not deciding & operations(Client).keys()


@pytest.mark.parametrize("module", [holdshort, holdshort.client], ids=lambda m: m.__name__)
def test_all_names_exactly_what_is_public(module: ModuleType) -> None:
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert set(module.__all__) - {"__version__"} == public
    assert module.__all__ == sorted(module.__all__)


def test_every_error_is_public() -> None:
    """But for the two that no client can ever be told."""
    errors = {
        name
        for name, value in vars(holdshort.errors).items()
        if inspect.isclass(value) and issubclass(value, holdshort.HoldshortError)
    }
    assert errors - set(holdshort.__all__) == {"PayloadTooLarge", "UnknownKind"}


def test_importing_is_cheap() -> None:
    seconds = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", COST], capture_output=True, check=True, text=True
        )
        took, modules = json.loads(done.stdout)
        seconds.append(took)
        assert "holdshort.client.flows" in modules
        assert not HEAVY & set(modules)
        assert not [
            name for name in modules if name.startswith(("holdshort.server", "holdshort.engine"))
        ]
    assert min(seconds) < 0.25
