"""What can be handed to the engine's writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from holdshort.errors import HoldshortError
from holdshort.lifecycle import Command, Create, RunCommand, Transition
from holdshort.models import Run, RunRef
from holdshort.store.base import Ref, Tx


@dataclass(slots=True)
class Apply:
    """One command on one intent."""

    ref: Ref
    command: Command


@dataclass(slots=True)
class File:
    """A new intent, with what is stored beside its state."""

    command: Create
    body: str
    continuation: bytes | None = None
    app: str | None = None
    """The app of the run that the command names, should that run not be there yet."""


@dataclass(slots=True)
class Sweep:
    """The same command on all intents that a query finds, inside the transaction."""

    select: Callable[[Tx], Sequence[Ref]]
    command: Command
    directory: bool = False
    """Whether the query changes the directory as well."""


@dataclass(slots=True)
class Write:
    """Rows beside the intents: the directory, keys, deliveries."""

    run: Callable[[Tx], Any]
    directory: bool = False
    """Whether people, teams, policies or keys change with it."""


@dataclass(slots=True)
class Spend:
    """What an agent says it has spent, beside all intents (micros)."""

    tenant: str
    agent: str
    micros: int


@dataclass(slots=True)
class OnRun:
    """One command on one run, with the intents that are filed and the state that is saved in the
    same transaction: all of it, or nothing."""

    ref: RunRef
    command: RunCommand
    files: Sequence[File] = ()
    state: bytes | None = None


@dataclass(slots=True)
class LeaseRuns:
    """Take the runs that a query finds inside the transaction."""

    select: Callable[[Tx], Sequence[RunRef]]
    command: Callable[[RunRef], RunCommand]


Work = Apply | File | Sweep | Write | Spend | OnRun | LeaseRuns


@dataclass(frozen=True, slots=True)
class RunDone:
    """The answer to `OnRun`: the run, and what its intents were filed as, in order."""

    run: Run
    filed: tuple[Filed, ...] = ()


@dataclass(frozen=True, slots=True)
class Filed:
    """The answer to `File`: the intent, and whether it was already there under this key."""

    transition: Transition
    existed: bool


@dataclass(slots=True)
class Result:
    """How one piece of work went: a value, or the error that refused it."""

    value: Any = None
    error: HoldshortError | None = None


@dataclass(slots=True)
class Item:
    """Work in the queue, and how it went. `done` is called on the event loop."""

    work: Work
    done: Callable[[Result], None]
    result: Result = field(default_factory=Result)
