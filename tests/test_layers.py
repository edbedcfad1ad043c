"""Imports inside `holdshort` point one way: from a part to the floors below it.

`PARTS` is the whole rule. To move a part, or to allow an import, change its line there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "packages" / "core" / "src" / "holdshort"


@dataclass(frozen=True)
class Part:
    """What one module or package directly under `holdshort` may import of the others.

    Everything on a lower floor is allowed, but for `never`. Nothing beside or above it is, but for
    `beside`. `within` is allowed inside a function (or for types) only, so that importing the part
    does not load it. A name may be as narrow as it is true: `store.base`, `lifecycle.Notice`.
    """

    floor: int
    beside: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


#: Parts that decide and touch nothing: no database, and time comes in as an argument.
PURE = ("clock", "store", "notify", "ids.new_id")
#: Parts that a client loads: none of them may bring the server side with it.
LIGHT = ("store", "kinds", "policy", "lifecycle", "notify", "engine", "server", "inbox")

PARTS = {
    # 0: words and small tools
    "errors": Part(0),
    "ids": Part(0),
    "durations": Part(0),
    "clock": Part(0),
    "visible": Part(0),
    "digest": Part(0, beside=("errors",)),
    "record": Part(0),
    "localtime": Part(0),
    # 1: what is said and what is recorded
    "people": Part(1),
    "limits": Part(1),
    "models": Part(1, beside=("limits", "people")),
    "requests": Part(1, beside=("limits", "models")),
    # 2: side by side, each for itself
    "audit": Part(2, never=PURE),
    "kinds": Part(2, never=PURE),
    "policy": Part(2, beside=("kinds",), never=PURE),
    "store": Part(2),
    # 3: decides
    "lifecycle": Part(3, never=PURE),
    # 4: tells people; `routing` reads the notices that lifecycle makes
    "notify": Part(4, never=("audit",)),
    # 5 to 7: acts, serves, shows; the engine is told, it does not read the environment
    "engine": Part(5),
    "settings": Part(5),
    "server": Part(6),
    "inbox": Part(7),
    "agentfield": Part(7),
    "protocol": Part(7),
    # 8: the two ways in; a client loads the whole only when it is asked to embed it
    "app": Part(8),
    "client": Part(8, within=("app",), never=LIGHT),
    # 9: what is built on a client
    "gate": Part(9, never=("app", *LIGHT)),
    "adapters": Part(9, never=("app", *LIGHT)),
    "worker": Part(9, never=("app", *LIGHT)),
    "cli": Part(9, beside=("gate", "worker")),
    # 10: the public face, and what is published for other people's tests
    "__init__": Part(10, never=("app", *LIGHT)),
    "testing": Part(10, beside=("__init__",)),
}


@dataclass(frozen=True)
class Import:
    target: str
    """Dotted, without `holdshort.`; its end may be a name and not a module."""
    line: int
    deferred: bool
    """Inside a function or under `if TYPE_CHECKING`: not done when the module is imported."""


def names(target: str, rule: str) -> bool:
    """Whether a rule speaks of this target: of exactly it, or of something it stands in."""
    return target == rule or target.startswith(f"{rule}.")


def imports(tree: ast.AST, module: str, *, deferred: bool = False) -> Iterator[Import]:
    """Find every import of a part of holdshort, wherever it stands."""
    deferred = deferred or defers(tree)
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Call):
            for name in imported_by(node, module):
                if name == "holdshort" or name.startswith("holdshort."):
                    yield Import(target_of(name), node.lineno, deferred)
        yield from imports(node, module, deferred=deferred)


def defers(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def imported_by(node: ast.Import | ast.ImportFrom | ast.Call, module: str) -> list[str]:
    """The dotted names that a node imports; a call counts when it is `import_module("…")`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        package = module.split(".")[: -node.level] if node.level else []
        base = ".".join([*package, *([node.module] if node.module else [])])
        return [f"{base}.{alias.name}" for alias in node.names]
    if ast.unparse(node.func) in {"import_module", "importlib.import_module", "__import__"}:
        literals = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        return [text for text in literals if isinstance(text, str)]
    return []


def target_of(name: str) -> str:
    """Name a target from its part on: `from holdshort import Client` is of the public face."""
    target = name.partition(".")[2] or "__init__"
    first = target.split(".")[0]
    on_disk = (ROOT / first).is_dir() or (ROOT / f"{first}.py").is_file()
    return target if first in PARTS or on_disk else f"__init__.{target}"


def part_of(target: str) -> str:
    return target.split(".")[0]


def refusal(part: str, found: Import) -> str | None:
    """Say why `part` may not import this, or return None."""
    target = part_of(found.target)
    if target == part:
        return None
    if target not in PARTS:
        return f"{target} has no floor yet: give it a line in PARTS"
    rule = PARTS[part]
    if any(names(found.target, name) for name in rule.beside):
        return None
    if any(names(found.target, name) for name in rule.within):
        return None if found.deferred else f"{target} may be imported inside a function only"
    if any(names(found.target, name) for name in rule.never):
        return f"{part} must do without {found.target}"
    if PARTS[target].floor >= rule.floor:
        return f"{target} is not below {part}"
    return None


def problems_in(module: str, source: str) -> list[str]:
    """List what is wrong with the imports of one module, `holdshort.part.name`."""
    part = module.split(".")[1]
    if part not in PARTS:
        return [f"{module}: has no floor yet: give {part} a line in PARTS"]
    return [
        f"{module}:{found.line}: imports {found.target}: {why}"
        for found in imports(ast.parse(source), module)
        if (why := refusal(part, found))
    ]


def modules() -> Iterator[tuple[str, str]]:
    """Every module and its source; a package's `__init__` keeps that name, for relative imports."""
    for path in sorted(ROOT.rglob("*.py")):
        dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield f"holdshort.{dotted}", path.read_text(encoding="utf-8")


def test_every_import_points_down() -> None:
    looked_at = list(modules())
    assert len(looked_at) > 20, f"the source was not found below {ROOT.name}"
    problems = [problem for module, source in looked_at for problem in problems_in(module, source)]
    assert not problems, "\n".join(problems)


def test_parts_load_each_other_in_no_circle() -> None:
    needs: dict[str, set[str]] = {}
    for module, source in modules():
        part = module.split(".")[1]
        for found in imports(ast.parse(source), module):
            if not found.deferred and part_of(found.target) != part:
                needs.setdefault(part, set()).add(part_of(found.target))
    assert len(needs) > 5
    assert list(TopologicalSorter(needs).static_order())


def test_the_rule_is_sound() -> None:
    """An exception that names nothing, or that is allowed anyway, is a mistake in the table."""
    for part, rule in PARTS.items():
        for name in (*rule.beside, *rule.within):
            assert PARTS[name.split(".")[0]].floor >= rule.floor, f"{part}: {name} is below anyway"
        for name in rule.never:
            assert name.split(".")[0] in PARTS, f"{part}: there is no {name}"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("holdshort.models", "from holdshort.store.base import Store"),
        ("holdshort.models", "import holdshort.engine"),
        ("holdshort.errors", "from holdshort import digest"),
        ("holdshort.kinds.form", "from holdshort.store.base import Store"),
        ("holdshort.kinds.form", "from ..store import base"),
        ("holdshort.kinds.__init__", "from ..policy import plan"),
        ("holdshort.policy.plan", "import importlib\nimportlib.import_module('holdshort.server')"),
        ("holdshort.lifecycle.human", "def f():\n    from holdshort.store import sqlite"),
        ("holdshort.lifecycle.human", "from holdshort.clock import Clock"),
        ("holdshort.lifecycle.create", "from holdshort.notify.routing import deliveries"),
        ("holdshort.store.sqlite", "from holdshort.audit import verify"),
        ("holdshort.engine.engine", "from holdshort import Client"),
        (
            "holdshort.engine.engine",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import holdshort.server.app",
        ),
        ("holdshort.client.flows", "from holdshort.app import build"),
        ("holdshort.client.flows", "from holdshort.server.app import create"),
        ("holdshort.gate", "class Gate:\n    from holdshort.worker import Worker"),
        ("holdshort.novelty", "import json"),
        ("holdshort.novelty.deep", ""),
    ],
)
def test_a_forbidden_import_is_caught(module: str, source: str) -> None:
    assert problems_in(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("holdshort.policy.plan", "from holdshort.kinds import kind_named"),
        ("holdshort.policy.plan", "from . import resolve\nfrom .ladder import open_step"),
        ("holdshort.lifecycle.draft", "from holdshort import audit, ids"),
        ("holdshort.notify.routing", "from holdshort.lifecycle import Notice"),
        ("holdshort.client.embedded", "def start():\n    from holdshort.app import build"),
        ("holdshort.client.embedded", "async def start():\n    import holdshort.app"),
        ("holdshort.client.embedded", "if TYPE_CHECKING:\n    from holdshort.app import Holdshort"),
        ("holdshort.testing.stores", "from holdshort import Client"),
        ("holdshort.clock", "import time\nfrom holdshortage import other"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    assert not problems_in(module, source)
