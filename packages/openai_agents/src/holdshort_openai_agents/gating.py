"""`gate_agent`: puts gates before the tools of a whole graph of agents, in place and once."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MethodType
from typing import Any

from agents import (
    Agent,
    ApplyPatchTool,
    ComputerTool,
    CustomTool,
    FunctionTool,
    Handoff,
    LocalShellTool,
    RunContextWrapper,
    ShellTool,
    Tool,
)

from holdshort.adapters import Gate, Gates
from holdshort.adapters.gates import Rule, When
from holdshort.errors import ConfigurationError
from holdshort_openai_agents import human
from holdshort_openai_agents.call_ids import renew_call_ids
from holdshort_openai_agents.tools import (
    Gating,
    gate_custom,
    gate_function,
    gate_patch,
    gate_shell,
    rule,
)

log = logging.getLogger("holdshort.openai_agents")
GateSpec = Gates | Mapping[str, Rule] | list[str] | When | None
#: Where an agent says that it has been gated, and how.
_MARK = "_holdshort_gated"


@dataclass(frozen=True)
class Gated:
    """A graph of agents that has its gates."""

    agents: dict[str, Agent[Any]] = field(default_factory=dict)
    tools: dict[tuple[str, str], Any] = field(default_factory=dict)
    """The gated tools by the names of agent and tool; those of MCP servers as they are met."""
    gates: Gates = field(default_factory=lambda: Gates.of(None))

    def gate(self, agent: str, tool: str) -> Gate:
        """Return how this tool's calls are asked about."""
        known = self.tools.get((agent, tool))
        return known.gate if isinstance(known, human.HumanTool) else rule(self.gates, tool)

    def asks_a_question(self, agent: str, tool: str) -> bool:
        """Whether this is a tool by which the model asks a person."""
        return isinstance(self.tools.get((agent, tool)), human.HumanTool)

    def description(self, agent: str, tool: str) -> str | None:
        """Return what a tool says that it does."""
        return getattr(self.tools.get((agent, tool)), "description", None) or None


def gate_agent(agent: Agent[Any], gates: GateSpec = None) -> Gated:
    """Gate the tools of an agent, and of all agents that it hands off to or has as tools.

    The agents are changed in place; call this once, where they are built, before they run. Function
    tools, agents as tools, tools of MCP servers, ShellTool, ApplyPatchTool and CustomTool are
    covered; a tool's own `needs_approval` still asks. A gated call runs only in an IntentRunner,
    which knows the run that it belongs to; anywhere else it is refused.

    Raises ConfigurationError where a gate names a tool that cannot be gated, where two agents have
    one name (their calls could not be told apart), and where an agent has other gates already.
    """
    spec = Gates.of(gates)
    known: Gated | None = agent.__dict__.get(_MARK)
    if known is not None:
        if known.gates is not spec:
            raise ConfigurationError(f"the agent {agent.name} has other gates already")
        return known
    gated = Gated(gates=spec)
    for one in _agents(agent):
        if gated.agents.setdefault(one.name, one) is not one:
            raise ConfigurationError(
                f"two agents are named {one.name}: give each its own name, so that an approval "
                "belongs to one of them"
            )
        if one.__dict__.get(_MARK, gated) is not gated:
            raise ConfigurationError(f"the agent {one.name} has other gates already")
    for one in gated.agents.values():
        _gate_one(one, gated)
    return gated


def _agents(agent: Agent[Any]) -> Iterator[Agent[Any]]:
    """Yield all agents that can be reached from this one, each once."""
    seen: set[int] = set()
    waiting = [agent]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        for tool in one.tools:
            below = getattr(tool, "_agent_instance", None)
            if isinstance(below, Agent):
                waiting.append(below)
        for target in one.handoffs:
            waiting.append(_target(one, target))


def _target(agent: Agent[Any], target: Agent[Any] | Handoff[Any, Any]) -> Agent[Any]:
    if isinstance(target, Agent):
        return target
    reference = getattr(target, "_agent_ref", None)
    found = reference() if callable(reference) else None
    if not isinstance(found, Agent):
        raise ConfigurationError(
            f"the agent that {target.tool_name} of {agent.name} hands off to cannot be seen, so "
            "its tools cannot be gated: make the handoff with handoff(agent) or the agent itself"
        )
    return found


def _gate_one(agent: Agent[Any], gated: Gated) -> None:
    agent.tools = [_gate_tool(agent.name, tool, gated) for tool in agent.tools]
    renew_call_ids(agent.model)
    plain_mcp_tools = agent.get_mcp_tools

    async def get_mcp_tools(self: Agent[Any], context: RunContextWrapper[Any]) -> list[Tool]:
        return [_gate_tool(self.name, tool, gated) for tool in await plain_mcp_tools(context)]

    if agent.mcp_servers:
        agent.__dict__["get_mcp_tools"] = MethodType(get_mcp_tools, agent)
    agent.__dict__[_MARK] = gated


def _gate_tool(agent: str, tool: Tool, gated: Gated) -> Tool:
    gating = Gating(agent, gated.gates)
    changed: Any = copy.copy(tool)
    if isinstance(changed, human.HumanTool):
        human.gated(changed, agent)
    elif isinstance(changed, FunctionTool):
        gate_function(changed, gating)
    elif isinstance(changed, ShellTool) and changed.executor is not None:
        gate_shell(changed, gating)
    elif isinstance(changed, ApplyPatchTool):
        gate_patch(changed, gating)
    elif isinstance(changed, CustomTool):
        gate_custom(changed, gating)
    else:
        _check_ungateable(agent, tool, gated.gates)
        return tool
    gated.tools[agent, changed.name] = changed
    gated_tool: Tool = changed
    return gated_tool


def _check_ungateable(agent: str, tool: Tool, gates: Gates) -> None:
    if not gates.names(tool.name):
        return
    if isinstance(tool, LocalShellTool | ComputerTool):
        raise ConfigurationError(
            f"a gate names the tool {tool.name} of {agent}, but the SDK cannot stop before a "
            f"{type(tool).__name__}. Take a ShellTool or a function tool, or write "
            f'{{"{tool.name}": False}} first to let it pass.'
        )
    log.warning(
        "the tool %s of %s runs at the model's provider: no gate can stop it", tool.name, agent
    )
