"""The records: frozen, validated, no I/O.

Times are integers: milliseconds since 1970 in UTC. Durations are floats: seconds. What callers send
is in `requests.py`; what is stored and decided on is here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, PrivateAttr

Status = Literal[
    "CREATED",
    "SUBMITTED",
    "DELIVERED",
    "ACKNOWLEDGED",
    "IN_PROGRESS",
    "WAITING",
    "COMPLETED",
    "FAILED",
    "CANCELED",
    "TIMED_OUT",
]
WaitingReason = Literal[
    "WAITING_FOR_HUMAN", "WAITING_FOR_TOOL", "WAITING_FOR_AGENT", "WAITING_FOR_TIME"
]
DEFAULT_TENANT = "default"
TERMINAL: frozenset[str] = frozenset({"COMPLETED", "FAILED", "CANCELED", "TIMED_OUT"})

Role = Literal["agent", "person", "service", "system"]
Fallback = Literal["reject", "approve"]
Risk = Literal["low", "medium", "high"]

RunRef = tuple[str, str, str]
"""(tenant, agent, run id)"""


@lru_cache(maxsize=256)
def iso(milliseconds: int) -> str:
    """Write a stored time as RFC 3339 in UTC, with milliseconds."""
    seconds, rest = divmod(milliseconds, 1000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Record(BaseModel):
    """A stored value: never changed in place, copied with what differs."""

    # Unknown fields are ignored on load, so that an older replica can read a newer one's rows.
    model_config = ConfigDict(frozen=True, extra="ignore")

    def but(self, **changes: Any) -> Any:
        """Return a copy with these fields changed."""
        return self.model_copy(update=changes)


class Principal(Record):
    """Who acts. Made from a credential, never from a request's body."""

    kind: Role
    id: str
    tenant: str
    via: str = "api"
    owner: str | None = None
    """The person answerable for an agent; may not decide what that agent asks."""
    key_id: str | None = None

    @property
    def actor(self) -> str:
        """How the log names this principal, for example `person:ana@acme.com`."""
        return f"{self.kind}:{self.id}"


class Rung(Record):
    """One rung of an escalation ladder: `after` seconds since asking, `to` is asked as well."""

    after: float
    to: tuple[str, ...]


class Policy(Record):
    """How one step is handled, fully resolved. Durations in seconds, counted from asking.

    No field has a default here: what was resolved when the step was planned is what holds, even
    where a later Holdshort would resolve it differently.
    """

    remind_after: float | None
    remind_every: float
    max_reminders: int
    escalate: tuple[Rung, ...]
    deadline: float
    fallback: Fallback
    quorum: int
    reject_quorum: int
    risk: Risk
    allow_edit: bool
    require_comment: bool
    separation_of_duties: bool
    grant_ttl: float
    execution_timeout: float


class HumanTask(Record):
    """What a human step asks, in the words of the intent protocol."""

    task_type: str = "approval"
    title: str = ""
    description: str = ""
    allowed_outcomes: tuple[str, ...] = ()
    required_comment: bool = False
    evidence_required: bool = False
    form_schema: dict[str, Any] | None = None


class Vote(Record):
    """One person's answer inside a step. A void vote was given for arguments that were edited
    since.
    """

    by: str
    via: str
    at: int
    outcome: str
    positive: bool | None
    digest: str
    comment: str | None = None
    data: dict[str, Any] | None = None
    evidence: tuple[dict[str, Any], ...] = ()
    void: bool = False


class Decision(Record):
    """The immutable answer to a step, and, for the last step decided, to the intent."""

    intent_id: str
    step: int
    outcome: str
    positive: bool | None
    """True lets the action run; False is a no; None is another answer (say, *changes
    requested*).
    """
    decided_by: str
    at: int
    via: str
    digest: str
    comment: str | None = None
    data: dict[str, Any] | None = None
    evidence: tuple[dict[str, Any], ...] = ()
    edited: bool = False
    timed_out: bool = False


class Held(Record):
    """A person's answer that does not count yet: until then they can take it back."""

    by: Principal
    answer: dict[str, Any]
    at: int
    until: int


class Step(Record):
    """One stage of an intent and how far it has come."""

    name: str
    task: HumanTask
    policy: Policy
    reviewers: tuple[str, ...]
    status: Literal["pending", "open", "done"] = "pending"
    assigned: tuple[str, ...] = ()
    """The addresses that may decide now: the reviewers, then whoever was escalated or delegated
    to.
    """
    asked_at: int | None = None
    reminded: int = 0
    remind_at: int | None = None
    level: int = 0
    escalate_at: int | None = None
    deadline_at: int | None = None
    claimed_by: str | None = None
    delegated: tuple[tuple[str, str], ...] = ()
    """(from, to) for each delegation, in order."""
    held: Held | None = None
    votes: tuple[Vote, ...] = ()
    decision: Decision | None = None

    @property
    def live_votes(self) -> list[Vote]:
        return [vote for vote in self.votes if not vote.void]


class Grant(Record):
    """The single-use permit of a positive decision, bound to the digest."""

    digest: str
    issued_at: int
    expires_at: int
    state: Literal["open", "started", "done", "failed", "unknown", "revoked"] = "open"
    attempt: str | None = None
    started_at: int | None = None
    run_until: int | None = None
    reported_at: int | None = None
    result: Any = None
    error: str | None = None
    question: str | None = None
    """The intent that asks a person what happened, while the outcome is unknown."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One entry of the log, ready to be written: the line is what is hashed."""

    seq: int
    event_type: str
    at: int
    line: str
    hash: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Somebody is to be told something. Addresses, not yet people or channels."""

    reason: str
    to: tuple[str, ...]
    step: int


class Lease(Record):
    """Which worker holds a decided intent, and until when. The epoch fences late workers out."""

    worker: str
    epoch: int
    until: int


class Run(Record):
    """The durable record of one execution of a framework: a thread, an agent's run, a flow.

    Its state (what the framework resumes from) is stored beside it. While somebody works on it the
    lease says who; while it is suspended, `waits` says for which intents.
    """

    tenant: str
    agent: str
    id: str
    app: str
    """The name under which workers take it."""
    version: int = 0
    status: Literal["running", "suspended", "done", "failed"]
    waits: tuple[str, ...] = ()
    """The intents that were asked when it was suspended last."""
    wakes: Literal["all", "any"] = "all"
    """Whether it goes on when all of them have ended, or at each."""
    lease: Lease | None = None
    lease_at: int | None = None
    """From when a worker may take it; None while there is nothing to do."""
    save_id: str = ""
    """The last save, to know its retry by."""
    result: Any = None
    error: str | None = None
    created_at: int
    updated_at: int

    @property
    def ref(self) -> RunRef:
        return (self.tenant, self.agent, self.id)

    def dump(self) -> str:
        """Return the JSON that is stored. `Run.model_validate_json` reads it back."""
        return self.model_dump_json(exclude_defaults=True)


class Settles(Record):
    """On a question about an unknown outcome: which run it is about."""

    intent_id: str
    attempt: str


class Intent(Record):
    """The durable record of one thing an agent wants that needs a human (its state, not its
    body).
    """

    tenant: str
    id: str
    version: int = 0
    agent: str
    owner: str | None = None
    intent_type: str
    to_agent: str | None = None
    correlation_id: str
    key: str
    body_hash: str
    title: str
    tool: str
    environment: str = ""
    digest: str
    """The digest of the action as it stands: as asked, or as a reviewer edited it."""
    edited_arguments: dict[str, Any] | None = None
    idempotent: bool = False
    status: Status
    waiting_reason: WaitingReason | None = None
    created_at: int
    updated_at: int
    ended_at: int | None = None
    wake_at: int | None = None
    steps: tuple[Step, ...]
    step: int = 0
    grant: Grant | None = None
    resume: bool = False
    """True where a worker goes on after the decision, rather than a waiting client."""
    lease: Lease | None = None
    lease_at: int | None = None
    """From when a worker may take this intent; None while there is nothing to resume."""
    supersedes: str | None = None
    superseded_by: str | None = None
    settles: Settles | None = None
    run: tuple[str, str] | None = None
    """(agent, id) of the run that goes on when this ends."""
    error: str | None = None
    seq: int = 0
    head: str = ""

    @property
    def current(self) -> Step:
        return self.steps[self.step]

    @property
    def decision(self) -> Decision | None:
        """The answer that ended the intent; None while it is open, and where it was withdrawn."""
        return self.current.decision if self.terminal else None

    def dump(self) -> str:
        """Return the JSON that is stored. `Intent.model_validate_json` reads it back."""
        return self.model_dump_json(exclude_defaults=True)

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def assigned(self) -> tuple[str, ...]:
        """The addresses that are asked right now; empty when nobody is."""
        return () if self.terminal else self.current.assigned


class Directory(Record):
    """A tenant's people, teams and policies at one moment: what deciding who may decide needs."""

    tenant: str
    people: dict[str, tuple[str, ...]] = {}
    """Active people by address, with their roles."""
    inactive: frozenset[str] = frozenset()
    teams: dict[str, tuple[str, ...]] = {}
    default_reviewers: tuple[str, ...] = ("team:admins",)
    default_policy: dict[str, Any] = {}
    type_policies: dict[str, dict[str, Any]] = {}
    """Policy patches by intent type; a trailing `*` matches a prefix."""
    channels: tuple[str, ...] = ("console",)
    webhooks: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(subscription id, event types) for each active webhook; `*` is every type."""
    _memo: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def memo(self) -> dict[str, Any]:
        """What was worked out from this directory already. It lives as long as the directory is
        believed, about a second, so it needs no bound of its own."""
        return self._memo

    def but(self, **changes: Any) -> Any:
        """Return a copy with these fields changed, which has worked out nothing yet."""
        copy = super().but(**changes)
        copy._memo = {}
        return copy

    def addresses_of(self, person: str) -> set[str]:
        """Every address under which this person is asked. Empty for somebody who was
        deactivated.
        """
        if person in self.inactive:
            return set()
        teams = {f"team:{name}" for name, members in self.teams.items() if person in members}
        roles = {f"role:{role}" for role in self.people.get(person, ())}
        return {person, *teams, *roles}

    def people_at(self, addresses: Iterable[str]) -> list[str]:
        """Return the people behind these addresses, each once, in order."""
        found: dict[str, None] = {}
        for address in addresses:
            scheme, _, name = address.partition(":")
            if scheme == "team":
                members: Iterable[str] = self.teams.get(name, ())
            elif scheme == "role":
                members = [person for person, roles in self.people.items() if name in roles]
            else:
                members = [address]
            found |= dict.fromkeys(m for m in members if m not in self.inactive)
        return list(found)
