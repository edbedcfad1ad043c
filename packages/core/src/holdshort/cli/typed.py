"""`key=value` from the command line, typed by a JSON Schema.

A value becomes what its schema says: a number where a number is wanted, and a text stays a text
even where it looks like a number.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import typer

Schema = dict[str, Any]
_INTEGER = re.compile(r"-?\d+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_MISSING: Any = object()
_WANTS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a JSON list, or values with commas between",
    "object": "a JSON object",
    "null": "null",
}


def fill(into: dict[str, Any], pairs: list[str], schema: Schema | None, option: str) -> None:
    """Put `key=value` pairs into a document; `a.b=1` goes into the object `a`.

    A list may be given as `key=a,b`, as JSON, or by naming its key again. Without a schema, values
    are texts. Raises BadParameter naming what is wrong and which fields there are.
    """
    root = schema or {}
    seen: set[tuple[str, ...]] = set()
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"{option} takes key=value, not {pair!r}")
        path, field = _descend(key, root, option)
        value = _value(text, field, root, f"{option} {key}")
        holder = into
        for part in path[:-1]:
            holder = holder.setdefault(part, {})
            if not isinstance(holder, dict):
                raise typer.BadParameter(f"{option} {key}: {part} is not an object here")
        if tuple(path) in seen:
            if not isinstance(value, list):
                raise typer.BadParameter(f"{option} {key} is given twice")
            value = [*holder[path[-1]], *value]
        seen.add(tuple(path))
        holder[path[-1]] = value


def schema_of(value: Any) -> Schema:
    """Return the schema that a changed value has to keep to: the shape of the one before."""
    if isinstance(value, dict):
        return {"type": "object", "properties": {k: schema_of(v) for k, v in value.items()}}
    if isinstance(value, list):
        shapes = [schema_of(one) for one in value]
        alike = bool(shapes) and all(shape == shapes[0] for shape in shapes)
        return {"type": "array", "items": shapes[0] if alike else {}}
    if isinstance(value, bool):
        return {"type": "boolean"}
    return {"type": "number"} if isinstance(value, int | float) else {}


def json_object(text: str, option: str) -> dict[str, Any]:
    """Return the object in `{…}`, in `@file`, or in `@-` (standard input)."""
    if text.startswith("@"):
        name = text[1:]
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    value = json_value(text, option)
    if not isinstance(value, dict):
        raise typer.BadParameter(f"{option} wants a JSON object, {{…}}")
    return value


def json_value(text: str, option: str) -> Any:
    """Return a JSON value that everybody reads in the same way: no NaN, no key twice."""
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{option} is no usable JSON: {error}") from None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return found


def _descend(key: str, root: Schema, option: str) -> tuple[list[str], Schema]:
    """Return the path that a key stands for, and the schema at its end."""
    path: list[str] = []
    schema, rest = root, key
    while True:
        schema = _object_in(schema, root)
        properties = schema.get("properties", {})
        # A name with a dot in it comes before the path that it could be read as.
        name = rest if rest in properties else rest.partition(".")[0]
        if name in properties:
            following = properties[name]
        elif _open(schema):
            extra = schema.get("additionalProperties")
            following = extra if isinstance(extra, dict) else {}
        else:
            fields = ", ".join(".".join([*path, one]) for one in properties) or "none"
            raise typer.BadParameter(
                f"{option}: there is no field {'.'.join([*path, name])!r} here; the fields are: "
                f"{fields}"
            )
        path.append(name)
        rest = rest[len(name) + 1 :]
        if not rest:
            return path, following if isinstance(following, dict) else {}
        schema = following if isinstance(following, dict) else {}


def _open(schema: Schema) -> bool:
    """Whether any field may be added: none is declared, or more are allowed in so many words."""
    declared = "properties" in schema
    extra = schema.get("additionalProperties", not declared)
    return extra is not False or "patternProperties" in schema


def _object_in(schema: Schema, root: Schema) -> Schema:
    """Return the object among a schema's alternatives; of several, all their fields."""
    merged: Schema = {}
    alternatives = _alternatives(schema, root)
    if not any(one.get("type", "object") == "object" for one in alternatives):
        return {"properties": {}}
    for one in alternatives:
        for part in (one, *(p for a in one.get("allOf", ()) for p in _alternatives(a, root))):
            for name in ("additionalProperties", "patternProperties"):
                if name in part:
                    merged[name] = part[name]
            if "properties" in part:
                merged["properties"] = merged.get("properties", {}) | part["properties"]
    return merged


def _alternatives(schema: Any, root: Schema, depth: int = 0) -> list[Schema]:
    """Return the plain schemas that a value may fit, references followed."""
    if not isinstance(schema, dict) or depth > 16:
        return [{}]
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _alternatives(_follow(reference, root), root, depth + 1)
    several = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(several, list):
        return [found for one in several for found in _alternatives(one, root, depth + 1)]
    only = schema.get("allOf")
    if isinstance(only, list) and len(only) == 1 and "properties" not in schema:
        return _alternatives(only[0], root, depth + 1)
    kinds = schema.get("type")
    return [{**schema, "type": kind} for kind in kinds] if isinstance(kinds, list) else [schema]


def _follow(reference: str, root: Schema) -> Any:
    if not reference.startswith("#"):
        return {}
    found: Any = root
    for part in reference[1:].strip("/").split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        if part:
            found = found.get(part, {}) if isinstance(found, dict) else {}
    return found


def _value(text: str, schema: Schema, root: Schema, name: str) -> Any:
    alternatives = _alternatives(schema, root)
    for one in alternatives:
        value = _as(text, one, root, name)
        if value is not _MISSING:
            return value
    allowed = [w for one in alternatives for w in one.get("enum", [])]
    if allowed:
        wants = "one of " + ", ".join(json.dumps(one, ensure_ascii=False) for one in allowed)
    else:
        wants = " or ".join(dict.fromkeys(_WANTS.get(_kind(one), "a text") for one in alternatives))
    raise typer.BadParameter(f"{name} wants {wants}, not {text!r}")


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _as(text: str, schema: Schema, root: Schema, name: str) -> Any:
    """Return the text as this one schema wants it, or _MISSING where it cannot be that."""
    fixed = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if fixed is not None:
        return next((one for one in fixed if text in (one, json.dumps(one))), _MISSING)
    match _kind(schema):
        case "integer":
            return int(text) if _INTEGER.fullmatch(text) else _MISSING
        case "number":
            if _INTEGER.fullmatch(text):
                return int(text)
            return float(text) if _NUMBER.fullmatch(text) else _MISSING
        case "boolean":
            return {"true": True, "false": False}.get(text.lower(), _MISSING)
        case "null":
            return None if text == "null" else _MISSING
        case "array":
            return _as_list(text, schema, root, name)
        case "object":
            return json_object(text, name) if text.startswith("{") else _MISSING
        case _:
            return text


def _as_list(text: str, schema: Schema, root: Schema, name: str) -> Any:
    if text.lstrip().startswith("["):
        return json_value(text, name)
    items = schema.get("items", {})
    return [_value(part.strip(), items, root, name) for part in text.split(",")] if text else []
