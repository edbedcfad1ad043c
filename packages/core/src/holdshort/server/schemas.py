"""The shapes of responses and parameters, for the OpenAPI document and those who check it."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from holdshort.models import Status, WaitingReason


class Reply(BaseModel):
    """A response. Fields may be added in later versions."""

    model_config = ConfigDict(extra="allow")


class Ok(Reply):
    """Done."""

    ok: Literal[True]


class ProblemError(Reply):
    """The intent protocol's form of the same error."""

    code: str
    message: str
    details: dict[str, Any]


class Problem(Reply):
    """RFC 9457, with the intent protocol's `error` beside it."""

    type: str
    title: str
    status: int
    detail: str
    error: ProblemError


class Health(Ok):
    service: str


class Ready(Reply):
    ok: bool
    problem: str | None


class Whoami(Ok):
    role: Literal["agent", "person", "service"]
    subject: str
    tenant: str
    owner: str | None


class Filed(Ok):
    intent_id: str
    status: Status
    created_at: str
    existed: bool
    digest: str
    assigned: list[str]


class FiledBatch(Reply):
    ok: bool
    results: list[dict[str, Any]]


class StepAnswer(Reply):
    step: int
    outcome: str
    approved: bool
    decided_by: str
    decided_at: str
    via: str
    comment: str | None
    data: dict[str, Any] | None
    evidence: list[dict[str, Any]]
    edited: bool
    timed_out: bool
    on_behalf_of: str | None


class FileOfIntent(Reply):
    """A file that a reviewer put beside an intent."""

    name: str
    sha256: str
    size: int
    by: str
    at: str


class FileAdded(Ok):
    file: FileOfIntent


class FileReply(Ok):
    file: FileOfIntent
    data: str
    """The bytes, in Base64."""


class Answer(Reply):
    """A decision as the agent gets it."""

    intent_id: str
    status: Status
    outcome: str
    approved: bool
    decided_by: str | None
    decided_at: str
    comment: str | None
    data: dict[str, Any] | None
    evidence: list[dict[str, Any]]
    edited: bool
    timed_out: bool
    on_behalf_of: str | None
    digest: str
    arguments: dict[str, Any] | None
    superseded_by: str | None
    steps: list[StepAnswer]


class DecisionReply(Ok):
    intent_id: str
    status: Status
    waiting_reason: WaitingReason | None
    decision: Answer | None


class HumanTaskReply(Reply):
    title: str
    description: str
    task_type: str
    allowed_outcomes: list[str]
    positive_outcomes: list[str]
    negative_outcomes: list[str]
    required_comment: bool
    comment_for: list[str]
    evidence_required: bool
    form_schema: dict[str, Any] | None
    assignees: list[str]
    allow_edit: bool


class CostItem(Reply):
    amount: float
    currency: str


class IntentItem(Reply):
    intent_id: str
    intent_type: str
    status: Status
    lifecycle_status: Status
    waiting_reason: WaitingReason | None
    title: str
    from_agent: str
    to_agent: str | None
    correlation_id: str
    idempotency_key: str
    run_id: str | None
    created_at: str
    updated_at: str
    assigned: list[str]
    human_task: HumanTaskReply
    step: int
    steps: list[dict[str, Any]]
    digest: str
    grant: dict[str, Any] | None
    result: Answer | None
    paused_at: str | None
    cost: CostItem | None
    files: list[FileOfIntent]
    last_seq: int
    head: str


class IntentReply(Ok):
    intent: IntentItem
    status: Status
    result: Answer | None
    payload: dict[str, Any] | None


class IntentPage(Ok):
    intents: list[IntentItem]
    next_cursor: str | None


class EventItem(Reply):
    intent_id: str
    seq: int
    event_type: str
    status: Status
    at: str
    actor: str
    digest: str
    prev: str
    hash: str


class Events(Ok):
    events: list[EventItem]


class Decided(Ok):
    intent_id: str
    status: Status
    step: int
    votes: int
    quorum: int
    decision: StepAnswer | None


class HeldAnswer(Reply):
    by: str
    outcome: str
    until: str


class TaskItem(Reply):
    intent_id: str
    intent_type: str
    status: Status
    from_agent: str
    title: str
    task_type: str
    assigned: list[str]
    assigned_at: str
    due_at: str | None
    claimed_by: str | None
    held: HeldAnswer | None
    fallback: str
    risk: str
    step: int
    steps: int
    human_task: HumanTaskReply
    digest: str


class TaskReply(Ok):
    task: TaskItem


class OutcomeItem(Reply):
    outcome: str
    label: str
    positive: bool | None


class CardWords(Reply):
    name: str
    text: str


class CardItem(Reply):
    intent_id: str
    version: int
    digest: str
    tenant: str
    open: bool
    stands: str
    what: str
    tool: str
    environment: str
    arguments: Any
    edited: bool
    about: Any
    words: list[CardWords]
    agent: str
    owner: str | None
    risk: str
    figure: str
    task_type: str
    step: int
    steps: int
    deadline_at: str | None
    next: str
    if_nobody: str
    seats: str
    claimed_by: str | None
    on_behalf_of: str | None
    away_until: str | None
    held: HeldAnswer | None
    outcomes: list[OutcomeItem]
    comment_for: list[str]
    comment_required: bool
    evidence_required: bool
    form_schema: dict[str, Any] | None
    why_not: str | None
    can_edit: bool
    can_delegate: bool
    warnings: list[str]
    undo_seconds: float


class CardReply(Ok):
    card: CardItem


class ScopeItem(Reply):
    allow: list[str]
    deny: list[str]


class LimitsItem(Reply):
    intents_per_hour: int | None
    intents_per_day: int | None
    cost_per_hour: float | None
    cost_per_day: float | None
    currency: str
    on_breach: Literal["block", "alert", "require_approval"]
    approvers: list[str]
    require_cost: bool
    intent_types: ScopeItem
    tools: ScopeItem


class NamedLimits(LimitsItem):
    agent: str


class LimitsList(Ok):
    limits: list[NamedLimits]


class UsageItem(Reply):
    intents_this_hour: int
    intents_today: int
    cost_this_hour: float
    cost_today: float
    currency: str
    counted: bool


class LimitsReply(Ok):
    agent: str
    own: bool
    limits: LimitsItem | None
    usage: UsageItem


class TaskPage(Ok):
    tasks: list[TaskItem]
    next_cursor: str | None


class Continuation(Ok):
    continuation: Any


class Permit(Ok):
    intent_id: str
    attempt_id: str
    digest: str
    state: str
    run: bool
    tool: str
    arguments: dict[str, Any]
    result: Any
    error: str | None


class Reported(Ok):
    intent_id: str
    state: str


class Job(Reply):
    intent_id: str
    intent_type: str
    attempt_id: str
    delivery: int
    epoch: int
    leased_until: str
    payload: dict[str, Any]
    decision: Answer | None


class RunItem(Reply):
    run_id: str
    app: str
    agent: str
    status: Literal["running", "suspended", "done", "failed"]
    waits: list[str]
    wakes: Literal["all", "any"]
    worker: str | None
    epoch: int
    leased_until: str | None
    result: Any
    error: str | None
    created_at: str
    updated_at: str


class LeasedRun(Reply):
    run: RunItem
    state: Any


class LeasedRunReply(Ok):
    run: RunItem
    state: Any


class RunReply(Ok):
    run: RunItem


class SavedRun(Ok):
    run: RunItem
    results: list[Filed]


class RunPage(Ok):
    runs: list[RunItem]
    next_cursor: str | None


class Jobs(Ok):
    jobs: list[Job]
    runs: list[LeasedRun]


class LeaseReply(Ok):
    leased_until: str | None


class DeliveryItem(Reply):
    delivery_id: str
    intent_id: str
    reason: str
    channel: str
    recipient: str
    state: Literal["pending", "sent", "dead"]
    attempts: int
    next_at: str | None
    created_at: str
    sent_at: str | None
    last_error: str | None
    receipt: str | None
    fallbacks: list[str]


class DeliveryReply(Ok):
    delivery: DeliveryItem


class DeliveryPage(Ok):
    deliveries: list[DeliveryItem]
    next_cursor: str | None


class SettingsReply(Ok):
    settings: dict[str, Any]


class AbsenceItem(Reply):
    absence_id: str
    person: str
    since: str = Field(alias="from")
    until: str
    deputy: str | None
    note: str


class AdministrationItem(Reply):
    seq: int
    at: str
    event_type: str
    about: str
    actor: str
    via: str
    details: dict[str, Any]
    prev: str
    hash: str


class Administration(Ok):
    entries: list[AdministrationItem]


class Absences(Ok):
    absences: list[AbsenceItem]


class AbsenceReply(Ok):
    absence: AbsenceItem


class OnCall(Ok):
    at: str
    on_call: str | None
    turn: str
    until: str


class KeyItem(Reply):
    key_id: str
    role: Literal["agent", "person", "service"]
    subject: str
    owner: str | None
    name: str
    created_at: str
    revoked_at: str | None


class Keys(Ok):
    keys: list[KeyItem]


class SignInLink(Ok):
    person: str
    url: str


class KeyReply(Ok):
    key: KeyItem
    token: str


class Item(Reply):
    name: str


class Items(Ok):
    items: list[Item]


class ItemReply(Ok):
    item: Item
    secret: str | None = None


REPLIES: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (
        Ok, Problem, Health, Ready, Whoami, Filed, FiledBatch, DecisionReply, IntentReply,
        IntentPage, Events, Decided, TaskReply, TaskPage, Continuation, Permit, Reported, Jobs,
        CardReply, FileReply, FileAdded,
        LeasedRunReply, RunReply, SavedRun, RunPage,
        LeaseReply, DeliveryReply, DeliveryPage, SettingsReply, SignInLink, Keys, KeyReply,
        Items, ItemReply, Absences, AbsenceReply, OnCall, LimitsList, LimitsReply, Administration,
    )
}  # fmt: skip

_TEXT: dict[str, Any] = {"type": "string"}

#: Query parameters and headers by name.
PARAMETERS: dict[str, dict[str, Any]] = {
    "Idempotency-Key": {
        "type": "string",
        "minLength": 1,
        "maxLength": 128,
        "description": "asking again with the same key finds the same intent",
    },
    "Last-Event-ID": _TEXT | {"description": "where a cut stream goes on"},
    "before": {"type": "integer", "minimum": 1, "description": "only entries before this one"},
    "since": {"type": "integer", "minimum": 0, "description": "only events after this one"},
    "wait_seconds": {
        "type": "number",
        "minimum": 0,
        "maximum": 60,
        "description": "hold the request this long for news",
    },
    "cursor": _TEXT | {"description": "next_cursor of the page before"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
    "status": {"type": "string", "enum": list(get_args(Status))},
    "state": {"type": "string", "enum": ["pending", "sent", "dead"]},
    "at": _TEXT | {"description": "a date or a time, instead of now"},
    "intent_type": _TEXT,
    "run_id": _TEXT,
    "app": _TEXT | {"description": "only runs of this app"},
    "run_status": {"type": "string", "enum": ["running", "suspended", "done", "failed"]},
    "intent_id": _TEXT,
    "agent": _TEXT | {"description": "with a service key: only this agent's"},
    "key": _TEXT | {"description": "the idempotency key to find an intent by"},
    "all": {"type": "string", "enum": ["true", "false"]},
}
