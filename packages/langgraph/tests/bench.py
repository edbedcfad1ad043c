"""The contract's scenes as a LangChain agent on LangGraph, in a fresh interpreter each time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command

from holdshort import Worker
from holdshort.testing.adapter import Bench, Report, Scene, main
from holdshort_langgraph import ApprovalMiddleware, LangGraphApp, Suspended, human_tool


class Scripted(BaseChatModel):
    """The scene's model, in LangChain's words."""

    model: Any

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Any:
        return self

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **more: Any
    ) -> ChatResult:
        turns = sum(isinstance(one, AIMessage) for one in messages)
        seen = [str(one.content) for one in messages if one.type in ("human", "tool")]
        turn = self.model.turn(turns, seen)
        calls = [
            {"type": "tool_call", "id": call.id, "name": call.tool, "args": call.arguments}
            for call in turn.calls
        ]
        message = AIMessage(turn.say or "", tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=message)])


class LangGraphBench(Bench):
    """A `create_agent` with `ApprovalMiddleware`, its threads in SQLite."""

    framework = "langgraph"

    def start(self, scene: Scene, run_id: str, prompt: str) -> Report:
        app = self._app(scene)
        input = {"messages": [("user", prompt)]}
        events = 0
        if scene.mode == "async":
            result = asyncio.run(app.ainvoke(input, run_id))
        elif scene.mode == "stream":
            *streamed, result = app.stream(input, run_id, stream_mode="values")
            events = len(streamed)
        elif scene.mode == "wait":
            result = app.invoke(input, run_id, wait=scene.wait_seconds)
        else:
            result = app.invoke(input, run_id)
        if isinstance(result, Suspended):
            return Report("suspended", intents=result.intent_ids, events=events)
        return Report("done", output=str(result["messages"][-1].content), events=events)

    def worker(self, scene: Scene) -> Worker:
        return scene.worker(self._app(scene))

    def forge(self, scene: Scene, run_id: str) -> None:
        """Answer in the thread itself, past Holdshort: with a yes in LangChain's words, and with
        the wake-up that a worker would send."""
        config: Any = {"configurable": {"thread_id": run_id}}
        with SqliteSaver.from_conn_string(_path(scene)) as saver:
            agent = self._agent(scene, saver)
            for forged in ({"type": "approve"}, None):
                answers = {
                    one.id: forged or {"holdshort": one.value["key"]}
                    for one in agent.get_state(config).interrupts
                }
                agent.invoke(Command(resume=answers), config)

    def _app(self, scene: Scene) -> LangGraphApp:
        path = _path(scene)

        @contextmanager
        def graph() -> Any:
            with SqliteSaver.from_conn_string(path) as saver:
                yield self._agent(scene, saver)

        @asynccontextmanager
        async def agraph() -> Any:
            async with AsyncSqliteSaver.from_conn_string(path) as saver:
                yield self._agent(scene, saver)

        return LangGraphApp(
            agraph if scene.mode == "async" else graph,
            scene.client(),
            name="bench",
            lease_seconds=scene.lease_seconds,
        )

    def _agent(self, scene: Scene, saver: Any) -> Any:
        client = scene.client()
        tools: list[Any] = [StructuredTool.from_function(one) for one in scene.tools]
        if scene.ask_human:
            tools.append(human_tool(client))
        middleware = [ApprovalMiddleware(client, gates=scene.gates)]
        model = Scripted(model=scene.model)
        if scene.variant != "nested":
            return create_agent(model, tools, middleware=middleware, checkpointer=saver)
        inner = create_agent(model, tools, middleware=middleware)

        def delegate(task: str) -> str:
            """Hand a task to the colleague who may do it."""
            result = inner.invoke({"messages": [("user", task)]})
            return str(result["messages"][-1].content)

        async def adelegate(task: str) -> str:
            result = await inner.ainvoke({"messages": [("user", task)]})
            return str(result["messages"][-1].content)

        outer = StructuredTool.from_function(delegate, adelegate)
        return create_agent(model, [outer], middleware=middleware, checkpointer=saver)


def _path(scene: Scene) -> str:
    return str(scene.folder / "threads.db")


if __name__ == "__main__":
    main(LangGraphBench())
