"""The repository itself: nothing private in it, and every package ready to be built and read."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
#: What tools and runs leave in a working copy; the repository proper has none of it.
LEFT_BEHIND = {
    ".git",
    ".holdshort",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    ".venvs",
    "__pycache__",
    "build",
    "dist",
}
LONGEST_DECISION_RECORD = 60
#: Of the text at https://www.apache.org/licenses/LICENSE-2.0.txt, as it is.
APACHE_2_0 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"

# Written so that no pattern finds itself.
PRIVATE = {
    "a path of one machine": r"(?<![\w.~-])/(?:home|root|tmp|Users|work/main|work/shared)/",
    "a path of one Windows machine": r"[A-Z]:\\+Users\\",
    "a package index": r"(?:--|_)(?:extra-)?index-url\b|pythonhosted\.org",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY",
    "a webhook secret": r"\bwhsec_[A-Za-z0-9+/]{24,}",
    "a Holdshort key": r"\bhs_[a-z]+_[A-Za-z0-9_-]{40,}",
    "a cloud or service token": (
        r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|sk-[A-Za-z0-9_-]{32,}"
        r"|xox[abprs]-[0-9A-Za-z-]{20,}|pypi-[A-Za-z0-9_-]{50,})"
    ),
}


def files() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in LEFT_BEHIND]
        yield from (Path(folder, name) for name in names)


def private_things(text: str) -> list[str]:
    return [
        f"{what}: {found[0]}"
        for what, pattern in PRIVATE.items()
        if (found := re.search(pattern, text))
    ]


def test_nothing_private_is_in_the_files() -> None:
    looked_at = 0
    problems = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a database
        looked_at += 1
        problems += [f"{path.relative_to(ROOT)}: {thing}" for thing in private_things(text)]
    assert looked_at > 50
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    "parts",
    [
        ("see /ho", "me/ana/holdshort"),
        ("'/ro", "ot/.venv/bin'"),
        ('open("/t', 'mp/v")'),
        ("C:\\Us", "ers\\ana"),
        ("pip install --extra-", "index-url x"),
        ("-----BEGIN RSA PRIV", "ATE KEY-----"),
        ("whsec_", "A" * 32),
        ("hs_agent_", "aB3-_" * 9),
        ("AKIA", "ABCDEFGHIJKLMNOP"),
    ],
)
def test_something_private_would_be_found(parts: tuple[str, ...]) -> None:
    assert private_things("".join(parts))


def test_scripts_can_be_run() -> None:
    """What names the program that runs it is meant to be run by its name."""
    scripts = {path for path in files() if path.suffix == ".sh" or path.read_bytes()[:2] == b"#!"}
    assert ROOT / ".ci" / "run" in scripts
    for script in scripts:
        assert os.access(script, os.X_OK), f"{script.relative_to(ROOT)} is not executable"
        assert script.read_bytes()[:2] == b"#!", f"{script.relative_to(ROOT)} names no program"


def test_the_license_is_apache_2() -> None:
    for path in (ROOT, *PACKAGES):
        text = (path / "LICENSE").read_bytes()
        assert hashlib.sha256(text).hexdigest() == APACHE_2_0, f"{path.name}/LICENSE differs"


def test_decision_records_are_short() -> None:
    for record in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        lines = len(record.read_text(encoding="utf-8").splitlines())
        assert lines <= LONGEST_DECISION_RECORD, f"{record.name} has {lines} lines"


def test_there_are_packages() -> None:
    assert "core" in {path.name for path in PACKAGES}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_is_complete(package: Path) -> None:
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module = package / "src" / project["name"].replace("-", "_")
    assert (module / "__init__.py").is_file()
    assert (module / "py.typed").is_file()
    assert (package / "README.md").read_text(encoding="utf-8").startswith(f"# {project['name']}\n")
    assert project["license"] == "Apache-2.0"
    assert project["requires-python"] == ">=3.11"
    for requirement in project["dependencies"]:
        assert "<" not in requirement.split(";")[0], f"{requirement}: floors only, no upper caps"
        assert ">=" in requirement, f"{requirement}: has no floor"


#: Distributions whose module has another name.
MODULES = {
    "openai-agents": "agents",
    "pydantic-ai-slim": "pydantic_ai",
    "pyyaml": "yaml",
}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_imports_only_what_it_declares(package: Path) -> None:
    """What comes with something else today may be gone with its next release."""
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    declared = {project["name"].replace("-", "_")}
    for requirement in [*project["dependencies"], *(each for extra in extras for each in extra)]:
        distribution = re.split(r"[^\w-]", requirement)[0]
        declared.add(MODULES.get(distribution, distribution.replace("-", "_")))
        if requirement.startswith("psycopg[") and "pool]" in requirement:
            declared.add("psycopg_pool")
    imported = {
        name.split(".")[0]
        for path in (package / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in imported_names(node)
    }
    assert imported - sys.stdlib_module_names - declared == set()


def imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_wheel_holds_every_source_file(package: Path, tmp_path: Path) -> None:
    """What is no Python (SQL, templates, py.typed) is easily left out, and missed only by users."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    done = subprocess.run(
        [*build, "--directory", tmp_path], cwd=package, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    source = package / "src"
    expected = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and not LEFT_BEHIND & set(path.relative_to(source).parts)
    }
    assert packed == expected
    assert any(name.endswith("/py.typed") for name in packed)
