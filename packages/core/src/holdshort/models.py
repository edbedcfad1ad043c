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

from pydantic import Field, PrivateAttr

from holdshort.limits import EVERY_AGENT, Cost, Limits
from holdshort.people import Absence, Away, Contact, Hours, Rota
from holdshort.record import Record as Record

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


def agent_address(agent: str) -> str:
    """Return the one form in which an agent is addressed and compared, `agent://…`."""
    return agent if agent.startswith("agent://") else f"agent://{agent}"


class Principal(Record):
    """Who acts. Made from a credential, never from a request's body."""

    kind: Role
    id: str
    tenant: str
    via: str = "api"
    owner: str | None = None
    """The person answerable for an agent; may not decide what that agent asks."""
    key_id: str | None = None
    strong: bool = False
    """A person who has just shown with a passkey that they mean this very answer."""

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
    where a later Holdshort would resolve it differently. The two at the end came later: steps that
    were planned without them hold to none.
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
    calendar: Hours | None = None
    """Working hours: where there are some, only they count for reminders, escalation, deadline."""
    ends_at: int | None = None
    """The moment of the deadline, where the call named a moment and no duration."""


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
    on_behalf_of: str | None = None
    """Who is away and was asked, where a deputy answered."""
    strong: bool = False
    """Given with a passkey, for exactly this."""


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
    on_behalf_of: str | None = None
    """Who is away and was asked, where a deputy decided."""


class Held(Record):
    """A person's answer that does not count yet: until then they can take it back."""

    by: Principal
    answer: dict[str, Any]
    at: int
    until: int


class Step(Record):
    """One stage of an intent and how far it has come. Most ask people; some are an agent's work."""

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
    asking: tuple[str, ...] = ()
    """Who has asked the agent something and has no answer yet."""
    held: Held | None = None
    votes: tuple[Vote, ...] = ()
    decision: Decision | None = None
    agent: str | None = None
    """Whose work this step is (`agent://…`); None where people are asked."""
    done_by: str | None = None
    """The agent that said how its step went."""
    failed: bool = False
    """That it could not be done."""
    result: dict[str, Any] | None = None
    paused: int = 0
    """For how long it stood still while it was open (milliseconds): no time ran then."""
    on_success: str | None = None
    """The name of the step that follows; None for the next one."""
    on_failure: str | None = None
    """The step that follows a no, a failure or the end of time; None ends the intent."""

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
    cost: Cost | None = None
    """What the run really cost, where it was reported."""


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


class Attached(Record):
    """A file that a reviewer put beside an intent; its bytes are stored under the hash."""

    name: str
    sha256: str
    size: int
    by: str
    at: int


class Callback(Record):
    """Somebody waits in another system and is called when the intent has ended."""

    channel: str
    """Who knows how to call them."""
    url: str
    ref: str
    """What the other system knows the waiting by."""


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
    decided_at_step: int | None = None
    """The step whose answer is the intent's, where that is not the last one that was open."""
    policy_generation: int = 0
    """How often its end was changed."""
    reply_to: str | None = None
    """The agent in whose inbox the end of this is shown as well."""
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
    said: tuple[str, int] | None = None
    """The newest remark, by what it is known again, and when it was made."""
    callbacks: tuple[Callback, ...] = ()
    """Who is called when this ends, each once for each `ref`."""
    files: tuple[Attached, ...] = ()
    error: str | None = None
    cost: Cost | None = None
    """What it may cost."""
    counted: bool = False
    """Whether it counts towards its agent's limits."""
    paused_at: int | None = None
    """Since when it stands still, because its agent was killed."""
    seq: int = 0
    head: str = ""

    @property
    def current(self) -> Step:
        return self.steps[self.step]

    @property
    def decision(self) -> Decision | None:
        """The answer that ended the intent; None while it is open, and where it was withdrawn."""
        if not self.terminal:
            return None
        step = self.step if self.decided_at_step is None else self.decided_at_step
        return self.steps[step].decision

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
    """A tenant's people, teams and policies at one moment: what deciding who may decide needs.

    Who is away and who is on call depends on when one asks: `at` says so.
    """

    tenant: str
    moment: int = 0
    """When this is asked (milliseconds UTC)."""
    people: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Active people by address, with their roles."""
    inactive: frozenset[str] = frozenset()
    teams: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    default_reviewers: tuple[str, ...] = ("team:admins",)
    default_policy: dict[str, Any] = Field(default_factory=dict)
    type_policies: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Policy patches by intent type; a trailing `*` matches a prefix."""
    passkey_for_high_risk: bool = False
    """A yes of high risk counts only where it was given with a passkey."""
    channels: tuple[str, ...] | None = None
    """By which people are told who do not say otherwise; None is what the server has."""
    contacts: dict[str, Contact] = Field(default_factory=dict)
    timezone: str = "UTC"
    """Where people live who do not say otherwise."""
    absences: tuple[Absence, ...] = ()
    allow_deputies: bool = True
    """Whether somebody who is away is stood in for."""
    rotas: dict[str, Rota] = Field(default_factory=dict)
    calendars: dict[str, Hours] = Field(default_factory=dict)
    agents: frozenset[str] = frozenset()
    """The agents (`agent://…`) that are registered to take work."""
    killed: frozenset[str] = frozenset()
    """The agents that may ask for nothing, take nothing and run nothing until they are resumed."""
    limits: dict[str, Limits] = Field(default_factory=dict)
    """By agent (`agent://…`), or `*` for those that have none of their own."""
    webhooks: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(subscription id, event types) for each active webhook; `*` is every type."""
    subscriptions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """(id, whose, event types) for each active subscription of an agent (`agent://…`)."""
    _memo: dict[str, Any] = PrivateAttr(default_factory=dict)
    _away: Away | None = PrivateAttr(None)

    @property
    def memo(self) -> dict[str, Any]:
        """What was worked out from this directory already. It lives as long as the directory is
        believed, about a second, so it needs no bound of its own."""
        return self._memo

    def but(self, **changes: Any) -> Any:
        """Return a copy with these fields changed, which has worked out nothing yet."""
        copy = super().but(**changes)
        copy._memo, copy._away = {}, None
        return copy

    def at(self, now: int) -> Directory:
        """Return this directory as it answers at a moment (milliseconds UTC)."""
        if now == self.moment or not (self.absences or self.rotas):
            return self
        copy: Directory = super().but(moment=now)
        copy._memo, copy._away = self._memo, None  # policies do not hang on the time
        return copy

    @property
    def away(self) -> Away:
        """Who is away at this moment, and who stands in."""
        if self._away is None:
            self._away = Away(
                self.absences, self.moment, inactive=self.inactive, deputies=self.allow_deputies
            )
        return self._away

    def limits_of(self, agent: str) -> Limits | None:
        """Return what an agent may ask for; None where nothing limits it."""
        return self.limits.get(agent_address(agent)) or self.limits.get(EVERY_AGENT)

    def own_addresses_of(self, person: str) -> set[str]:
        """Every address under which this person is asked in their own right. Empty for somebody
        who was deactivated.
        """
        if person in self.inactive:
            return set()
        teams = {f"team:{name}" for name, members in self.teams.items() if person in members}
        roles = {f"role:{role}" for role in self.people.get(person, ())}
        rotas = {f"oncall:{name}" for name in self.rotas if self.on_call(name) == person}
        return {person, *teams, *roles, *rotas}

    def addresses_of(self, person: str) -> set[str]:
        """Every address under which this person is asked: their own, and those of whom they stand
        in for. Empty for somebody who was deactivated.
        """
        found = self.own_addresses_of(person)
        if found and self.absences:
            for absent in self.away.represented_by(person):
                found |= self.own_addresses_of(absent)
        return found

    def members_at(self, addresses: Iterable[str]) -> list[str]:
        """Return the people behind these addresses, each once, in order, whether they are away or
        not."""
        found: dict[str, None] = {}
        for address in addresses:
            scheme, _, name = address.partition(":")
            if scheme == "team":
                members: Iterable[str] = self.teams.get(name, ())
            elif scheme == "role":
                members = [person for person, roles in self.people.items() if name in roles]
            elif scheme == "oncall":
                members = [one for one in [self.on_call(name)] if one is not None]
            else:
                members = [address]
            found |= dict.fromkeys(m for m in members if m not in self.inactive)
        return list(found)

    def people_at(self, addresses: Iterable[str], *, barred: str | None = None) -> list[str]:
        """Return the people who are asked behind these addresses now, each once, in order: for
        somebody who is away their deputy.

        Who is away and has none is left out, unless nobody else is there.

        Args:
            barred: who may stand in for nobody here.
        """
        members = self.members_at(addresses)
        if not self.absences:
            return members
        present = (
            one if one not in self.away else self.away.deputy(one, barred) for one in members
        )
        return list(dict.fromkeys(one for one in present if one is not None)) or members

    def on_call(self, name: str) -> str | None:
        """Return who is on call by this rota now; None where there is no such rota or nobody left.

        For who is away their deputy is on call, else the next whose turn it is.
        """
        rota = self.rotas.get(name)
        order = [] if rota is None else rota.order(self.moment)
        active = [one for one in order if one not in self.inactive]
        for person in active:
            found = person if person not in self.away else self.away.deputy(person)
            if found is not None:
                return found
        return active[0] if active else None
