"""What differs between releases of Pydantic AI. Features are looked for; versions are not read."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from pydantic_ai import DeferredToolRequests, DeferredToolResults, ModelRetry
from pydantic_ai.exceptions import CallDeferred

try:
    from pydantic_ai import ToolFailed as _ToolFailed
except ImportError:  # before it, what a tool returns is all that a model can be told
    _ToolFailed = None  # type: ignore[assignment,misc]

_HAS_QUESTIONS = "kind" in inspect.signature(CallDeferred.__init__).parameters
_SAYS_WHO = "answered_by" in {field.name for field in dataclasses.fields(DeferredToolResults)}

FAILURES: tuple[type[Exception], ...] = (
    (ModelRetry,) if _ToolFailed is None else (ModelRetry, _ToolFailed)
)
"""What a tool raises to tell the model something, not to say that it broke."""


def failed(message: str) -> Any:
    """Return the answer to a call that is not an approval: it failed, and this is why."""
    return message if _ToolFailed is None else _ToolFailed(message)


def told(message: str) -> Any:
    """Give the model this message in the place of a result: as a failure, where there are such.

    Not by ModelRetry: it asks to try again, and uses up the tool's retries.
    """
    if _ToolFailed is None:
        return message
    raise _ToolFailed(message)


def failure(message: str) -> Exception:
    """Return what a tool itself raises so that the model reads this message and nothing runs."""
    return ModelRetry(message) if _ToolFailed is None else _ToolFailed(message)


def raised_again(name: str, message: str) -> Exception:
    """Return what a tool raised when it ran, from what was recorded of it."""
    return ModelRetry(message) if name == ModelRetry.__name__ else failure(message)


def question(metadata: dict[str, Any]) -> CallDeferred:
    """Return what a tool raises whose answer is a person's words."""
    if _HAS_QUESTIONS:
        return CallDeferred(metadata, kind="question")
    return CallDeferred(metadata)


def is_question(requests: DeferredToolRequests, call_id: str) -> bool:
    """Whether the release itself knows this call for a question."""
    kind = getattr(requests, "kind", None)
    return kind is not None and kind(call_id) == "question"


def results(
    requests: DeferredToolRequests,
    *,
    approvals: dict[str, Any],
    calls: dict[str, Any],
    metadata: dict[str, dict[str, Any]],
    answered_by: dict[str, str],
) -> DeferredToolResults:
    """Return the answers to these requests; ValueError for one that answers another kind."""
    who: dict[str, Any] = {"answered_by": answered_by} if _SAYS_WHO else {}
    return requests.build_results(approvals=approvals, calls=calls, metadata=metadata, **who)
