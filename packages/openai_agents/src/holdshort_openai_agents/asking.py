"""One call that people are asked about: how it is read, keyed and shown.

The key is worked out from the run and from the call itself, never from the framework's saved state:
a call with other arguments, or of another tool, has another key, and nobody's approval.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from agents.items import ToolApprovalItem

from holdshort.adapters import Gate, call_key, masked_arguments, question_intent, tool_intent
from holdshort.client.decision import Decision
from holdshort.digest import canonical, sha256
from holdshort.errors import InvalidRequest

FRAMEWORK = "openai_agents"
#: Under this name stands what a model wrote that is no JSON object. Nobody is asked about that.
UNREADABLE = "unreadable_arguments"
#: Under this name people are shown the input of a custom tool, which is a text.
INPUT = "input"

Path = tuple[str, ...]
"""The ids of the calls of agents-as-tools that lead to a call, outermost first."""


@dataclass(frozen=True)
class Place:
    """Where a call stands in a run."""

    agent: str
    tool: str
    call_id: str
    path: Path = ()


@dataclass(frozen=True)
class Ask:
    """One call in one run, and the gate that it has to pass."""

    run_id: str
    turn: str
    place: Place
    arguments: dict[str, Any]
    gate: Gate
    question: bool = False

    @property
    def key(self) -> str:
        """The key of its intent: executed again, the same call finds the same one."""
        place = self.place
        said = json.dumps(self.arguments, sort_keys=True)
        step = json.dumps(
            [self.turn, list(place.path), place.agent, place.tool, sha256(said.encode())]
        )
        return call_key(FRAMEWORK, self.run_id, step, place.call_id)

    def body(self, app: str, description: str | None, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return its intent. Raises InvalidRequest where it cannot be shown to a person."""
        place = self.place
        if self.question:
            options = self.arguments.get("options")
            return question_intent(
                key=self.key,
                question=str(self.arguments.get("question")),
                options=[str(option) for option in options] if options else None,
                schema=dict(self.gate.fields).get("schema"),
                to=self.gate.to,
                deadline=self.gate.deadline,
                agent_name=place.agent,
                run_id=self.run_id,
                app=app,
                context=context,
                fields={k: v for k, v in self.gate.fields.items() if k != "schema"},
            )
        try:
            if UNREADABLE in self.arguments:
                raise ValueError("they are no JSON object")
            canonical(self.arguments)
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(f"these arguments cannot be shown to a person: {error}") from error
        return tool_intent(
            self.gate,
            key=self.key,
            tool=place.tool,
            arguments=self.arguments,
            agent_name=place.agent,
            run_id=self.run_id,
            app=app,
            description=description,
            context=context,
        )

    def fits(self, view: Mapping[str, Any], decision: Decision) -> bool:
        """Whether this is a decision about this call, with these arguments."""
        if self.question:
            return True
        if view["tool"] != self.place.tool:
            return False
        return decision.edited or decision.arguments == self.masked

    @property
    def masked(self) -> dict[str, Any]:
        """The arguments as people see them."""
        return masked_arguments(self.gate, self.key, self.arguments)


def read_arguments(text: str | None) -> dict[str, Any]:
    """Return what a model wrote as a call's arguments; what is no JSON object, as UNREADABLE."""
    try:
        read = json.loads(text or "", parse_constant=_refuse)
    except (ValueError, RecursionError):
        read = None
    return read if isinstance(read, dict) else {UNREADABLE: text or ""}


def write_arguments(arguments: Mapping[str, Any]) -> str:
    """Return arguments as a tool takes them."""
    return json.dumps(arguments, ensure_ascii=False)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def call_of(item: ToolApprovalItem) -> tuple[Place, dict[str, Any]]:
    """Return the place (without its path) and the arguments of a call that was interrupted."""
    raw = item.raw_item
    place = Place(item.agent.name, item.name or "", item.call_id or "")
    return place, raw_arguments(raw)


def raw_arguments(raw: Any) -> dict[str, Any]:
    """Return the arguments of a call of any kind: function, shell, patch, custom tool."""
    for name, read in _READERS.items():
        value = raw.get(name) if isinstance(raw, dict) else getattr(raw, name, None)
        if value is not None:
            return read(value)
    return {UNREADABLE: ""}


def plain(value: Any) -> dict[str, Any]:
    """Return what a shell action or a patch says, as JSON: the SDK has several types for each."""
    said = value if isinstance(value, Mapping) else {n: getattr(value, n, None) for n in _SAID}
    return {name: said[name] for name in _SAID if said.get(name) is not None}


_SAID = ("commands", "timeout_ms", "max_output_length", "type", "path", "diff", "move_to")
_READERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "arguments": read_arguments,
    "action": plain,
    "operation": plain,
    "operations": lambda value: {"operations": [plain(child) for child in value]},
    "input": lambda value: {INPUT: value},
}
