"""Models that say what a test wants, and what they were told."""

from __future__ import annotations

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel


def scripted(*turns: list[ToolCallPart] | str | Exception) -> FunctionModel:
    """A model that says this, and then "finished"; an error is raised the first time."""
    raised: list[Exception] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        spoken = sum(isinstance(message, ModelResponse) for message in messages) + len(raised)
        said = turns[spoken] if spoken < len(turns) else "finished"
        if isinstance(said, Exception):
            raised.append(said)
            raise said
        return ModelResponse([TextPart(said)] if isinstance(said, str) else list(said))

    return FunctionModel(answer)


def returned(messages: list[ModelMessage], call_id: str = "c1") -> str:
    """What the model was told about a call."""
    [text] = [
        part.model_response_str()
        for message in messages
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, ToolReturnPart) and part.tool_call_id == call_id
    ]
    return text


def notes(messages: list[ModelMessage]) -> list[str]:
    """What the model was told beside results."""
    return [
        part.content
        for message in messages
        for part in message.parts
        if isinstance(part, UserPromptPart) and isinstance(part.content, str)
    ]
