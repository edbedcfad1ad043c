"""The draft of a transition: an intent being changed, with its events and notices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from holdshort import audit
from holdshort.lifecycle.commands import FollowUp, Question
from holdshort.models import TERMINAL, Intent, Notice, Status, StoredEvent, WaitingReason, iso

#: The intent protocol's table, with TIMED_OUT reachable from wherever a deadline can run out.
ALLOWED: dict[str, frozenset[str]] = {
    "CREATED": frozenset({"SUBMITTED", "TIMED_OUT"}),
    "SUBMITTED": frozenset(
        {"DELIVERED", "IN_PROGRESS", "WAITING", "FAILED", "CANCELED", "TIMED_OUT"}
    ),
    "DELIVERED": frozenset(
        {"ACKNOWLEDGED", "IN_PROGRESS", "WAITING", "FAILED", "CANCELED", "TIMED_OUT"}
    ),
    "ACKNOWLEDGED": frozenset({"IN_PROGRESS", "WAITING", "FAILED", "CANCELED", "TIMED_OUT"}),
    "IN_PROGRESS": frozenset({"WAITING", "COMPLETED", "FAILED", "CANCELED", "TIMED_OUT"}),
    "WAITING": frozenset({"IN_PROGRESS", "FAILED", "CANCELED", "TIMED_OUT"}),
    **{terminal: frozenset() for terminal in TERMINAL},
}


@dataclass(frozen=True, slots=True)
class Transition:
    """What a command does: the intent afterwards, and everything that is committed with it."""

    intent: Intent
    events: tuple[StoredEvent, ...] = ()
    notices: tuple[Notice, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    questions: tuple[Question, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.events)


@dataclass(slots=True)
class Draft:
    """An intent while one command is applied to it. Local to that call; never stored or shared.

    `intent` is a private copy that is changed in place: copying it for each of a command's dozen
    changes was a fifth of a decision's cost. What goes in is never touched.
    """

    intent: Intent
    now: int
    events: list[StoredEvent] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    follow_ups: list[FollowUp] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.intent = self.intent.but()

    def set(self, **changes: Any) -> None:
        self.intent.__dict__.update(changes)

    def set_step(self, **changes: Any) -> None:
        steps = list(self.intent.steps)
        steps[self.intent.step] = steps[self.intent.step].but(**changes)
        self.set(steps=tuple(steps))

    def move(self, status: Status, reason: WaitingReason | None = None) -> None:
        """Change the status. The table is checked here, so no rule elsewhere can break it."""
        if status != self.intent.status and status not in ALLOWED[self.intent.status]:
            raise AssertionError(f"{self.intent.status} may not become {status}")
        self.set(status=status, waiting_reason=reason)
        if status in TERMINAL:
            self.set(ended_at=self.now)

    def log(self, event_type: str, actor: str, **details: Any) -> None:
        """Append one event, chained to the one before."""
        intent, seq = self.intent, self.intent.seq + 1
        event: dict[str, Any] = {
            "tenant": intent.tenant,
            "intent_id": intent.id,
            "seq": seq,
            "event_type": event_type,
            "status": intent.status,
            "at": iso(self.now),
            "actor": actor,
            "digest": intent.digest,
            "prev": intent.head,
        }
        if intent.waiting_reason:
            event["waiting_reason"] = intent.waiting_reason
        if details:
            event["details"] = {name: value for name, value in details.items() if value is not None}
        line = audit.encode(event)
        head = audit.hash_of(line)
        self.events.append(StoredEvent(seq, event_type, self.now, line, head))
        self.set(seq=seq, head=head)

    def tell(self, reason: str, to: tuple[str, ...] = ()) -> None:
        self.notices.append(Notice(reason, to, self.intent.step))

    def done(self) -> Transition:
        """Return the finished transition; the version moves only if something happened."""
        if self.events:
            self.set(version=self.intent.version + 1, updated_at=self.now)
        return Transition(
            self.intent,
            tuple(self.events),
            tuple(self.notices),
            tuple(self.follow_ups),
            tuple(self.questions),
        )
