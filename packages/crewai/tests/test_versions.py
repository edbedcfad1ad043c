"""The release that is tested is the one that the package says it is tested with."""

from __future__ import annotations

import os
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

SETTINGS = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
RELEASES = SETTINGS["tool"]["holdshort"]


@pytest.mark.parametrize("name", sorted(RELEASES["newest"]))
def test_the_release_is_the_one_named(name: str) -> None:
    found = version(name)
    if os.environ.get("HOLDSHORT_ENVIRONMENT") == "floor":
        assert found == RELEASES["floor"][name]
    else:
        assert _parts(found) >= _parts(RELEASES["newest"][name]), "something holds it back"


def _parts(release: str) -> list[int]:
    return [int(part) for part in release.split(".")]
