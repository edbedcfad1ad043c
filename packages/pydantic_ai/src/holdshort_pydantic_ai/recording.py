"""One execution of an approved call, and what the record of it says, so that it is not repeated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic_ai import ToolReturn
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred

from holdshort_pydantic_ai.arguments import jsonable
from holdshort_pydantic_ai.calls import META, ours
from holdshort_pydantic_ai.releases import FAILURES, raised_again
from holdshort_pydantic_ai.words import CONFIRMED

_STOPS = (ApprovalRequired, CallDeferred)
_SAID: tuple[type[Exception], ...] = (*_STOPS, *FAILURES)


class Execution:
    """Runs the action. What it returns is recorded, and so is what it raises to tell the model
    something or to ask again: a second execution says the same, without acting.

    What else it raises is its failure, and passes through.
    """

    def __init__(
        self, act: Callable[[dict[str, Any]], Awaitable[Any]], again: dict[str, Any]
    ) -> None:
        """`again` is what a second question about this call carries along."""
        self._act = act
        self._again = again
        self.begun = False
        self._raised: Exception | None = None

    async def run(self, arguments: dict[str, Any]) -> Any:
        self.begun = True
        try:
            return await self._act(arguments)
        except _SAID as raised:
            self._raised = raised
            return None

    def encode(self, result: Any) -> dict[str, Any]:
        """Return what is recorded."""
        raised = self._raised
        if isinstance(raised, _STOPS):
            kind = "approval" if isinstance(raised, ApprovalRequired) else "call"
            return {"stopped": kind, "metadata": jsonable(raised.metadata)}
        if raised is not None:
            return {
                "raised": type(raised).__name__,
                "message": str(getattr(raised, "message", raised)),
            }
        if isinstance(result, ToolReturn):
            content = result.content if isinstance(result.content, str) else None
            return {"returned": jsonable(result.return_value), "content": content}
        return {"returned": jsonable(result)}

    def said(self, result: Any) -> Any:
        """Return what the action returned, or raise what it raised; now, or when it ran."""
        if not self.begun:
            return self._recorded(result)
        if self._raised is None:
            return result
        raise self._once_more(self._raised)

    def _recorded(self, record: Any) -> Any:
        if not isinstance(record, dict):
            return CONFIRMED  # a person said that it ran, or what it returned was too large
        if "stopped" in record:
            stop = ApprovalRequired if record["stopped"] == "approval" else CallDeferred
            raise self._once_more(stop(record["metadata"]))
        if "raised" in record:
            raise raised_again(record["raised"], record["message"])
        if record.get("content"):
            return ToolReturn(record["returned"], content=record["content"])
        return record["returned"]

    def _once_more(self, raised: Exception) -> Exception:
        """Return what is raised, so that what asks again asks another question, with another key,
        although it is the same call."""
        if isinstance(raised, ApprovalRequired | CallDeferred):
            raised.metadata = {
                **(raised.metadata or {}),
                META: {**ours(raised.metadata), **self._again},
            }
        return raised
