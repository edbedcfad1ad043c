"""`Scene`: everything that one step of a scenario is played with, as a file between processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from holdshort.adapters import Gate, Gates
from holdshort.client import AsyncClient, Client
from holdshort.testing.adapter.journal import Faults, Journal
from holdshort.testing.adapter.script import ScriptedModel, Turn
from holdshort.testing.adapter.tools import tools
from holdshort.worker import App, Worker

Mode = Literal["sync", "async", "stream", "wait"]
Variant = Literal["", "removed", "renamed", "changed", "nested"]

#: What the main agent hands to the nested one.
TASK = "See to the supplier's invoice."


@dataclass(frozen=True)
class Script:
    """What a scene is made of, in JSON."""

    folder: str
    url: str
    api_key: str
    run_id: str
    prompt: str = "Please do what is due."
    mode: Mode = "sync"
    variant: Variant = ""
    ask_human: bool = False
    turns: list[dict[str, Any]] = field(default_factory=list)
    nested: list[dict[str, Any]] = field(default_factory=list)
    gates: dict[str, dict[str, Any]] = field(default_factory=lambda: {"pay*": {}, "refund": {}})
    faults: list[str] = field(default_factory=list)
    wait_seconds: float = 20.0

    def write(self, path: Path) -> Path:
        """Write it into a file; return the file."""
        path.write_text(json.dumps(asdict(self)))
        return path

    def but(self, **changes: Any) -> Script:
        """Return it with changes."""
        return replace(self, **changes)


class Scene:
    """What a bench plays a scene with. Built anew in each process, from the scene's file."""

    lease_seconds = 1.0
    """For a run's lease, in start and worker: short, so that a dead process is soon replaced."""
    retry_after = 0.1
    """After how long a run whose resumption raised is tried again."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.folder = Path(script.folder)
        """For what the framework keeps; it outlives the processes."""
        self.run_id = script.run_id
        self.prompt = script.prompt
        self.mode: Mode = script.mode
        self.variant: Variant = script.variant
        self.ask_human = script.ask_human
        """Whether the model has a tool to ask a person: `ask_human(question, options=None)`."""
        self.task = TASK
        self.wait_seconds = script.wait_seconds
        """For how long a run in mode `wait` waits in its process."""
        self._clients: list[Client] = []

    @classmethod
    def read(cls, path: str | Path) -> Scene:
        """Return the scene that is written in this file."""
        return cls(Script(**json.loads(Path(path).read_text())))

    def client(self) -> Client:
        """Return a client of the test's server. It is closed when the step is over."""
        self._clients.append(Client(self.script.url, api_key=self.script.api_key))
        return self._clients[-1]

    def async_client(self) -> AsyncClient:
        """Return the same for an event loop; close it there."""
        return AsyncClient(self.script.url, api_key=self.script.api_key)

    def worker(self, *apps: App, client: Client | AsyncClient | None = None) -> Worker:
        """Return a worker for these apps, with the scene's short times."""
        return Worker(
            self.client() if client is None else client,
            apps=apps,
            lease_seconds=self.lease_seconds,
            retry_after=self.retry_after,
        )

    @cached_property
    def tools(self) -> list[Callable[..., str]]:
        """The tools, plain typed functions; in the variant `nested` they are the nested agent's,
        and the main agent has `delegate(task: str) -> str` alone, which the bench writes."""
        return tools(self.variant, self.effects, self._faults)

    @cached_property
    def gates(self) -> Gates:
        """Which calls ask a person."""
        return Gates.of({name: _gate(spec) for name, spec in self.script.gates.items()})

    @cached_property
    def model(self) -> ScriptedModel:
        """The scripted model, of all agents in the scene."""
        return ScriptedModel(
            [Turn.of(wire) for wire in self.script.turns],
            [Turn.of(wire) for wire in self.script.nested],
            self.task,
            self.seen,
            self._faults,
        )

    @cached_property
    def effects(self) -> Journal:
        """What the tools did."""
        return Journal(self.folder / "effects.jsonl")

    @cached_property
    def seen(self) -> Journal:
        """What the model was given to read."""
        return Journal(self.folder / "seen.jsonl")

    @cached_property
    def _faults(self) -> Faults:
        return Faults(self.folder, self.script.faults)

    def close(self) -> None:
        """Give the clients back."""
        for client in self._clients:
            client.close()


def _gate(spec: Mapping[str, Any]) -> Gate:
    fields = dict(spec)
    if fields.pop("errs", False):
        fields["when"] = _errs
    if "secrets" in fields:
        fields["secrets"] = tuple(fields["secrets"])
    return Gate(**fields)


def _errs(tool: str, arguments: dict[str, Any]) -> bool:
    raise LookupError(f"no limit is known for {tool}")
