"""JSON Schema (draft 2020-12) without its two dangers: fetched references and runaway patterns.

jsonschema-rs is used because its pattern engine can be held to linear time; a schema comes from an
agent and is run on a reviewer's answer, so neither side may be able to stall the server.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import jsonschema_rs


def _never_fetch(uri: str) -> Any:
    raise ValueError(f"references are not fetched: {uri}")


@lru_cache(maxsize=256)
def _validator(text: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        json.loads(text),
        retriever=_never_fetch,
        pattern_options=jsonschema_rs.RegexOptions(),
        validate_formats=True,
    )


def problem_with_schema(schema: dict[str, Any]) -> str | None:
    """Say why this is no usable JSON Schema, or return None."""
    try:
        _validator(json.dumps(schema, sort_keys=True))
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return f"not a usable JSON Schema: {str(error).splitlines()[0]}"
    return None


def problems_in(schema: dict[str, Any], value: Any) -> list[tuple[str, str]]:
    """Return (path, problem) for each place where the value breaks the schema, for example
    `(".amount", "'x' is not of type 'integer'")`."""
    validator = _validator(json.dumps(schema, sort_keys=True))
    return [
        (
            "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.instance_path),
            error.message,
        )
        for error in validator.iter_errors(value)
    ]
