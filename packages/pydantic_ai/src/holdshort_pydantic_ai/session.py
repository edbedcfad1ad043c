"""What one run of an agent knows about people: whom to ask, what was decided, about which tools."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from holdshort.adapters import AnyClient, Gate, Gates, ado
from holdshort.adapters.gates import Rule, When
from holdshort.client import flows
from holdshort.client.calls import Flow
from holdshort.client.decision import Decision
from holdshort.client.run import decisions
from holdshort.errors import GrantRefused

GateSpec = Gates | Mapping[str, Rule] | Iterable[str] | When | None
"""What `Gates.of` reads."""


@dataclass
class Session:
    """How the calls of one agent run are gated.

    `durable` where a `DurableAgent` keeps the run: then every approval is a person's on the server,
    also those that tools and other toolsets demand.
    """

    client: AnyClient
    gates: Gates
    app: str = ""
    run_id: str = ""
    durable: bool = False
    default: Gate = field(default_factory=Gate)
    """How calls are asked about that no gate names."""
    passes: frozenset[str] = frozenset()
    """Calls that go on from their own middle: what they wait for is asked about further in."""
    expected: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """The schemas that pending calls were asked about with, by tool."""
    tools: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The schemas of the tools of this run, as far as they were listed."""
    found: dict[str, Decision] = field(default_factory=dict)
    """Decisions by key, as they were read. They are for ever."""
    missing: set[str] = field(default_factory=set)
    """Keys that nobody was asked under."""

    def gate(self, tool: str, arguments: Any) -> Gate | None:
        """Return the gate that an approved call had to pass."""
        gate = self.gates.find(tool, arguments)
        return self.default if gate is None and self.durable else gate

    def fresh(self) -> Session:
        """Return it as it is before a run."""
        return replace(self, tools={}, found={}, missing=set())

    async def decision(self, key: str) -> Decision | None:
        """Return the decision on what was asked under this key; None where there is none yet, and
        where nobody was asked (the key is in `missing` then)."""
        if key not in self.found:
            filed, found = await ado(self.client, _look(key))
            if not filed:
                self.missing.add(key)
            if found is None:
                return None
            self.found[key] = found
        return self.found[key]

    async def stopped(self, key: str) -> bool:
        """Whether what was asked under this key was approved and run, and stopped in its middle to
        ask for more: the server's record says so, not the framework's state."""
        recorded = await ado(self.client, _recorded(key))
        return isinstance(recorded, dict) and "stopped" in recorded


#: The session whose tool is running, for what the tool calls.
CURRENT: ContextVar[Session | None] = ContextVar("holdshort_pydantic_ai", default=None)
#: The call that a gate has let through, so that a second gate around the same tool does not ask
#: again, and does not take the permit twice.
CLEARED: ContextVar[str] = ContextVar("holdshort_pydantic_ai_cleared", default="")


def _look(key: str) -> Flow[tuple[bool, Decision | None]]:
    intent = yield from flows.find(key)
    if intent is None:
        return False, None
    intent_id = str(intent["intent_id"])
    found = yield from decisions([intent_id])
    return True, found[intent_id]


def _recorded(key: str) -> Flow[Any]:
    """What was recorded of the call that was asked about under this key; None where it has not
    run to its end."""
    found = yield from flows.find(key)
    grant = (found or {}).get("grant")
    if found is None or grant is None or grant["state"] != "done":
        return None
    body = {"digest": grant["digest"], "attempt_id": uuid.uuid4().hex}
    try:
        yield from flows.post(str(found["intent_id"]), "consume", body)
    except GrantRefused as refused:
        return refused.details.get("result")
    return None
