"""Tools that are no longer what a person was asked about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from holdshort.errors import Conflict


class ToolChanged(Conflict):
    """A tool whose call waits for a person is gone, or takes other arguments by now."""


Schemas = Mapping[str, dict[str, Any]]
"""What tools take, by their names."""


def check(expected: Schemas, found: Schemas) -> None:
    """Raise ToolChanged where a tool is not as it was asked about; what its parameters are called
    in words does not count.

    The framework would tell the model to try again, and an approval would have come to nothing
    without anybody hearing of it.
    """
    for name, schema in expected.items():
        if name not in found:
            raise ToolChanged(
                f"the tool {name} is gone since its call was asked about: nothing was executed. "
                "Bring it back, or start the run anew."
            )
        if _bare(found[name]) != _bare(schema):
            raise ToolChanged(
                f"the tool {name} takes other arguments than when its call was asked about: "
                "nothing was executed. Bring the old one back, or start the run anew."
            )


def misfit(arguments: dict[str, Any], schema: dict[str, Any] | None) -> str:
    """Return why these arguments do not fit a tool; empty where they do."""
    if schema is None:
        return ""
    errors = jsonschema_rs.validator_for(schema).iter_errors(arguments)
    return "; ".join(error.message for error in errors)


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _bare(child)
            for name, child in value.items()
            if not (name in ("title", "description") and isinstance(child, str))
        }
    if isinstance(value, list):
        return [_bare(child) for child in value]
    return value
