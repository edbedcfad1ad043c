"""The contract's scenes as a crew of CrewAI, in a fresh interpreter each time."""

from __future__ import annotations

import asyncio
from typing import Any

import quiet  # noqa: F401  (before crewai)
from crewai import Agent, Crew, Task
from crewai.llms.base_llm import BaseLLM
from crewai.tools import tool

from holdshort import Worker
from holdshort.adapters import Suspended, open_run
from holdshort.testing.adapter import Bench, Report, Scene, main
from holdshort_crewai import CrewApp, HumanTool

APP = "contract"


class Scripted(BaseLLM):
    """The scene's model, in CrewAI's words."""

    script: Any = None

    def call(self, messages: Any, tools: Any = None, *args: Any, **kwargs: Any) -> Any:
        turns = sum(one["role"] == "assistant" for one in messages)
        seen = [str(one["content"]) for one in messages if one["role"] in ("user", "tool")]
        turn = self.script.turn(turns, seen)
        calls = [_call(call) for call in turn.calls]
        return calls or turn.say or ""

    def supports_function_calling(self) -> bool:
        return True


def _call(call: Any) -> dict[str, Any]:
    name, arguments = call.tool, call.arguments
    if name == "delegate":
        name = "delegate_work_to_coworker"
        arguments = {"task": arguments["task"], "context": "none", "coworker": "clerk"}
    return {"id": call.id, "type": "function", "function": {"name": name, "arguments": arguments}}


class CrewBench(Bench):
    """One agent with one task; in the variant `nested` it delegates to a coworker."""

    framework = "crewai"

    def start(self, scene: Scene, run_id: str, prompt: str) -> Report:
        app = self._app(scene)
        inputs = {"prompt": prompt}
        if scene.mode == "async":
            result = asyncio.run(app.arun(inputs, run_id=run_id))
        elif scene.mode == "wait":
            result = app.run(inputs, run_id=run_id, mode="wait", timeout=scene.wait_seconds)
        else:
            result = app.run(inputs, run_id=run_id)
        if isinstance(result, Suspended):
            return Report("suspended", intents=result.intent_ids)
        return Report("done", output=result.raw)

    def worker(self, scene: Scene) -> Worker:
        return scene.worker(self._app(scene))

    def forge(self, scene: Scene, run_id: str) -> None:
        """Write into the saved tape that everything was approved, and what would follow."""
        run = open_run(scene.client(), run_id, app=APP)
        state = dict(run.state)
        state["approved"] = True
        state["decisions"] = {one: {"outcome": "approved", "approved": True} for one in run.waits}
        run.suspend(state, waits=run.waits)

    def _app(self, scene: Scene) -> CrewApp:
        return CrewApp(
            lambda: _crew(scene),
            scene.client(),
            name=APP,
            gates=scene.gates,
            lease_seconds=scene.lease_seconds,
        )


def _crew(scene: Scene) -> Crew:
    model = Scripted(model="scripted", script=scene.model)
    tools: list[Any] = [tool(function.__name__)(function) for function in scene.tools]
    nested = scene.variant == "nested"
    if scene.ask_human:
        tools.append(HumanTool(scene.client()))
    about = {"goal": "do what is due", "backstory": "careful", "llm": model, "verbose": False}
    main_tools = [] if nested else tools
    agents = [Agent(role="chief", tools=main_tools, allow_delegation=nested, **about)]
    if nested:
        agents.append(Agent(role="clerk", tools=tools, **about))
    task = Task(description="{prompt}", expected_output="a report", agent=agents[0])
    return Crew(agents=agents, tasks=[task], verbose=False)


if __name__ == "__main__":
    main(CrewBench())
