"""A tool by which the model asks a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents import FunctionTool, RunContextWrapper
from agents.tool_context import ToolContext

from holdshort.adapters import Gate, ado, answer_of
from holdshort.client.decision import Decision
from holdshort.digest import canonical
from holdshort.visible import visible
from holdshort_openai_agents.asking import Place, read_arguments
from holdshort_openai_agents.executing import decided
from holdshort_openai_agents.session import CURRENT, PATH

NAME = "ask_human"
DESCRIPTION = (
    "Ask a person a question, and get the answer. Use it where you need a decision or a fact that "
    "only a person has. Pass options where the answer is one of a few."
)
NO_QUESTION = "Nobody was asked: pass the question as a text, and options as a list of texts."
NOBODY_HERE = "Nobody can be asked here. Go on without an answer, or say that you cannot."
NO_ANSWER = "Nobody has answered yet."
_PARAMETERS = {
    "type": "object",
    "properties": {
        "question": {"type": "string", "description": "What the person is asked."},
        "options": {
            "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
            "description": "The answers to choose from, or null for a free text.",
        },
    },
    "required": ["question", "options"],
    "additionalProperties": False,
}


@dataclass
class HumanTool(FunctionTool):
    """A tool whose output is a person's answer."""

    gate: Gate = field(default_factory=Gate, kw_only=True)


def ask_human_tool(
    *,
    name: str = NAME,
    description: str = DESCRIPTION,
    to: str | list[str] | None = None,
    deadline: Any = None,
    schema: Mapping[str, Any] | None = None,
    **fields: Any,
) -> HumanTool:
    """Return a tool that the model calls with a question, and options where there are some.

    The run stops like at a gated call; the answer is the tool's output. For agents that run by an
    IntentRunner.

    >>> agent = Agent("support", tools=[ask_human_tool(to="team:support", deadline="4h")])

    Args:
        to, deadline: who is asked, and for how long.
        schema: a JSON schema; the answer is data that fits it, whatever the question is.
        fields: further fields of `Client.send_intent`.
    """
    if schema is not None:
        fields["schema"] = dict(schema)
    return HumanTool(
        name=name,
        description=description,
        params_json_schema=_PARAMETERS,
        on_invoke_tool=_nobody,
        needs_approval=True,
        gate=Gate(to=to, deadline=deadline, fields=fields),
    )


def is_question(arguments: Mapping[str, Any]) -> bool:
    """Whether a person can be asked this."""
    question, options = arguments.get("question"), arguments.get("options")
    if not isinstance(question, str) or not question.strip():
        return False
    return options is None or (
        isinstance(options, list) and all(isinstance(one, str) and one for one in options)
    )


def gated(tool: HumanTool, agent: str) -> None:
    """Let a tool ask, and answer, in the runs of an agent of this name."""

    async def needs(context: RunContextWrapper[Any], given: dict[str, Any], call_id: str) -> bool:
        session = CURRENT.get()
        if session is None or not is_question(given):
            return False
        session.needs_person(Place(agent, tool.name, call_id, PATH.get()))
        return True

    async def invoke(context: ToolContext[Any], given: str) -> str:
        session, arguments = CURRENT.get(), read_arguments(given)
        if session is None:
            return NOBODY_HERE
        if not is_question(arguments):
            return NO_QUESTION
        place = Place(agent, tool.name, context.tool_call_id, PATH.get())
        ask = session.ask(place, arguments, tool.gate, question=True)
        found = await ado(session.client, decided(ask.key))
        return NO_ANSWER if found is None or found[1] is None else answer(found[1])

    tool.needs_approval = needs
    tool.on_invoke_tool = invoke


def answer(decision: Decision) -> str:
    """Return what the model is told of an answer."""
    if decision.approved:
        said = answer_of(decision)
        return said if isinstance(said, str) else canonical(said).decode()
    if decision.timed_out:
        return "Nobody answered in time. Do not ask the same again; go on without an answer."
    who = (decision.decided_by or "").partition(":")[2] or "nobody"
    said = f" Reason: {visible(decision.comment)[:2000]}" if decision.comment else ""
    return f"There is no answer: the question was {decision.outcome} by {who}.{said}"


async def _nobody(context: ToolContext[Any], given: str) -> str:
    return NOBODY_HERE
