"""The kinds of human task, one file each; a new kind is found by being here."""

from __future__ import annotations

import importlib
import pkgutil

from holdshort.errors import UnknownKind
from holdshort.kinds.base import Kind

__all__ = ["KINDS", "Kind", "kind_named"]

_NOT_KINDS = {"base", "schema"}


def _find() -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name not in _NOT_KINDS:
            kind: Kind = importlib.import_module(f"{__name__}.{module.name}").KIND
            found[kind.name] = kind
    return found


#: Every kind by its name.
KINDS: dict[str, Kind] = _find()


def kind_named(name: str) -> Kind:
    """Return the kind. Raises UnknownKind, naming those that exist."""
    try:
        return KINDS[name]
    except KeyError:
        raise UnknownKind(
            f"there is no kind of task named {name!r}; there are: {', '.join(sorted(KINDS))}",
            problems=[{"field": "task", "problem": "unknown kind"}],
        ) from None
