"""What runs and tools return: as it is recorded, as it comes back, as the model is given it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from agents import (
    ApplyPatchResult,
    ShellCallOutcome,
    ShellCommandOutput,
    ShellResult,
    ToolOutputFileContent,
    ToolOutputImage,
    ToolOutputText,
)
from agents.result import RunResultBase
from pydantic import BaseModel

from holdshort.adapters import edit_note, recordable
from holdshort.client.decision import Decision
from holdshort.visible import visible

_STRUCTURED = (ToolOutputText, ToolOutputImage, ToolOutputFileContent)


@dataclass(frozen=True)
class Finished:
    """A run that has come to its end."""

    run_id: str
    output: Any
    """The agent's final output; as JSON where it comes out of the record."""
    result: RunResultBase | None = None
    """The SDK's own result; None where another process, or an earlier one, came to the end."""


def record(result: Any) -> Any:
    """Return what is recorded of a tool's result, or of a run's."""
    if isinstance(result, BaseModel):
        return result.model_dump(mode="json", exclude_none=True)
    if isinstance(result, list) and any(isinstance(one, BaseModel) for one in result):
        return [record(one) for one in result]
    return recordable(result)


def note_on(decision: Decision, before: dict[str, Any]) -> str:
    """Return what the model is told besides the result: what was changed, and what was said."""
    changed = edit_note(decision, before)
    if changed or not decision.comment:
        return changed
    who = (decision.decided_by or "").partition(":")[2] or "The reviewer"
    return f"{who} approved this with a comment: {visible(decision.comment)[:2000]}"


class Form:
    """The results of function tools and custom tools: texts, JSON, the SDK's output types."""

    def record(self, result: Any) -> Any:
        """Return what is recorded of a result."""
        return record(result)

    def restore(self, recorded: Any) -> Any:
        """Return a result from what was recorded of it."""
        return recorded

    def say(self, text: str, *, failed: bool = True) -> Any:
        """Return a result that says something to the model in the place of the tool's own."""
        return text

    def noted(self, note: str, result: Any) -> Any:
        """Return a result with a note to the model before it."""
        parts = result if isinstance(result, list) else [result]
        if any(_is_structured(part) for part in parts):
            return [ToolOutputText(text=note), *parts]
        return f"{note}\n{result}"


class ShellForm(Form):
    """The results of shell executors: a text, or outputs by command."""

    def record(self, result: Any) -> Any:
        return {"shell": asdict(result)} if isinstance(result, ShellResult) else str(result)

    def restore(self, recorded: Any) -> Any:
        if not isinstance(recorded, dict):
            return recorded
        fields = dict(recorded["shell"])
        fields["output"] = [
            ShellCommandOutput(**{**one, "outcome": ShellCallOutcome(**one["outcome"])})
            for one in fields["output"]
        ]
        return ShellResult(**fields)

    def say(self, text: str, *, failed: bool = True) -> Any:
        if not failed:
            return ShellResult([ShellCommandOutput(stdout=text)])
        outcome = ShellCallOutcome(type="exit", exit_code=1)
        return ShellResult([ShellCommandOutput(stderr=text, outcome=outcome)])

    def noted(self, note: str, result: Any) -> Any:
        if isinstance(result, ShellResult):
            return replace(result, output=[ShellCommandOutput(stdout=note), *result.output])
        return f"{note}\n{result}"


class PatchForm(Form):
    """The results of editors: nothing, a text, or a status with a text."""

    def record(self, result: Any) -> Any:
        return {"patch": asdict(result)} if isinstance(result, ApplyPatchResult) else result

    def restore(self, recorded: Any) -> Any:
        return ApplyPatchResult(**recorded["patch"]) if isinstance(recorded, dict) else recorded

    def say(self, text: str, *, failed: bool = True) -> Any:
        return ApplyPatchResult(status="failed" if failed else "completed", output=text)

    def noted(self, note: str, result: Any) -> Any:
        if isinstance(result, ApplyPatchResult):
            return replace(result, output=f"{note}\n{result.output or ''}")
        return f"{note}\n{result or ''}"


def _is_structured(part: Any) -> bool:
    if isinstance(part, dict):
        return part.get("type") in ("text", "image", "file")
    return isinstance(part, _STRUCTURED)
