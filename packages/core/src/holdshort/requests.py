"""What callers send, validated: field by field, unknown fields refused, spellings made one."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from holdshort.durations import LONGEST, seconds
from holdshort.limits import micros_of
from holdshort.models import Fallback, Risk

_ADDRESS = re.compile(r"(team|role|oncall):[a-z0-9][a-z0-9._-]{0,62}|[^\s@:]{1,64}@[^\s@:]{1,190}")
_TYPE = r"^[a-z0-9_]+(\.[a-z0-9_]+)+\.v[0-9]+$"


def address(text: str) -> str:
    """Return a reviewer's address in the one form that is stored and compared.

    Raises ValueError for what is neither `name@domain`, `team:name`, `role:name` nor
    `oncall:name`.
    """
    plain = text.strip().lower()
    if not _ADDRESS.fullmatch(plain):
        raise ValueError(
            f"{text!r} is no reviewer: write ana@acme.com, team:finance, role:cfo or oncall:ops"
        )
    return plain


def _many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value))


def _to_seconds(value: Any) -> Any:
    return None if value is None else seconds(value)


#: A pydantic field that takes any of the spellings and holds seconds.
Seconds = Annotated[
    float,
    BeforeValidator(_to_seconds),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": LONGEST},
                {"type": "string", "pattern": r"^\s*(\d+(\.\d+)?\s*(ms|s|m|h|d|w)?\s*)+$"},
            ],
            "description": "seconds, or a text such as 5m, 8h, 1h30m, 2d",
        }
    ),
]
#: True or false, and nothing that is only taken for one ("no" must not become a yes).
Flag = Annotated[bool, Field(strict=True)]
Address = Annotated[str, AfterValidator(address)]
Addresses = Annotated[
    tuple[Address, ...], BeforeValidator(_many), Field(max_length=50), AfterValidator(_each_once)
]
Text = Annotated[str, Field(max_length=10_000)]
Title = Annotated[str, Field(max_length=255)]
Outcome = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Key = Annotated[str, Field(min_length=1, max_length=128)]
RunId = Annotated[str, Field(min_length=1, max_length=255)]
AppName = Annotated[str, Field(min_length=1, max_length=128)]


class Request(BaseModel):
    """A body somebody sent. What is not known is refused by name (DESIGN.md 5.6)."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RungRequest(Request):
    """One rung of the ladder. Without `after`, rungs come one default interval apart."""

    after: Seconds | None = None
    to: Addresses


def _rungs(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, str | dict):
        value = [value]
    if not isinstance(value, list | tuple):
        raise ValueError("escalate is a list of reviewers, or of {after, to}")
    rungs = []
    for rung in value:
        if isinstance(rung, str):
            rungs.append({"to": rung})
        elif isinstance(rung, list | tuple) and len(rung) == 2:
            rungs.append({"after": rung[0], "to": rung[1]})
        else:
            rungs.append(rung)
    return rungs


class PolicyPatch(Request):
    """The part of a policy that is said; what is not said comes from the level above."""

    remind_after: Seconds | None = None
    remind_every: Seconds | None = None
    max_reminders: Annotated[int, Field(strict=True, ge=0, le=1000)] | None = None
    escalate: Annotated[
        Annotated[tuple[RungRequest, ...], Field(max_length=20)] | None, BeforeValidator(_rungs)
    ] = None
    escalate_after: Seconds | None = None
    deadline: Seconds | None = None
    fallback: Fallback | None = None
    quorum: Annotated[int, Field(strict=True, ge=1, le=50)] | None = None
    reject_quorum: Annotated[int, Field(strict=True, ge=1, le=50)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _protocol_names(cls, value: Any) -> Any:
        """Take the intent protocol's names for the same things."""
        if not isinstance(value, dict):
            return value
        renamed = dict(value)
        for theirs, ours in _PROTOCOL_NAMES.items():
            if theirs in renamed:
                if ours in renamed:
                    raise ValueError(f"{theirs} and {ours} say the same thing; send one of them")
                renamed[ours] = renamed.pop(theirs)
        return renamed


_PROTOCOL_NAMES = {
    "remind_after_seconds": "remind_after",
    "remind_interval_seconds": "remind_every",
    "escalate_to": "escalate",
    "ttl_seconds": "deadline",
    "step_deadline_seconds": "deadline",
}


class TenantPolicy(PolicyPatch):
    """A policy as a tenant sets it, for everything or for a type: more than a call may say."""

    reviewers: Addresses | None = None
    risk: Risk | None = None
    allow_edit: Flag | None = None
    require_comment: Flag | None = None
    separation_of_duties: Flag | None = None
    grant_ttl: Seconds | None = None
    execution_timeout: Seconds | None = None
    calendar: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")] | None = Field(
        None,
        description="working hours by which reminders, escalation and the deadline are counted; "
        "`always` counts all time",
    )
    cost_from: Annotated[str, Field(pattern=r"^[^.\s]+(\.[^.\s]+)*$", max_length=255)] | None = (
        Field(
            None,
            description="where the arguments say what it costs, such as `order.total`: it is read "
            "there, and not from what the agent says beside them",
        )
    )


class CostRequest(Request):
    """An amount of money."""

    amount: Annotated[int | float | str, Field(description="at most; not negative")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"

    @field_validator("amount", mode="before")
    @classmethod
    def _an_amount(cls, value: Any) -> Any:
        micros_of(value)
        return value

    @property
    def micros(self) -> int:
        """The amount in millionths."""
        return micros_of(self.amount)


class HumanTaskRequest(Request):
    """A human task as it is asked for."""

    task_type: str | None = None
    title: Title = ""
    description: Text = ""
    allowed_outcomes: Annotated[tuple[Outcome, ...], Field(max_length=20)] = ()
    required_comment: Flag = False
    evidence_required: Flag = False
    form_schema: dict[str, Any] | None = None
    assignees: Addresses = ()
    notify_email: Address | None = None


class StepRequest(PolicyPatch):
    """One step of a chain."""

    name: Annotated[str, Field(max_length=64)] | None = None
    to: Addresses = ()
    task: str | None = None
    title: Title = ""
    human_task: HumanTaskRequest | None = None


class WorkflowStep(StepRequest):
    """One step of several: it asks people or is an agent's work, and may say what follows it."""

    agent: Annotated[str, Field(min_length=3, max_length=383)] | None = Field(
        None, description="the registered agent whose work this step is; nobody is asked then"
    )
    on_success: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="the name of the later step that follows a yes, or work that was done"
    )
    on_failure: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="the name of the later step that follows a no, a failure or a timeout"
    )


class Action(Request):
    """What is to be done: a tool and its arguments. This, and nothing else, is what is approved."""

    tool: Annotated[str, Field(min_length=1, max_length=255)]
    arguments: dict[str, Any] = {}


class RunOfIntent(Request):
    """The run that goes on when an intent ends."""

    id: RunId
    app: AppName


class IntentRequest(StepRequest):
    """What an agent files."""

    intent_type: Annotated[str, Field(pattern=_TYPE, max_length=255)]
    to_agent: Annotated[str, Field(min_length=3, max_length=383)] | None = None
    from_agent: str | None = Field(None, description="ignored: the sender is the key's agent")
    payload: dict[str, Any] = {}
    correlation_id: Annotated[str, Field(max_length=64)] | None = None
    reply_to: Annotated[str, Field(max_length=383)] | None = None
    description: Text = ""
    action: Action | None = None
    environment: Annotated[str, Field(max_length=64)] = ""
    idempotent: Flag = False
    steps: Annotated[tuple[WorkflowStep, ...], Field(max_length=20)] = ()
    deadline_at: datetime | None = None
    resume: Literal["wait", "worker"] = "wait"
    continuation: Any = None
    supersedes: Annotated[str, Field(max_length=64)] | None = None
    run: RunOfIntent | None = None
    cost: CostRequest | None = Field(
        None, description="what this may cost at most; reserved against the agent's limits"
    )
    max_delivery_attempts: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> IntentRequest:
        if self.deadline is not None and self.deadline_at is not None:
            raise ValueError("deadline and deadline_at say the same thing; send one of them")
        if self.deadline_at is not None and self.deadline_at.tzinfo is None:
            raise ValueError("deadline_at needs a time zone, for example 2026-11-21T17:00:00Z")
        if self.steps and (self.to or self.task or self.human_task):
            raise ValueError(
                "with steps, say to, task and human_task in each step, not beside them"
            )
        return self


class Evidence(Request):
    """One piece of evidence: what it is, and where it is or its SHA-256."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    url: Annotated[str, Field(max_length=2048)] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    note: Text | None = None


class DecisionRequest(Request):
    """A person's answer. Who decides comes from the credential, so it is not here."""

    outcome: Outcome
    comment: Text | None = None
    data: dict[str, Any] | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=20)] = ()
    arguments: dict[str, Any] | None = Field(
        None, description="the arguments as edited by the reviewer; they replace the agent's"
    )
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="the digest that was shown; refused if it is not the stored one"
    )
    step: Annotated[int, Field(strict=True, ge=0, le=20)] | None = None
    undo_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        0.0, description="hold the answer this long, for its giver to take it back"
    )


class DelegateRequest(Request):
    """Hand a step to somebody else."""

    to: Address
    comment: Text | None = None


class CommentRequest(Request):
    """A remark that decides nothing."""

    text: Annotated[str, Field(min_length=1, max_length=10_000)]
    ask: Flag = Field(False, description="ask the agent something; only reviewers do")


class CancelRequest(Request):
    """Withdraw an intent."""

    reason: Text = ""


class FailRequest(Request):
    """Say that the work broke."""

    error: Annotated[str, Field(min_length=1, max_length=10_000)]


class ConsumeRequest(Request):
    """Ask to run the approved action now."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    attempt_id: Key


class ReportRequest(Request):
    """Say how a run ended."""

    attempt_id: Key
    succeeded: Flag
    began: Flag = Field(
        True, description="false gives the permit back: nothing was done with it, and it may run"
    )
    result: Any = None
    error: Text | None = None
    cost: CostRequest | None = Field(
        None, description="what it really cost; without it, what was reserved stays counted"
    )


class LeaseRequest(Request):
    """Ask for decided intents, and for runs that can go on."""

    worker: Annotated[str, Field(min_length=1, max_length=128)]
    intent_types: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    apps: Annotated[tuple[AppName, ...], Field(max_length=100)] = ()
    seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0
    limit: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    wait_seconds: Annotated[float, Field(ge=0, le=60)] = 0.0


class LeaseChange(Request):
    """Renew, finish or hand back a lease."""

    worker: Annotated[str, Field(min_length=1, max_length=128)]
    epoch: Annotated[int, Field(strict=True, ge=1)]
    seconds: Annotated[float, Field(ge=0, le=3600)] = 60.0


class OpenRunRequest(Request):
    """Begin a run, or take it over."""

    run_id: RunId
    app: AppName
    worker: Annotated[str, Field(min_length=1, max_length=128)]
    seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0
    again: Flag = Field(False, description="take up a run that has ended, as a thread does")


class SaveRunRequest(Request):
    """Save a run's state; with another status than `running` its lease is given up."""

    run_id: RunId
    worker: Annotated[str, Field(min_length=1, max_length=128)]
    epoch: Annotated[int, Field(strict=True, ge=1)]
    save_id: Annotated[str, Field(min_length=1, max_length=64)]
    status: Literal["running", "suspended", "ready", "done", "failed"]
    state: Any = Field(None, description="what to resume from; null keeps what is stored")
    intents: Annotated[tuple[dict[str, Any], ...], Field(max_length=100)] = Field(
        (), description="intents to file in the same transaction, each with `idempotency_key`"
    )
    waits: Annotated[tuple[str, ...], Field(max_length=100)] = Field(
        (), description="intents filed before, that are waited for as well"
    )
    wakes: Literal["all", "any"] = "all"
    again_in: Annotated[float, Field(ge=0, le=86400)] = 0.0
    result: Any = None
    error: Text | None = None


class RenewRunRequest(Request):
    """Keep a run's lease."""

    run_id: RunId
    worker: Annotated[str, Field(min_length=1, max_length=128)]
    epoch: Annotated[int, Field(strict=True, ge=1)]
    seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0
