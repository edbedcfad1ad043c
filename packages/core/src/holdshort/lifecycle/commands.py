"""What can be done to an intent. Each command carries everything that its rule needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from holdshort.limits import Cost, Usage
from holdshort.models import Callback, Principal, Settles
from holdshort.requests import DecisionRequest, IntentRequest


@dataclass(frozen=True, slots=True)
class Create:
    """File an intent."""

    principal: Principal
    request: IntentRequest
    intent_id: str
    key: str
    body_hash: str
    correlation_id: str
    settles: Settles | None = None
    run: tuple[str, str] | None = None
    """(agent, id) of the run that goes on when the intent ends."""
    usage: Usage | None = None
    """What the agent has asked for today; None where nothing limits it."""


@dataclass(frozen=True, slots=True)
class Decide:
    """A person's answer to the current step."""

    principal: Principal
    answer: DecisionRequest


@dataclass(frozen=True, slots=True)
class Undo:
    """A person takes back an answer that is still held."""

    principal: Principal


@dataclass(frozen=True, slots=True)
class AddCallback:
    """The agent that asked wants to be called when the intent has ended."""

    principal: Principal
    callback: Callback


@dataclass(frozen=True, slots=True)
class Claim:
    """A person takes the step, so that others leave it alone."""

    principal: Principal


@dataclass(frozen=True, slots=True)
class Release:
    """The claimer gives the step back."""

    principal: Principal


@dataclass(frozen=True, slots=True)
class Delegate:
    """A reviewer hands the step to somebody else."""

    principal: Principal
    to: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """A remark by a reviewer or by the agent that asked."""

    principal: Principal
    text: str
    ask: bool = False
    """A reviewer asks the agent something, before they decide."""


@dataclass(frozen=True, slots=True)
class Attach:
    """A reviewer puts a file beside the intent, which is known by its SHA-256."""

    principal: Principal
    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Advance:
    """An agent says how the step that is its work went."""

    principal: Principal
    succeeded: bool
    result: dict[str, Any]
    error: str | None = None
    again: bool = False
    """Whether this may be said a second time, its first answer being lost."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """An agent asks another one to do its step."""

    principal: Principal
    to: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """The asker, or an administrator, withdraws the intent."""

    principal: Principal
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Supersede:
    """A newer intent by the same agent takes this one's place."""

    principal: Principal
    by: str


@dataclass(frozen=True, slots=True)
class Fail:
    """The agent says that the work broke while it waited."""

    principal: Principal
    error: str


@dataclass(frozen=True, slots=True)
class ChangeDeadline:
    """Another end for the open step: `seconds` after it was asked, or a moment (`until`)."""

    principal: Principal
    seconds: float | None = None
    until: int | None = None
    reason: str = ""
    generation: int | None = None
    """The policy generation that the caller has seen; None where it does not matter to it."""


@dataclass(frozen=True, slots=True)
class Pause:
    """The agent was killed: what it asked for stands still, and what it was permitted is not."""

    principal: Principal


@dataclass(frozen=True, slots=True)
class Unpause:
    """The agent may go on: so does the time of what it asked for."""

    principal: Principal


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: do all that is due."""


@dataclass(frozen=True, slots=True)
class Consume:
    """Run the approved action now, once."""

    principal: Principal
    digest: str
    attempt: str


@dataclass(frozen=True, slots=True)
class Report:
    """How the run of the action ended."""

    principal: Principal
    attempt: str
    succeeded: bool
    result: Any = None
    error: str | None = None
    began: bool = True
    cost: Cost | None = None
    """What the run really cost."""


@dataclass(frozen=True, slots=True)
class Lose:
    """Whoever ran the approved action is gone, and never reported."""

    why: str


@dataclass(frozen=True, slots=True)
class Settle:
    """A person has said whether the run whose outcome was unknown took effect."""

    attempt: str
    happened: bool
    by: str


@dataclass(frozen=True, slots=True)
class TakeLease:
    """A worker takes a decided intent to go on with it."""

    principal: Principal
    worker: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RenewLease:
    """The worker is still at it."""

    principal: Principal
    worker: str
    epoch: int
    seconds: float


@dataclass(frozen=True, slots=True)
class EndLease:
    """The worker is done, or (`again_in` seconds) wants it delivered again later."""

    principal: Principal
    worker: str
    epoch: int
    again_in: float | None = None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A command on another intent, applied in the same transaction."""

    intent_id: str
    command: Supersede | Settle | Cancel


@dataclass(frozen=True, slots=True)
class Question:
    """An intent that Holdshort itself files, because only a person can know."""

    request: IntentRequest
    intent_id: str
    settles: Settles = field()


Command = (
    Create
    | Decide
    | Undo
    | AddCallback
    | Claim
    | Release
    | Delegate
    | Comment
    | Attach
    | Advance
    | Transfer
    | Cancel
    | Supersede
    | Fail
    | ChangeDeadline
    | Pause
    | Unpause
    | Tick
    | Consume
    | Report
    | Settle
    | Lose
    | TakeLease
    | RenewLease
    | EndLease
)
