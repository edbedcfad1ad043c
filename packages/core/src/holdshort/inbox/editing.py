"""Changing the arguments before saying yes: a field for each, typed as the value is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from holdshort.inbox.fields import Field, NotReadable, read_json
from holdshort.notify.masking import is_mark


def edit_form(arguments: dict[str, Any], problems: Mapping[str, str] | None = None) -> list[Field]:
    """Return a control for each argument, filled with its value."""
    return [
        _field(name, value, (problems or {}).get(name, "")) for name, value in arguments.items()
    ]


def edited(before: dict[str, Any], posted: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the arguments as they were filled in. A field that was not sent stays as it was, so
    what a page does not show cannot be lost. Raises NotReadable."""
    return {
        name: _value(name, value, posted[f"a:{name}"][-1]) if f"a:{name}" in posted else value
        for name, value in before.items()
    }


def _field(name: str, value: Any, problem: str) -> Field:
    control, text = _control(value)
    choices = (("true", "true"), ("false", "false")) if control == "select" else ()
    return Field(
        name=f"a:{name}",
        label=name,
        control=control,
        value=text,
        chosen=(text,),
        choices=choices,
        required=control == "select",
        problem=problem,
    )


def _control(value: Any) -> tuple[str, str]:
    if is_mark(value):
        return "masked", value
    if isinstance(value, bool):
        return "select", json.dumps(value)
    if isinstance(value, int | float):
        return "number", json.dumps(value)
    if isinstance(value, str):
        return ("area" if len(value) > 80 or "\n" in value else "text"), value
    return "json", json.dumps(value, indent=2, ensure_ascii=False)


def _value(name: str, before: Any, text: str) -> Any:
    text = text.replace("\r\n", "\n")
    if isinstance(before, str):
        # Browsers send line ends of their own: what was not touched stays as it was, to the byte.
        return before if text == before.replace("\r\n", "\n") else text
    try:
        value = read_json(name, text)
    except NotReadable:
        if isinstance(before, int | float):
            raise NotReadable(name, "is no number") from None
        raise
    if isinstance(before, int | float) and not isinstance(before, bool):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NotReadable(name, "is no number")
        return before if value == before else value
    return value
