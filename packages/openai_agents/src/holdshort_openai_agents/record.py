"""What is saved of a run: from this, any process can go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from agents import Agent, RunState
from agents.exceptions import UserError
from agents.run_state import CURRENT_SCHEMA_VERSION
from agents.version import __version__ as SDK

from holdshort_openai_agents.errors import Unusable

_VERSION = 1


@dataclass
class Record:
    """A run as it is saved. What people decided is not in it: the server knows that."""

    agent: str
    input: Any
    turn: str
    """A name for this prompt: a session's run has one after the other."""
    context: Any = None
    session: str | None = None
    snapshot: dict[str, Any] | None = None
    """The SDK's RunState; None before the first pause."""
    pending: list[dict[str, Any]] = field(default_factory=list)
    """The calls that were interrupted, in order: agent, tool, call_id, path."""
    tries: int = 0
    sdk: str = SDK
    schema: str = CURRENT_SCHEMA_VERSION
    version: int = _VERSION

    @classmethod
    def of(cls, saved: Any) -> Record:
        """Read what was saved. Raises Unusable for anything else."""
        if not isinstance(saved, Mapping) or saved.get("version") != _VERSION:
            raise Unusable(
                "what was saved of this run is not of this release of holdshort-openai-agents",
                elsewhere=True,
            )
        try:
            return cls(**saved)
        except TypeError as error:
            raise Unusable(f"what was saved of this run cannot be read: {error}") from error

    def wire(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "snapshot": self.snapshot}

    def take(self, state: RunState[Any, Any]) -> None:
        """Take over the SDK's state, as this process writes it."""
        self.snapshot = dump(state)
        self.sdk, self.schema = SDK, CURRENT_SCHEMA_VERSION

    async def state(self, agent: Agent[Any]) -> RunState[Any, Agent[Any]]:
        """Return the SDK's state. Raises Unusable with advice where this process cannot read it."""
        assert self.snapshot is not None
        try:
            return await RunState.from_json(agent, self.snapshot)
        except UserError as error:
            if "schema version" in str(error):
                raise Unusable(
                    f"this run was saved by openai-agents {self.sdk} (schema {self.schema}), and "
                    f"this process has {SDK} (schema {CURRENT_SCHEMA_VERSION}), which cannot read "
                    "it: upgrade the workers first, then what starts runs",
                    elsewhere=True,
                ) from error
            raise Unusable(
                f"the agents have changed since this run of {self.agent} was saved: {error}. "
                "Nothing was executed."
            ) from error


def dump(state: RunState[Any, Any]) -> dict[str, Any]:
    """Return the SDK's state as JSON, without the caller's context: that is built afresh in each
    process, never restored from here."""
    saved: dict[str, Any] = _without_context(state.to_json(context_serializer=lambda _: {}))
    return saved


def half_done(snapshot: Any) -> bool:
    """Whether a call in this state began and its output is missing: the SDK goes on from none."""
    if isinstance(snapshot, dict):
        if snapshot.get("executed") is True and snapshot.get("completed") is False:
            return True
        return any(half_done(child) for child in snapshot.values())
    return isinstance(snapshot, list) and any(half_done(child) for child in snapshot)


def _without_context(value: Any) -> Any:
    if isinstance(value, dict):
        cleaned = {
            name: {} if name == "context" and "approvals" in value else _without_context(child)
            for name, child in value.items()
        }
        return cleaned
    if isinstance(value, list):
        return [_without_context(child) for child in value]
    return value
