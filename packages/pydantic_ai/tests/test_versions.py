"""The framework that is tested is the one that the package names, and nothing older."""

from __future__ import annotations

import os
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
FLOOR = os.environ.get("HOLDSHORT_ENVIRONMENT") == "floor"
WANTED: dict[str, str] = PROJECT["tool"]["holdshort"]["floor" if FLOOR else "newest"]


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(".")]


@pytest.mark.parametrize("name", WANTED)
def test_the_release_under_test(name: str) -> None:
    found = version(name)
    print(f"{name} {found}")

    if FLOOR:
        assert found == WANTED[name]
    else:
        assert numbers(found) >= numbers(WANTED[name])


def test_the_floors_are_those_that_users_get() -> None:
    said = {line.split(">=")[0]: line for line in PROJECT["project"]["dependencies"]}
    for name, floor in PROJECT["tool"]["holdshort"]["floor"].items():
        assert said[name].endswith(f">={floor}")
    constraints = (Path(__file__).parents[1] / "floor.txt").read_text("utf-8").split()
    floors = PROJECT["tool"]["holdshort"]["floor"]
    assert constraints == [f"{name}=={floor}" for name, floor in floors.items()]
