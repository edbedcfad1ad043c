"""Say which releases of a framework an environment has, and fail where they are not those wanted.

    .venvs/langgraph/bin/python scripts/check_versions.py packages/langgraph
    .venvs/langgraph-floor/bin/python scripts/check_versions.py packages/langgraph --floor

Run by the environment's own Python. Without --floor the newest release is wanted that the package
index lets one install by itself: one that something else in the environment silently holds back is
a failure. With it, exactly the floor that the package's `[tool.holdshort]` names.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path


def outdated() -> dict[str, str]:
    """Return the newer release of each installed distribution that has one on the index."""
    command = [sys.executable, "-m", "pip", "list", "--outdated", "--format", "json"]
    quiet = ["--disable-pip-version-check"]
    listed = subprocess.run([*command, *quiet], check=True, capture_output=True, text=True)
    return {one["name"].lower(): one["latest_version"] for one in json.loads(listed.stdout)}


def newest_alone(name: str) -> str:
    """Return the release that pip would install if nothing else were asked for: an index may list
    one whose own dependencies it does not have."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
    report = ["--quiet", "--disable-pip-version-check", "--report", "-", name]
    done = subprocess.run([*command, *report], check=True, capture_output=True, text=True)
    found = [one["metadata"] for one in json.loads(done.stdout)["install"]]
    return next(one["version"] for one in found if one["name"].lower() == name.lower())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("package", type=Path)
    parser.add_argument("--floor", action="store_true")
    given = parser.parse_args()
    project = tomllib.loads((given.package / "pyproject.toml").read_text(encoding="utf-8"))
    wanted: dict[str, str] = project["tool"]["holdshort"]["floor" if given.floor else "newest"]
    newer = {} if given.floor else outdated()
    wrong = 0
    for name, expected in wanted.items():
        found = version(name)
        said = ""
        if given.floor and found != expected:
            said = f": wanted exactly {expected}, the floor"
        elif name.lower() in newer:
            alone = newest_alone(name)
            if alone != found:
                said = f": held back, by itself it would be {alone}"
        wrong += bool(said)
        note = f" ({newer[name.lower()]} cannot be installed here)" if name.lower() in newer else ""
        print(f"{name} {found}{said or note}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
