"""What the model and the tools are told about decisions, beside the words that adapters share."""

from __future__ import annotations

from typing import Any

from pydantic_ai import RunContext, ToolReturn

from holdshort.adapters import edit_note, refusal
from holdshort.client.decision import Decision
from holdshort_pydantic_ai.calls import META, ours
from holdshort_pydantic_ai.releases import failed

CONFIRMED = "This action was executed. What it returned was not recorded."


def broken(why: str, error: Any = None) -> str:
    """Say that an approved call was not run, or not to its end."""
    said = f" It failed with: {error}" if error else ""
    return (
        f"This action was approved, but it did not run to its end: {why}.{said} Do not repeat it."
    )


def unfit(decision: Decision, why: object) -> str:
    """Say that what was approved is nothing that the tool takes."""
    how = "The reviewer's changes are" if decision.edited else "What was approved is"
    return f"{how} nothing that this tool takes, so it was not executed: {why}"


def unanswered(decision: Decision) -> Any:
    """Return the answer to a call that nobody has answered."""
    return failed(refusal(decision))


def approvers(ctx: RunContext[Any], decision: Decision) -> dict[str, Any]:
    """Return what a tool finds in `ctx.tool_call_metadata`: who has approved this call so far."""
    before = ours(ctx.tool_call_metadata).get("approved_by", [])
    who = [*before, decision.decided_by]
    return {
        "approved_by": who,
        "intent_id": decision.intent_id,
        META: {**ours(ctx.tool_call_metadata), "approved_by": who},
    }


def with_note(result: Any, decision: Decision, before: dict[str, Any]) -> Any:
    """Return a tool's result with a word to the model where a reviewer changed its arguments: the
    conversation still holds those that the model chose."""
    note = edit_note(decision, before)
    if not note:
        return result
    if not isinstance(result, ToolReturn):
        return ToolReturn(result, content=note)
    content = result.content
    if content is None:
        parts: Any = note
    elif isinstance(content, str):
        parts = [note, content]
    else:
        parts = [note, *content]
    return ToolReturn(result.return_value, content=parts, metadata=result.metadata)
