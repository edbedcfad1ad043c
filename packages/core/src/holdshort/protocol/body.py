"""Bodies of the protocol: objects whose fields are free, and whose empty texts mean nothing."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from starlette.requests import Request

from holdshort.server.context import Context


class Free(BaseModel):
    """Any JSON object. Its fields are in `model_extra`."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Lenient(BaseModel):
    """A body whose clients send empty texts for what they leave out, and more than is asked for."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        return said(value) if isinstance(value, dict) else value


async def free_body(ctx: Context, request: Request) -> dict[str, Any]:
    """Return the request's body, any JSON object. Raises InvalidRequest for anything else."""
    found = await ctx.body(request, Free)
    return dict(found.model_extra or {})


def said(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that say something: not null, and not an empty text."""
    return {name: value for name, value in fields.items() if value not in (None, "")}
