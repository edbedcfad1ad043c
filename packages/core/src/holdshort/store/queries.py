"""SQL from files: one statement a file, named for what it does."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAMED = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


@cache
def sql(dialect: str, name: str) -> str:
    """Return a statement: the dialect's own, else the common one.

    Parameters are written `:name`; for PostgreSQL they become `%(name)s`, casts (`::text`) stay.
    """
    root = files("holdshort.store") / "sql"
    for folder in (dialect, "common"):
        path = root / folder / f"{name}.sql"
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            if dialect == "postgres":
                return _NAMED.sub(r"%(\1)s", text.replace("%", "%%"))
            return text
    raise LookupError(f"there is no statement {name!r} for {dialect}")


@cache
def migrations(dialect: str) -> tuple[tuple[str, str], ...]:
    """Return (name, SQL) of every migration, in order."""
    folder = files("holdshort.store") / "sql" / dialect / "migrations"
    found = [(p.name.removesuffix(".sql"), p.read_text(encoding="utf-8")) for p in folder.iterdir()]
    return tuple(sorted(found))
