"""Forms from JSON Schema, and answers back from what a browser posts: pure.

A field's name is a JSON pointer. What has no control of its own (a list of objects, alternatives)
is a box for JSON, so that every schema can be answered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MISSING = object()
#: How deep objects are laid out as fields; below, they are boxes for JSON.
_DEEPEST = 4


@dataclass(frozen=True)
class Field:
    """One control."""

    name: str
    label: str
    control: str
    """text, area, number, integer, check, select, multiple, lines, json, group, date, datetime,
    email, url"""
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
    whole = _field(schema, schema, prefix, "", True, posted, problems or {}, 0, {})
    return whole.fields if whole.control == "group" else (whole,)


def answer_in(
    schema: Mapping[str, Any], posted: Mapping[str, list[str]], *, prefix: str = "d"
) -> Any:
    """Return what was filled in, as JSON. What was left empty is left out. Raises NotReadable."""
    found = _value(schema, schema, prefix, posted, 0)
    return {} if found is _MISSING else found


def _resolved(schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """Follow local references and `Optional[...]`, as pydantic writes them."""
    for _ in range(10):
        if not isinstance(schema, Mapping):
            return {}
        ref = schema.get("$ref")
        if isinstance(ref, str) and ref.startswith("#/"):
            target: Any = root
            for part in ref[2:].split("/"):
                name = part.replace("~1", "/").replace("~0", "~")
                target = target.get(name, {}) if isinstance(target, Mapping) else {}
            schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}}
            continue
        options = schema.get("anyOf") or schema.get("oneOf")
        if isinstance(options, list):
            real = [one for one in options if one != {"type": "null"}]
            if len(real) == 1:
                rest = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
                schema = {**real[0], **rest} if isinstance(real[0], Mapping) else rest
                continue
        return dict(schema)
    return {}


def _control(schema: dict[str, Any], depth: int) -> str:
    if "enum" in schema:
        return "select"
    kind = schema.get("type")
    if kind == "object" and isinstance(schema.get("properties"), Mapping) and depth < _DEEPEST:
        return "group"
    if kind == "string":
        formats = {"date": "date", "date-time": "datetime", "email": "email", "uri": "url"}
        if schema.get("format") in formats:
            return formats[schema["format"]]
        return "area" if schema.get("maxLength", 0) > 120 else "text"
    if kind in ("number", "integer"):
        return str(kind)
    if kind == "boolean":
        return "check"
    if kind == "array" and isinstance(schema.get("items"), Mapping):
        items = schema["items"]
        if "enum" in items:
            return "multiple"
        if items.get("type") in ("string", "number", "integer"):
            return "lines"
    return "json"


def _field(
    schema: Any,
    root: Mapping[str, Any],
    name: str,
    key: str,
    required: bool,
    posted: Mapping[str, list[str]] | None,
    problems: Mapping[str, str],
    depth: int,
    _: Mapping[str, Any],
) -> Field:
    found = _resolved(schema, root)
    control = _control(found, depth)
    values = None if posted is None else posted.get(name, [])
    default = found.get("default")
    children: tuple[Field, ...] = ()
    if control == "group":
        needed = found.get("required") or []
        children = tuple(
            _field(
                child, root, f"{name}/{_escaped(child_name)}", child_name, child_name in needed,
                posted, problems, depth + 1, {},
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
    schema: Any, root: Mapping[str, Any], name: str, posted: Mapping[str, list[str]], depth: int
) -> Any:
    found = _resolved(schema, root)
    control = _control(found, depth)
    if control == "group":
        needed = found.get("required") or []
        whole = {}
        for child_name, child in found["properties"].items():
            pointer = f"{name}/{_escaped(child_name)}"
            value = _value(child, root, pointer, posted, depth + 1)
            if value == {} and child_name not in needed and depth >= 0:
                continue
            if value is not _MISSING:
                whole[child_name] = value
        return whole
    texts = posted.get(name, [])
    if control == "multiple":
        return [_json(name, text) for text in texts] if texts else _MISSING
    if control == "check":
        return "true" in texts
    text = texts[-1].replace("\r\n", "\n") if texts else ""
    if not text.strip():
        return _MISSING
    if control in ("number", "integer"):
        return _number(name, text, whole=control == "integer")
    if control in ("select", "json"):
        return _json(name, text)
    if control == "lines":
        kind = found["items"]["type"]
        parts = [line.strip() for line in text.split("\n") if line.strip()]
        if kind == "string":
            return parts
        return [_number(name, part, whole=kind == "integer") for part in parts]
    if control == "datetime" and len(text) == 16:
        return f"{text}:00Z"  # what a browser sends has no zone; the page says that it is UTC
    return text if control == "area" else text.strip()


def _number(name: str, text: str, *, whole: bool) -> int | float:
    try:
        return int(text) if whole else float(text) if not text.strip().isdigit() else int(text)
    except ValueError:
        raise NotReadable(name, "is no whole number" if whole else "is no number") from None


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NotReadable(name, "is no JSON") from None


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
