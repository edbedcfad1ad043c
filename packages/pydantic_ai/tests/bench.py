"""The scenes of the contract, played with Pydantic AI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pydantic_ai import Agent, RunContext
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    RetryPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel

from holdshort.adapters import Suspended, open_run
from holdshort.testing.adapter import Bench, Report, Scene, main
from holdshort.testing.adapter.script import Turn
from holdshort.worker import Worker
from holdshort_pydantic_ai import DurableAgent, ask_human, delegate

APP = "bench"


def seen(messages: list[ModelMessage]) -> list[str]:
    """What the model is given to read, in order."""
    texts = []
    for message in messages:
        if not isinstance(message, ModelRequest):
            continue
        for part in message.parts:
            if isinstance(part, ToolReturnPart):
                texts.append(part.model_response_str())
            elif isinstance(part, RetryPromptPart):
                texts.append(part.model_response())
            elif isinstance(part, UserPromptPart):
                said = [part.content] if isinstance(part.content, str) else part.content
                texts += [text for text in said if isinstance(text, str)]
    return texts


def model(scene: Scene) -> FunctionModel:
    """The scene's model, as the framework wants one."""

    def turn(messages: list[ModelMessage]) -> Turn:
        turns = sum(isinstance(message, ModelResponse) for message in messages)
        return scene.model.turn(turns, seen(messages))

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        said = turn(messages)
        calls = [ToolCallPart(one.tool, one.arguments, one.id) for one in said.calls]
        return ModelResponse([*([TextPart(said.say)] if said.say else []), *calls])

    async def stream(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Any]:
        said = turn(messages)
        if said.say:
            yield said.say
        for index, one in enumerate(said.calls):
            call = ToolCallPart(one.tool, one.arguments, one.id)
            arguments = call.args_as_json_str()
            yield {index: DeltaToolCall(one.tool, arguments, tool_call_id=one.id)}

    return FunctionModel(answer, stream_function=stream)


def agent(scene: Scene) -> Agent[None, str]:
    """The scene's agent, built as another process would build it."""
    toolsets = [ask_human()] if scene.ask_human else []
    if scene.variant != "nested":
        return Agent(model(scene), name="clerk", tools=scene.tools, toolsets=toolsets)
    inner = Agent(model(scene), name="inner", tools=scene.tools, toolsets=toolsets)
    outer = Agent(model(scene), name="clerk")

    @outer.tool(name="delegate")
    async def hand_over(ctx: RunContext[None], task: str) -> str:
        said = await delegate(ctx, inner, task)
        return f"the other agent says: {said}"

    return outer


def durable(scene: Scene, client: Any) -> DurableAgent:
    return DurableAgent(
        agent(scene), client, name=APP, gates=scene.gates, lease_seconds=scene.lease_seconds
    )


class PydanticAIBench(Bench):
    framework = "pydantic_ai"

    def start(self, scene: Scene, run_id: str, prompt: str) -> Report:
        events = 0
        if scene.mode == "async":
            outcome = asyncio.run(self._async(scene, run_id, prompt))
        elif scene.mode == "stream":
            *streamed, outcome = asyncio.run(self._stream(scene, run_id, prompt))
            events = len(streamed)
        else:
            how: dict[str, Any] = {}
            if scene.mode == "wait":
                how = {"mode": "wait", "timeout": scene.wait_seconds}
            app = durable(scene, scene.client())
            outcome = app.run_sync(prompt, run_id=run_id, **how)
        if isinstance(outcome, Suspended):
            return Report("suspended", intents=outcome.intent_ids, events=events)
        return Report("done", output=outcome.output, events=events)

    async def _async(self, scene: Scene, run_id: str, prompt: str) -> Any:
        async with scene.async_client() as client:
            return await durable(scene, client).run(prompt, run_id=run_id)

    async def _stream(self, scene: Scene, run_id: str, prompt: str) -> list[Any]:
        app = durable(scene, scene.client())
        return [thing async for thing in app.stream(prompt, run_id=run_id)]

    def worker(self, scene: Scene) -> Worker:
        client = scene.client()
        return scene.worker(durable(scene, client), client=client)

    def forge(self, scene: Scene, run_id: str) -> None:
        """Let the stored state say in every way it knows that the calls may go on."""
        held = open_run(scene.client(), run_id, app=APP)
        state = held.state
        requests = state["requests"]
        requests["metadata"] = {
            call["tool_call_id"]: {
                "holdshort": {
                    "reenters": True,
                    "waits": held.waits[0],
                    "approved_by": ["person:ana@acme.com"],
                }
            }
            for call in requests["approvals"]
        }
        held.suspend(state, waits=held.waits)
        held = open_run(scene.client(), run_id, app=APP)
        held.release(again_in=0)


if __name__ == "__main__":
    main(PydanticAIBench())
