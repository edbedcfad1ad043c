"""Forms from JSON Schema, and answers back from what a browser posts: pure.

A field's name is a JSON pointer. What has no control of its own (a list of objects, alternatives)
is a box for JSON, so that every schema can be answered.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdshort.errors import InvalidRequest
from holdshort.inbox.layout import control_of, deepest_of, resolved
from holdshort.server.body import parse_json

_MISSING = object()
_DEEPEST_JSON = 32


@dataclass(frozen=True)
class Field:
    """One control."""

    name: str
    label: str
    control: str
    """text, area, number, integer, check, select, multiple, lines, json, group, date, datetime,
    email, url, file, files"""
    value: str = ""
    chosen: tuple[str, ...] = ()
    help: str = ""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    """(JSON of the value, what is shown)"""
    fields: tuple[Field, ...] = ()
    minimum: Any = None
    maximum: Any = None
    longest: int | None = None
    pattern: str = ""
    problem: str = ""


class NotReadable(ValueError):
    """What was typed is no such value; says in which field."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(problem)
        self.name = name
        self.problem = problem


def fields_of(
    schema: Mapping[str, Any],
    posted: Mapping[str, list[str]] | None = None,
    problems: Mapping[str, str] | None = None,
    *,
    prefix: str = "d",
) -> tuple[Field, ...]:
    """Return the controls of an object's schema, filled with what was posted before."""
    deepest = deepest_of(schema)
    whole = _field(schema, schema, prefix, "", True, posted, problems or {}, 0, deepest)
    return whole.fields if whole.control == "group" else (whole,)


def answer_in(
    schema: Mapping[str, Any],
    posted: Mapping[str, list[str]],
    *,
    prefix: str = "d",
    files: Mapping[str, Mapping[str, Any]] | None = None,
) -> Any:
    """Return what was filled in, as JSON. What was left empty is left out. Raises NotReadable.

    Args:
        files: by SHA-256, the files that have arrived, as they stand in the answer; the control of
            a file posts its SHA-256.
    """
    found = _value(schema, schema, prefix, posted, 0, deepest_of(schema), files or {})
    return {} if found is _MISSING else found


def file_controls(schema: Mapping[str, Any], *, prefix: str = "d") -> set[str]:
    """Return the names of the controls that take files."""
    return {
        field.name for field in _flat(fields_of(schema, prefix=prefix)) if "file" in field.control
    }


def _flat(fields: tuple[Field, ...]) -> list[Field]:
    return [one for field in fields for one in (field, *_flat(field.fields))]


def _field(
    schema: Any,
    root: Mapping[str, Any],
    name: str,
    key: str,
    required: bool,
    posted: Mapping[str, list[str]] | None,
    problems: Mapping[str, str],
    depth: int,
    deepest: int,
) -> Field:
    found = resolved(schema, root)
    control = control_of(found, depth, deepest)
    values = None if posted is None else posted.get(name, [])
    default = found.get("default")
    children: tuple[Field, ...] = ()
    if control == "group":
        needed = found.get("required") or []
        children = tuple(
            _field(
                child, root, f"{name}/{_escaped(child_name)}", child_name, child_name in needed,
                posted, problems, depth + 1, deepest,
            )
            for child_name, child in found["properties"].items()
        )  # fmt: skip
    choices: tuple[tuple[str, str], ...] = ()
    if control == "select":
        choices = tuple((json.dumps(one), _word(one)) for one in found["enum"])
    elif control == "multiple":
        choices = tuple((json.dumps(one), _word(one)) for one in found["items"]["enum"])
    return Field(
        name=name,
        label=str(found.get("title") or key.replace("_", " ").capitalize()),
        control=control,
        value=_start(control, values, default),
        chosen=_chosen(values, default),
        help=str(found.get("description") or ""),
        required=required,
        choices=choices,
        fields=children,
        minimum=found.get("minimum", found.get("exclusiveMinimum")),
        maximum=found.get("maximum", found.get("exclusiveMaximum")),
        longest=found.get("maxLength"),
        problem=problems.get(name, ""),
    )


def _start(control: str, values: list[str] | None, default: Any) -> str:
    if values is not None:
        return values[-1] if values else ""
    if default is None:
        return ""
    if control == "lines" and isinstance(default, list):
        return "\n".join(map(str, default))
    if control in ("select", "json", "check"):
        return json.dumps(default)
    return str(default)


def _chosen(values: list[str] | None, default: Any) -> tuple[str, ...]:
    if values is not None:
        return tuple(values)
    many = default if isinstance(default, list) else [] if default is None else [default]
    return tuple(json.dumps(one) for one in many)


def _value(
    schema: Any,
    root: Mapping[str, Any],
    name: str,
    posted: Mapping[str, list[str]],
    depth: int,
    deepest: int,
    files: Mapping[str, Mapping[str, Any]],
) -> Any:
    found = resolved(schema, root)
    control = control_of(found, depth, deepest)
    if control == "group":
        needed = found.get("required") or []
        whole = {}
        for child_name, child in found["properties"].items():
            pointer = f"{name}/{_escaped(child_name)}"
            value = _value(child, root, pointer, posted, depth + 1, deepest, files)
            if value == {} and child_name not in needed and depth >= 0:
                continue
            if value is not _MISSING:
                whole[child_name] = value
        return whole
    texts = posted.get(name, [])
    if control == "multiple":
        return [read_json(name, text) for text in texts] if texts else _MISSING
    if control == "check":
        return "true" in texts
    if control in ("file", "files"):
        arrived = [_file(name, text, found, files) for text in texts if text.strip()]
        if control == "files":
            return arrived or _MISSING
        return arrived[-1] if arrived else _MISSING
    text = texts[-1].replace("\r\n", "\n") if texts else ""
    if not text.strip():
        return _MISSING
    if control in ("number", "integer"):
        return _number(name, text, whole=control == "integer")
    if control in ("select", "json"):
        return read_json(name, text)
    if control == "lines":
        kind = found["items"]["type"]
        parts = [line.strip() for line in text.split("\n") if line.strip()]
        if kind == "string":
            return parts
        return [_number(name, part, whole=kind == "integer") for part in parts]
    if control == "datetime" and len(text) == 16:
        return f"{text}:00Z"  # what a browser sends has no zone; the page says that it is UTC
    return text if control == "area" else text.strip()


def _file(
    name: str, sha256: str, schema: dict[str, Any], files: Mapping[str, Mapping[str, Any]]
) -> Any:
    """A file in an answer: {name, sha256, size}, or its SHA-256 alone where a text is wanted."""
    if sha256 not in files:
        raise NotReadable(name, "is no file that has arrived here")
    wanted = schema.get("items", schema) if schema.get("type") == "array" else schema
    return sha256 if wanted.get("type") == "string" else dict(files[sha256])


def _number(name: str, text: str, *, whole: bool) -> int | float:
    plain = text.strip()
    try:
        found = int(plain) if whole or plain.isdigit() else float(plain)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise NotReadable(name, "is no whole number" if whole else "is no number")
    return found


def read_json(name: str, text: str) -> Any:
    """Return the value of a JSON text. Raises NotReadable, naming the field."""
    try:
        return parse_json(text.encode(errors="surrogatepass"), max_depth=_DEEPEST_JSON)
    except (InvalidRequest, ValueError) as error:
        why = getattr(error, "message", "")
        raise NotReadable(name, f"is no JSON{f': {why}' if why else ''}") from None


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
