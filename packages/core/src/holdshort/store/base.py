"""The store protocol: all that Holdshort asks of a database.

A store is synchronous. `transaction()` is the one way to write; it is called from one thread at a
time (the engine's writer). Reads may come from any thread and see what was committed last. Times
are milliseconds UTC. Every call carries the tenant, and no call reaches across tenants but those
that the runtime makes for all of them (`due`, `claim_deliveries`, `next_timer`, `next_delivery`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import Field

from holdshort.clock import Clock
from holdshort.limits import Usage
from holdshort.models import Directory, Intent, Principal, Record, Run, RunRef, StoredEvent

Ref = tuple[str, str]
"""(tenant, intent id)"""
KeyRef = tuple[str, str, str]
"""(tenant, agent, idempotency key)"""
UsageRef = tuple[str, str, int]
"""(tenant, agent as `agent://…`, day since 1970 in UTC)"""

EntryKind = Literal[
    "settings",
    "person",
    "team",
    "policy",
    "webhook",
    "rota",
    "absence",
    "pushed",
    "secret",
    "agent",
    "heartbeat",
    "limits",
    "refused",
    "ledger",
    "account",
    "thread",
    "subscription",
]


class Delivery(Record):
    """One message on its way to one endpoint. The id is stable over every try."""

    tenant: str
    id: str
    intent_id: str
    reason: str
    channel: str
    recipient: str
    body: str
    """The JSON that is sent; the same bytes on every try."""
    state: Literal["pending", "sent", "dead"] = "pending"
    attempts: int = 0
    next_at: int
    """When it may be tried next; while a process is sending it, when others may take it over."""
    created_at: int
    sent_at: int | None = None
    last_error: str | None = None
    receipt: str | None = None
    """What the channel gave for it, to find the message again by."""
    fallbacks: tuple[str, ...] = ()
    """The channels to use, in order, where this one fails."""


class GivenVote(Record):
    """Of a vote, what figures are made from."""

    by: str
    at: int
    positive: bool | None


class GivenDecision(Record):
    """Of a decision, what figures are made from."""

    at: int
    timed_out: bool = False


class AskedStep(Record):
    """Of a step, what figures are made from."""

    asked_at: int | None = None
    votes: tuple[GivenVote, ...] = ()
    decision: GivenDecision | None = None
    agent: str | None = None
    """Set where the step was an agent's work, and no person's."""


class Asked(Record):
    """Of an intent, what figures are made from: a small part of its state, which is read fast."""

    id: str
    agent: str
    intent_type: str
    tool: str
    digest: str
    created_at: int
    steps: tuple[AskedStep, ...]
    size: int = 0
    """The length of its request (characters)."""


class DeliveryCount(Record):
    """How many deliveries of a channel stand in one way."""

    channel: str
    endpoint: str
    """The webhook's id; empty for the channels of people."""
    state: Literal["pending", "sent", "dead"]
    count: int
    last_at: int
    """When the newest of them was sent, or made where it was not sent."""


class KeyInfo(Record):
    """An API key without its secret."""

    tenant: str
    id: str
    role: Literal["agent", "person", "service"]
    subject: str
    """The agent's address, the person's address, or the service's name."""
    owner: str | None = None
    name: str = ""
    created_at: int
    revoked_at: int | None = None


class Session(Record):
    """What a browser holds of a person: a session, a link, a challenge. Only a hash of it is
    kept."""

    hash: str
    tenant: str
    purpose: str
    """`session` for somebody who is signed in; anything else opens no page."""
    person: str
    created_at: int
    expires_at: int
    doc: dict[str, Any] = Field(default_factory=dict)


class Device(Record):
    """What a person's device holds a key for: a passkey, an address for push messages."""

    tenant: str
    kind: str
    id: str
    person: str
    created_at: int
    doc: dict[str, Any] = Field(default_factory=dict)


class StoredFile(Record):
    """A file that a person gave as evidence. It is known by the SHA-256 of its bytes."""

    tenant: str
    sha256: str
    name: str
    media: str
    size: int
    person: str
    created_at: int


class Entry(Record):
    """One document of a tenant's directory."""

    kind: EntryKind
    name: str
    doc: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewIntent:
    """An intent to insert: its state, the request as it was validated, and the continuation."""

    intent: Intent
    body: str
    continuation: bytes | None = None


@dataclass(slots=True)
class Changes:
    """Everything that one batch writes."""

    created: list[NewIntent] = field(default_factory=list)
    updated: dict[Ref, tuple[int, Intent]] = field(default_factory=dict)
    """By ref: the version that was read, and the intent as it is now."""
    events: list[tuple[str, str, StoredEvent]] = field(default_factory=list)
    """(tenant, intent id, event), in order."""
    assigned: list[tuple[str, str, str]] = field(default_factory=list)
    """(tenant, address, intent id) of people who are asked from now on."""
    unassigned: list[Ref] = field(default_factory=list)
    """Intents at which nobody is asked any more (applied before `assigned`)."""
    deliveries: list[Delivery] = field(default_factory=list)
    runs: dict[RunRef, tuple[int | None, Run]] = field(default_factory=dict)
    """By ref: the version that was read (None: there was none), and the run as it is now."""
    run_states: dict[RunRef, bytes] = field(default_factory=dict)
    usage: dict[UsageRef, Usage] = field(default_factory=dict)
    """What was read with `usage` before, as it is now."""


class Stale(Exception):
    """A row changed between being read and being written. The batch is read and folded again."""


class Refused(Exception):
    """The database refused what was to be written (a constraint, a value it cannot hold)."""


class Down(Exception):
    """The database cannot be reached or written to now: locked, full, gone."""


class Tx(Protocol):
    """One write transaction."""

    def now(self) -> int:
        """The time that everything in this transaction happens at."""

    def load(self, refs: Sequence[Ref]) -> dict[Ref, Intent]:
        """Return these intents, locked until the end; those that do not exist are left out."""

    def load_by_key(self, keys: Sequence[KeyRef]) -> dict[KeyRef, Intent]:
        """Return the intents that were filed under these keys."""

    def body(self, tenant: str, intent_id: str) -> str | None:
        """Return the request that an intent was filed with, as JSON."""

    def due(self, now: int, limit: int) -> list[Ref]:
        """Return intents whose `wake_at` has come, oldest first; none that another replica
        holds.
        """

    def leasable(
        self, tenant: str, agent: str, intent_types: Sequence[str], now: int, limit: int
    ) -> list[Ref]:
        """Return decided intents that a worker may take; none that another replica holds."""

    def load_runs(self, refs: Sequence[RunRef]) -> dict[RunRef, Run]:
        """Return these runs, locked until the end; those that do not exist are left out."""

    def leasable_runs(
        self, tenant: str, agent: str, apps: Sequence[str], now: int, limit: int
    ) -> list[RunRef]:
        """Return runs that a worker may take, oldest first; none that another replica holds."""

    def of_agent(self, tenant: str, agents: Sequence[str], now: int) -> list[Ref]:
        """Return the intents of an agent (in any of these spellings) that are open, or have a
        permit that could be used now, in order of their ids."""

    def usage(self, refs: Sequence[UsageRef]) -> dict[UsageRef, Usage]:
        """Return what these agents asked for on these days, locked until the end."""

    def write(self, changes: Changes) -> None:
        """Write a batch. Raises Stale where a version moved, Refused where a row is not taken."""

    def claim_deliveries(self, now: int, until: int, limit: int) -> list[Delivery]:
        """Return deliveries whose turn has come, and keep others off them until `until`."""

    def update_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Record how tries went (state, attempts, next_at, sent_at, last_error, receipt,
        fallbacks).
        """

    def lock_entry(self, tenant: str, kind: EntryKind, name: str) -> dict[str, Any]:
        """Return a document of the directory that is to be changed ({} where there is none), and
        keep others off it until the end."""

    def put_entry(self, tenant: str, entry: Entry) -> None:
        """Write a document of the directory, in the place of one of the same kind and name."""

    def add_entry(self, tenant: str, entry: Entry) -> None:
        """Write a document of the directory where there is none of that kind and name."""

    def delete_entry(self, tenant: str, kind: EntryKind, name: str) -> bool:
        """Delete a document of the directory; return whether there was one."""

    def add_key(self, key: KeyInfo, secret_hash: str) -> None:
        """Write an API key."""

    def add_session(self, session: Session) -> None:
        """Write a session or a link; those that have expired are dropped."""

    def put_session(self, session: Session) -> None:
        """Change what a session holds and how long it lasts; nothing where it has ended."""

    def put_device(self, device: Device) -> None:
        """Write a device, in the place of one of the same kind and id."""

    def delete_device(self, tenant: str, kind: str, id: str) -> bool:
        """Delete a device; return whether there was one."""

    def put_file(self, file: StoredFile, data: bytes) -> None:
        """Keep a file. What is there already under its hash stays as it is."""

    def end_session(self, hash: str) -> Session | None:
        """Delete a session or a link; return what it was. Of two who do it, one gets it."""

    def end_sessions_of(self, tenant: str, person: str) -> int:
        """Delete all that signs a person in, or has: sessions, links, codes; return how many there
        were."""

    def revoke_key(self, tenant: str, key_id: str, now: int) -> bool:
        """Revoke an API key; return whether there was one."""


class Store(Protocol):
    """A database with Holdshort's schema."""

    clock: Clock
    """The time of this database: the machine's for SQLite, the server's for PostgreSQL."""
    reads_block: bool
    """Whether a read by id can wait on a network: then it is made off the event loop."""

    def migrate(self) -> list[str]:
        """Bring the schema up to date; return the names of the migrations that were applied."""

    def transaction(self) -> AbstractContextManager[Tx]:
        """Open the write transaction; commit on leaving, roll back on an exception.

        Raises Down where the database cannot be written to, on entering or on commit. After Down on
        commit it is not known whether the commit took place.
        """

    def intent(self, tenant: str, intent_id: str) -> Intent | None: ...

    def body(self, tenant: str, intent_id: str) -> str | None:
        """Return the request that an intent was filed with, as JSON."""

    def by_key(self, tenant: str, agent: str, key: str) -> Intent | None: ...

    def continuation(self, tenant: str, intent_id: str) -> bytes | None: ...

    def run(self, tenant: str, agent: str, run_id: str) -> Run | None: ...

    def run_state(self, tenant: str, agent: str, run_id: str) -> bytes | None: ...

    def runs(
        self,
        tenant: str,
        *,
        agent: str | None = None,
        app: str | None = None,
        status: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> list[Run]:
        """Return runs in the order of their ids; `after` is the last id of the page before."""

    def events(
        self, tenant: str, intent_id: str, since: int = 0, limit: int = 1000
    ) -> list[StoredEvent]:
        """Return the events with a sequence number above `since`, in order."""

    def intents(
        self,
        tenant: str,
        *,
        agent: str | None = None,
        status: str | None = None,
        intent_type: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[Intent]:
        """Return intents, newest first; `before` is the last id of the page before."""

    def answered(
        self, tenant: str, agent: str, digests: Sequence[str], limit: int = 50
    ) -> list[Intent]:
        """Return what an agent asked with exactly these digests and got an answer to, from people
        or from the end of time, newest first."""

    def tasks(
        self,
        tenant: str,
        *,
        addresses: Sequence[str] | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> list[Intent]:
        """Return what waits for somebody at these addresses (None: for anybody), oldest first."""

    def deliveries(
        self,
        tenant: str,
        *,
        intent_id: str | None = None,
        state: str | None = None,
        channel: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """Return deliveries, newest first."""

    def delivery_counts(self, tenant: str, since: int) -> list[DeliveryCount]:
        """Return how many deliveries made since this time stand how, channel by channel."""

    def asked(self, tenant: str, *, before: str | None = None, limit: int = 1000) -> list[Asked]:
        """Return what figures need of intents, newest first."""

    def events_of_type(
        self, tenant: str, event_type: str, first: str, limit: int
    ) -> list[tuple[str, StoredEvent]]:
        """Return the events of one type, of intents from this id on, each with its intent's id: the
        newest intent first, its events in order."""

    def delivery(self, tenant: str, delivery_id: str) -> Delivery | None: ...

    def tenants(self) -> list[str]: ...

    def entries(self, tenant: str, kind: EntryKind | None = None) -> list[Entry]: ...

    def directory(self, tenant: str) -> Directory: ...

    def usages(self, tenant: str, day: int) -> dict[str, Usage]:
        """Return what agents asked for on a day, by agent; only those whose asking is counted."""

    def principal(self, secret_hash: str) -> Principal | None:
        """Return who holds the key with this hash; None for unknown and revoked ones."""

    def session(self, hash: str) -> Session | None: ...

    def sessions_of(self, tenant: str, person: str) -> list[Session]:
        """Return a person's sessions of every purpose: those in which they are signed in, then
        the others, each newest first; 200 at most.
        """

    def device(self, kind: str, id: str) -> Device | None:
        """Return a device by the id that it was given at random, whatever its tenant."""

    def devices(self, tenant: str, kind: str, person: str | None = None) -> list[Device]:
        """Return a person's devices (None: everybody's), oldest first."""

    def file(self, tenant: str, sha256: str) -> tuple[StoredFile, bytes] | None: ...

    def keys(self, tenant: str) -> list[KeyInfo]: ...

    def next_timer(self) -> int | None:
        """Return the earliest `wake_at`, over all tenants."""

    def next_delivery(self) -> int | None:
        """Return when the next pending delivery may be tried, over all tenants."""

    def last_event_at(self) -> int:
        """Return the newest time in the log, 0 when it is empty: the clock never goes behind it."""

    def counts(self) -> dict[str, int]:
        """Return how many intents there are by status (`intents.WAITING`) and deliveries by
        state.
        """

    def integrity(self) -> list[str]:
        """Return what is wrong with the database file or schema; empty when it is sound."""

    def watch(self, changed: Callable[[Sequence[Ref] | None], None]) -> Callable[[], None]:
        """Call `changed` with the intents that other processes change (None: could be any), from a
        thread of the store's own. Returns a function that ends it."""

    def close(self) -> None: ...
