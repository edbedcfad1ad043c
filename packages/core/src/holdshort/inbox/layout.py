"""How a JSON Schema is laid out as a form: which control each part of it gets. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: How deep objects are laid out as fields; below, they are boxes for JSON.
_DEEPEST = 4
#: The most controls of one form; a schema of more is laid out less deep (attack 67).
_MOST_CONTROLS = 300


def is_file(schema: Any) -> bool:
    """Whether a schema means a file: `format: file` (or `binary`), or a content media type."""
    if not isinstance(schema, Mapping) or schema.get("type") not in (None, "string", "object"):
        return False
    return schema.get("format") in ("file", "binary") or "contentMediaType" in schema


def resolved(schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
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


def deepest_of(schema: Mapping[str, Any]) -> int:
    """Return how deep a form can be laid out without becoming endless."""
    for depth in range(_DEEPEST, 0, -1):
        if _controls(schema, schema, 0, depth, _MOST_CONTROLS) <= _MOST_CONTROLS:
            return depth
    return 0


def _controls(schema: Any, root: Mapping[str, Any], depth: int, deepest: int, most: int) -> int:
    """Count the controls, and stop where there are too many."""
    found = resolved(schema, root)
    if control_of(found, depth, deepest) != "group":
        return 1
    count = 1
    for child in found["properties"].values():
        if count > most:
            break
        count += _controls(child, root, depth + 1, deepest, most - count)
    return count


def control_of(schema: dict[str, Any], depth: int, deepest: int) -> str:
    """Return the control of a resolved schema at this depth, as `Field.control` names it."""
    if "enum" in schema:
        return "select"
    if is_file(schema):
        return "file"
    kind = schema.get("type")
    if kind == "object" and isinstance(schema.get("properties"), Mapping) and depth < deepest:
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
        if is_file(items):
            return "files"
        if "enum" in items:
            return "multiple"
        if items.get("type") in ("string", "number", "integer"):
            return "lines"
    return "json"
