"""Saves the conversation at each step of a run, so that another process goes on from there."""

from __future__ import annotations

from typing import Any

from pydantic_ai import CallToolsNode, ModelRequestNode, RunContext
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import ModelMessage, ModelResponse

from holdshort.adapters import Run
from holdshort_pydantic_ai.state import State


class Checkpoint(AbstractCapability[Any]):
    """Saves before each request to the model and before each round of its tools.

    Not before the round that a resumed run begins with: the state that holds its decisions stays
    until its tools have run. Saving also finds out where another process has taken the run over:
    LeaseLost ends the agent's run then. Where it is not to save `each` step, it saves the first,
    without which nobody could go on with the run.
    """

    def __init__(self, run: Run, state: State, *, each: bool) -> None:
        super().__init__()
        self._each = each
        self._run = run
        self._state = state
        self._before = _responses(state.messages)

    @classmethod
    def get_serialization_name(cls) -> str | None:
        return None

    async def before_node_run(self, ctx: RunContext[Any], *, node: Any) -> Any:
        """Save what would be gone on from."""
        if not self._each and self._run.state is not None:
            return node
        messages = list(ctx.messages)
        if isinstance(node, ModelRequestNode):
            if not messages or messages[-1] is not node.request:
                messages.append(node.request)
        elif not isinstance(node, CallToolsNode) or _responses(messages) <= self._before:
            return node
        reached = State(
            messages=messages,
            usage=ctx.usage,
            conversation_id=self._state.conversation_id,
            prompt=self._state.prompt,
            failures=self._state.failures,
        )
        await self._run.asave(reached.dump())
        return node


def _responses(messages: list[ModelMessage]) -> int:
    return sum(isinstance(message, ModelResponse) for message in messages)
