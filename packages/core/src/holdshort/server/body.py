"""Reading JSON bodies: exact, bounded, and with errors that name the field."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from holdshort.errors import InvalidRequest, PayloadTooLarge

M = TypeVar("M", bound=BaseModel)


def parse_json(raw: bytes, *, max_depth: int) -> Any:
    """Return the value of a JSON text.

    Raises InvalidRequest for what is not JSON, and for JSON that two readers could understand in
    two ways: duplicate keys, NaN and infinities, unpaired surrogates; and for nesting beyond the
    limit.
    """
    try:
        text = raw.decode("utf-8")
        # A text without enough brackets cannot be too deep, which is nearly every text.
        shallow = text.count("[") + text.count("{") <= max_depth
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise InvalidRequest("the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise InvalidRequest(
            f"the body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise _too_deep(max_depth) from error
    except ValueError as error:  # an integer of thousands of digits
        raise InvalidRequest(f"the body is not usable JSON: {error}") from error
    if not shallow and _deeper(value, max_depth):
        raise _too_deep(max_depth)
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise InvalidRequest(
                "the body holds an unpaired surrogate (\\ud800-\\udfff)"
            ) from error
    return value


def _too_deep(limit: int) -> InvalidRequest:
    return InvalidRequest(f"the body is nested deeper than {limit} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InvalidRequest(
                    f"the key {key!r} appears twice in one object",
                    problems=[{"field": key, "problem": "appears twice"}],
                )
            seen.add(key)
    return found


def _no_constant(name: str) -> NoReturn:
    raise InvalidRequest(f"{name} is not JSON; leave the value out or send null")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise InvalidRequest(f"{text[:40]} is larger than any number that JSON readers agree on")
    return number


def _deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for one in level for child in _children(one)]
        if not level:
            return False
    return any(isinstance(one, dict | list) for one in level)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def validated(model: type[M], value: Any) -> M:
    """Return the value as this model. Raises InvalidRequest that names each field at fault."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(error) from None


def invalid(error: ValidationError) -> InvalidRequest:
    """Turn pydantic's findings into ours."""
    problems = [
        {"field": _path(found["loc"]), "problem": found["msg"].removeprefix("Value error, ")}
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    text = "; ".join(
        f"{p['field']}: {p['problem']}" if p["field"] else p["problem"] for p in problems
    )
    return InvalidRequest(text, problems=problems)


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def check_size(length: int, limit: int) -> None:
    """Raise PayloadTooLarge beyond the limit (bytes)."""
    if length > limit:
        raise PayloadTooLarge(
            f"the body has more than {limit} bytes; send a reference to the data instead",
            limit=limit,
        )
