"""The contract's scenes as agents of the OpenAI Agents SDK, in a fresh interpreter each time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from agents import Agent, ModelResponse, Runner, RunState, function_tool, set_tracing_disabled
from agents.models.interface import Model
from agents.usage import Usage
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)
from pydantic import BaseModel

from holdshort import Worker
from holdshort.adapters import open_run
from holdshort.testing.adapter import Bench, Report, Scene, main
from holdshort_openai_agents import Finished, IntentRunner, ask_human_tool, gate_agent

NAME = "bench"


class Scripted(Model):
    """The scene's model, in the SDK's words."""

    def __init__(self, scene: Scene) -> None:
        self._model = scene.model

    async def get_response(
        self, system_instructions: Any, input: Any, *args: Any, **more: Any
    ) -> ModelResponse:
        return ModelResponse(output=self._output(input), usage=Usage(), response_id=None)

    async def stream_response(
        self, system_instructions: Any, input: Any, *args: Any, **more: Any
    ) -> AsyncIterator[Any]:
        response = Response(
            id="r",
            created_at=0,
            model="scripted",
            object="response",
            output=self._output(input),
            tool_choice="auto",
            tools=[],
            parallel_tool_calls=True,
        )
        yield ResponseCompletedEvent(
            type="response.completed", response=response, sequence_number=0
        )

    def _output(self, input: Any) -> list[Any]:
        items = [{"role": "user", "content": input}] if isinstance(input, str) else input
        turns, seen, speaking = 0, [], False
        for item in items:
            if item.get("role") == "user" or item.get("type") == "function_call_output":
                told = item.get("content", item.get("output"))
                seen.append(told if isinstance(told, str) else json.dumps(told))
                speaking = False
            elif not speaking:
                turns, speaking = turns + 1, True
        turn = self._model.turn(turns, seen)
        said: list[Any] = [
            ResponseFunctionToolCall(
                type="function_call",
                name=call.tool,
                arguments=json.dumps(call.arguments),
                call_id=call.id,
            )
            for call in turn.calls
        ]
        if turn.say is not None:
            text = ResponseOutputText(type="output_text", text=turn.say, annotations=[])
            said.append(
                ResponseOutputMessage(
                    id="m", type="message", role="assistant", status="completed", content=[text]
                )
            )
        return said


class Delegation(BaseModel):
    """What the main agent hands to the nested one."""

    task: str


class OpenAIAgentsBench(Bench):
    """An agent run by an IntentRunner; its state is kept by Holdshort."""

    framework = "openai_agents"

    def start(self, scene: Scene, run_id: str, prompt: str) -> Report:
        events: list[Any] = []
        outcome = asyncio.run(self._start(scene, run_id, prompt, events))
        if isinstance(outcome, Finished):
            return Report("done", output=str(outcome.output), events=len(events))
        return Report("suspended", intents=outcome.intent_ids, events=len(events))

    async def _start(self, scene: Scene, run_id: str, prompt: str, events: list[Any]) -> Any:
        if scene.mode == "async":
            async with scene.async_client() as client:
                return await self._runner(scene, client).run("main", prompt, run_id=run_id)
        runner = self._runner(scene, scene.client())
        if scene.mode == "stream":
            stream = runner.run_streamed("main", prompt, run_id=run_id)
            async for event in stream:
                events.append(event)
            return stream.outcome
        if scene.mode == "wait":
            return await runner.run(
                "main", prompt, run_id=run_id, mode="wait", timeout=scene.wait_seconds
            )
        return await runner.run("main", prompt, run_id=run_id)

    def worker(self, scene: Scene) -> Worker:
        client: Any = scene.async_client() if scene.mode == "async" else scene.client()
        return scene.worker(self._runner(scene, client), client=client)

    def forge(self, scene: Scene, run_id: str) -> None:
        """Write into the saved state that all of it was approved; then run that state past
        Holdshort's runner, and leave it for the worker."""
        run = open_run(scene.client(), run_id, app=NAME)
        saved = run.state
        agent = self._agent(scene)
        gate_agent(agent, scene.gates)

        async def forged() -> dict[str, Any]:
            states = [await RunState.from_json(agent, saved["snapshot"]) for _ in range(2)]
            for state in states:
                for item in state.get_interruptions():
                    state.approve(item, always_approve=True)
            await Runner.run(agent, states[0])
            return states[1].to_json()

        run.release(0, state={**saved, "snapshot": asyncio.run(forged())})

    def _runner(self, scene: Scene, client: Any) -> IntentRunner:
        return IntentRunner(
            client,
            {"main": lambda: self._agent(scene)},
            gates=scene.gates,
            name=NAME,
            retry_after=scene.retry_after,
            lease_seconds=scene.lease_seconds,
        )

    def _agent(self, scene: Scene) -> Agent[Any]:
        tools: list[Any] = [function_tool(one, failure_error_function=None) for one in scene.tools]
        if scene.ask_human:
            tools.append(ask_human_tool())
        model = Scripted(scene)
        if scene.variant != "nested":
            return Agent("main", model=model, tools=tools)
        inner = Agent("colleague", model=model, tools=tools)
        outer = inner.as_tool(
            "delegate",
            "Hand a task to the colleague who may do it.",
            parameters=Delegation,
            failure_error_function=None,
        )
        return Agent("main", model=model, tools=[outer])


if __name__ == "__main__":
    set_tracing_disabled(True)
    main(OpenAIAgentsBench())
