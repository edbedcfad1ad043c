"""`gate_tools`: existing tools behind a desk, with their names, descriptions and schemas."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

from crewai import Agent, Crew
from crewai.hooks import register_after_tool_call_hook, register_before_tool_call_hook
from crewai.hooks.tool_hooks import ToolCallHookContext
from crewai.tools import BaseTool
from crewai.tools.base_tool import Tool
from crewai.utilities.llm_utils import create_llm
from crewai.utilities.string_utils import sanitize_tool_name

from holdshort import Client
from holdshort.adapters import Gate, Gates
from holdshort_crewai.arguments import fitted, settled
from holdshort_crewai.desk import Calling, Desk, calling, current_desk
from holdshort_crewai.tape import place_of, playing, record

log = logging.getLogger("holdshort.crewai")
Target = Crew | Agent | BaseTool | Iterable[BaseTool]
_MARK = "_holdshort_gate"
_DESK = "_holdshort_desk"
_WATCH = "_holdshort_watch"
_MODELS = ("llm", "function_calling_llm", "manager_llm", "planning_llm", "chat_llm")


class _Watch:
    """The gates of one agent: for tools that CrewAI adds by itself (delegation, MCP)."""

    def __init__(self, gates: Gates, desk: Desk) -> None:
        self.gates = gates
        self.desk = desk


# By what an agent is made from: CrewAI copies agents, and a copy must not slip through.
_watches: dict[str, _Watch] = {}
_instead: ContextVar[str | None] = ContextVar("holdshort_instead", default=None)


def gate_tools(
    target: Any,
    gates: Any,
    client: Client,
    *,
    run_id: str | None = None,
    timeout: float = 600.0,
) -> Any:
    """Put the tools of a crew, an agent or a list behind their gates.

    Args:
        target: a Crew or Agent (changed in place, and returned), or a tool or several (copies are
            returned, and those given stay as they are).
        gates: as `holdshort.adapters.Gates.of` reads them: names, patterns, predicates.
        run_id: makes a run that is begun again find the decisions that were made.
        timeout: for how long a person is waited for. In a crew that a `CrewApp` runs nobody waits:
            the crew is suspended.

    A gated call asks a person, takes the permit, and runs once, however often CrewAI tries. It runs
    not at all where anything on the way there fails. What is gated is asked about in each crew that
    the agent works for, and for the tools that CrewAI adds by itself as well.
    """
    return put_behind(target, Gates.of(gates), Desk(client, run_id=run_id, timeout=timeout))


def put_behind(target: Any, gates: Gates, desk: Desk) -> Any:
    """`gate_tools`, with the desk that the calls come by."""
    _install()
    if isinstance(target, BaseTool):
        return _gated(target, gates, desk)
    if isinstance(target, Agent):
        return _agent(target, gates, desk, {})
    if isinstance(target, Crew):
        record_models(target)
        known: dict[int, BaseTool] = {}
        agents = [*target.agents, *(task.agent for task in target.tasks), target.manager_agent]
        for agent in agents:
            if agent is not None:
                _agent(agent, gates, desk, known)
        for task in target.tasks:
            task.tools = _each(task.tools, gates, desk, known)
        return target
    return _each(target, gates, desk, {})


def _agent(agent: Any, gates: Gates, desk: Desk, known: dict[int, BaseTool]) -> Any:
    agent.tools = _each(agent.tools, gates, desk, known)
    record_models(agent)
    watch = _Watch(gates, desk)
    object.__setattr__(agent, _WATCH, watch)
    _watches[agent.key] = watch
    return agent


def _watch_of(agent: Any) -> _Watch | None:
    if agent is None:
        return None
    own: _Watch | None = vars(agent).get(_WATCH)
    return own or _watches.get(getattr(agent, "key", ""))


def record_models(owner: Any) -> None:
    """Let the turns of this agent's, or crew's, models go through the tape of whoever plays."""
    for name in _MODELS:
        model = getattr(owner, name, None)
        if isinstance(model, str):
            model = create_llm(model)
            setattr(owner, name, model)
        record(model)


def _each(
    tools: Iterable[Any] | None, gates: Gates, desk: Desk, known: dict[int, BaseTool]
) -> list[Any]:
    behind: list[Any] = []
    for tool in tools or ():
        if id(tool) not in known:
            known[id(tool)] = _gated(tool, gates, desk)
        behind.append(known[id(tool)])
    return behind


def _gated(tool: Any, gates: Gates, desk: Desk) -> Any:
    """Return a copy of the tool whose `_run` comes by the desk."""
    if not isinstance(tool, BaseTool):
        raise TypeError(f"{tool!r} is no tool of CrewAI: only a BaseTool can be gated")
    inner = vars(tool).get(_MARK)
    if inner is None:
        inner = (tool, ())
    original, earlier = inner
    behind = copy.copy(tool)
    rules = (*earlier, gates)
    name = sanitize_tool_name(tool.name)
    schema = tool.args_schema if _has_fields(tool.args_schema) else None
    entry = _entry(original)
    run = getattr(original, entry)

    def find(arguments: dict[str, Any]) -> Gate | None:
        found = (one.find(spelling, arguments) for one in rules for spelling in (tool.name, name))
        return next((gate for gate in found if gate is not None), None)

    def act(arguments: dict[str, Any]) -> Any:
        return settled(run(**fitted(schema, arguments)))

    def gated(*args: Any, **kwargs: Any) -> Any:
        arguments = _named(schema, args, kwargs)
        gate = find(arguments)
        if gate is None and playing.get() is None:
            return run(*args, **kwargs)
        return current_desk(desk).call(name, gate, arguments, act)

    async def agated(*args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(gated, *args, **kwargs)

    put = {entry: gated, "_run": gated, "_arun": agated, _MARK: (original, rules), _DESK: desk}
    for attribute, value in put.items():
        object.__setattr__(behind, attribute, value)
    if any(one.names(tool.name) or one.names(name) for one in rules):
        # CrewAI would answer a second call from its cache: also with what a person has refused.
        behind.cache_function = _never
    return behind


def _entry(tool: BaseTool) -> str:
    """Return the name of what every way into this tool comes by."""
    if isinstance(tool, Tool):
        return "func"
    return "_run" if type(tool).run is BaseTool.run else "run"


def _never(*_: Any) -> bool:
    return False


def _has_fields(schema: Any) -> bool:
    return bool(getattr(schema, "model_fields", None))


def _named(schema: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    if not args:
        named = kwargs
    else:
        names = list(schema.model_fields) if schema is not None else []
        named = {**dict(zip(names, args, strict=False)), **kwargs}
    if schema is None:
        return named
    read = schema.model_validate(named)
    dumped: dict[str, Any] = read.model_dump(mode="json")
    return dumped


_installed = False


def _install() -> None:
    global _installed
    if not _installed:
        register_before_tool_call_hook(_before)
        register_after_tool_call_hook(_after)
        _installed = True


def _before(context: ToolCallHookContext) -> bool | None:
    """Note the call, so that its retries are known; and gate what no copy of ours stands before.

    CrewAI runs a tool whose hook has raised, so nothing is raised here.
    """
    _instead.set(None)
    try:
        return _looked_at(context)
    except Exception as error:
        log.exception("the gate of %s failed: it does not run", context.tool_name)
        _instead.set(f"This action was not executed: {error}")
        return False


def _looked_at(context: ToolCallHookContext) -> bool | None:
    original = getattr(context.tool, "_original_tool", None)
    desk: Desk | None = getattr(original, _DESK, None)
    watch = _watch_of(context.agent)
    ours = desk or (watch.desk if watch is not None else None)
    if ours is None:
        calling.set(None)
        return None
    ours = current_desk(ours)
    place = place_of(context.task, context.agent)
    tool = sanitize_tool_name(context.tool_name)
    said, times = ours.count(place, tool, context.tool_input)
    blocks = bool(getattr(context.task, "async_execution", False))
    role = getattr(context.agent, "role", "") or ""
    calling.set(Calling(place, tool, said, times, role, blocks))
    if desk is not None or watch is None:
        return None
    gate = watch.gates.find(context.tool_name, context.tool_input)
    if gate is None:
        return None

    def act(arguments: dict[str, Any]) -> Any:
        return settled(context.tool.invoke(input=arguments))

    _instead.set(str(ours.call(tool, gate, dict(context.tool_input), act)))
    return False


def _after(context: ToolCallHookContext) -> str | None:
    calling.set(None)
    instead = _instead.get()
    _instead.set(None)
    return instead
