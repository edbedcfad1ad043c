"""A small office: one agent that asks, people who answer, and a drawer with all intents.

It does what the engine does around the lifecycle, without a database: every intent is read back
from its stored JSON before a command is applied, questions are filed, follow-ups are applied.
"""

from __future__ import annotations

from typing import Any

import pytest

from holdshort import ids
from holdshort.errors import HoldshortError, NotPending
from holdshort.lifecycle import (
    Cancel,
    Claim,
    Command,
    Consume,
    Create,
    Decide,
    Delegate,
    Report,
    TakeLease,
    Tick,
    Transition,
    apply,
)
from holdshort.limits import Usage
from holdshort.models import Directory, Intent, Principal, StoredEvent
from holdshort.requests import DecisionRequest, IntentRequest

START = 1_800_000_000_000
TENANT = "acme"
OWNER = "owner@acme.com"
AGENT = Principal(kind="agent", id="agent://acme/prod/bot", tenant=TENANT, owner=OWNER)
OTHER = Principal(kind="agent", id="agent://acme/prod/other", tenant=TENANT)
SERVICE = Principal(kind="service", id="admin", tenant=TENANT)
SYSTEM = Principal(kind="system", id="holdshort", tenant=TENANT, via="system")
NOBODY_ELSE = Directory(tenant=TENANT, default_reviewers=())


def person(name: str) -> Principal:
    address = name if "@" in name else f"{name}@acme.com"
    return Principal(kind="person", id=address, tenant=TENANT)


class Office:
    """Commands go to `self.intent`, the intent filed last, unless they say another one's id."""

    def __init__(self) -> None:
        self.now = START
        self.directory = Directory(
            tenant=TENANT,
            people={"ana@acme.com": (), "bo@acme.com": (), "cy@acme.com": ("cfo",), OWNER: ()},
            teams={"finance": ("bo@acme.com", "cy@acme.com"), "admins": ("root@acme.com",)},
        )
        self.intents: dict[str, Intent] = {}
        self.logs: dict[str, list[StoredEvent]] = {}
        self.last = Transition(intent=None)  # type: ignore[arg-type]
        self._filed = 0
        self.usage: Usage | None = None

    @property
    def intent(self) -> Intent:
        return self.intents[self.last.intent.id]

    @property
    def events(self) -> list[str]:
        """What the last command wrote into its intent's log."""
        return [event.event_type.removeprefix("intent.") for event in self.last.events]

    @property
    def told(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(notice.reason, notice.to) for notice in self.last.notices]

    def policies(self, everything: dict[str, Any] | None = None, **types: Any) -> None:
        """Set what the tenant says; `__` in a name stands for a dot, `_any` at its end for `*`."""
        named = {
            name.replace("_any", "*").replace("__", "."): patch for name, patch in types.items()
        }
        self.directory = self.directory.but(
            default_policy=everything or {}, type_policies=named, _memo={}
        )
        self.directory.memo.clear()

    def file(self, by: Principal = AGENT, **body: Any) -> Intent:
        asked: dict[str, Any] = {"intent_type": "intent.pay.v1", "payload": {"sum": 1}} | body
        payload = asked["payload"]
        if not asked.keys() & {"to", "steps"} and not payload.keys() & {"reviewer", "reviewers"}:
            asked["to"] = "ana@acme.com"
        self._filed += 1
        command = Create(
            by,
            IntentRequest.model_validate(asked),
            ids.derived_id(self.now, str(self._filed)),
            key=str(self._filed),
            body_hash="h",
            correlation_id="c",
            usage=self.usage,
        )
        return self._run(None, command)

    def do(self, command: Command, intent_id: str | None = None) -> Intent:
        """Apply a command and everything that follows from it, or nothing at all."""
        return self._run(self.intents[intent_id or self.intent.id], command)

    def tick(self, seconds: float = 0.0, intent_id: str | None = None) -> Intent:
        """Let time pass and do what is due on one intent."""
        self.now += round(seconds * 1000)
        return self.do(Tick(), intent_id)

    def decide(
        self, who: str, outcome: str = "approved", intent_id: str | None = None, **answer: Any
    ) -> Intent:
        intent = self.intents[intent_id] if intent_id else self.intent
        # In a chain the step that is answered has to be said.
        said = {"step": intent.step} if len(intent.steps) > 1 else {}
        request = DecisionRequest.model_validate({"outcome": outcome, **said, **answer})
        return self.do(Decide(person(who), request), intent_id)

    def claim(self, who: str) -> Intent:
        return self.do(Claim(person(who)))

    def delegate(self, who: str, to: str) -> Intent:
        return self.do(Delegate(person(who), to))

    def approved(self, **body: Any) -> Intent:
        self.file(**body)
        return self.decide("ana")

    def consume(self, attempt: str = "a", digest: str | None = None) -> Intent:
        return self.do(Consume(AGENT, digest or self.intent.digest, attempt))

    def report(self, attempt: str = "a", succeeded: bool = True, **more: Any) -> Intent:
        return self.do(Report(AGENT, attempt, succeeded, **more))

    def take(self, worker: str = "w1", seconds: float = 60.0) -> Intent:
        return self.do(TakeLease(AGENT, worker, seconds))

    def question(self, about: Intent) -> Intent:
        assert about.grant is not None
        assert about.grant.question is not None
        return self.intents[about.grant.question]

    def _run(self, intent: Intent | None, command: Command) -> Intent:
        first = self._apply(intent, command)
        done = [first]
        for follow_up in first.follow_ups:
            try:
                done.append(self._apply(self.intents[follow_up.intent_id], follow_up.command))
            except NotPending:
                if not isinstance(follow_up.command, Cancel):
                    raise
        for question in [one for transition in done for one in transition.questions]:
            asked = Create(
                SYSTEM,
                question.request,
                question.intent_id,
                key=question.intent_id,
                body_hash="",
                correlation_id="c",
                settles=question.settles,
            )
            done.append(self._apply(None, asked))
        for transition in done:
            self.intents[transition.intent.id] = transition.intent
            self.logs.setdefault(transition.intent.id, []).extend(transition.events)
        self.last = first
        return first.intent

    def _apply(self, intent: Intent | None, command: Command) -> Transition:
        """Apply to what a database would give back; what went in is never touched."""
        if intent is None:
            return apply(None, command, directory=self.directory, now=self.now)
        stored = Intent.model_validate_json(intent.dump())
        assert stored == intent, "the stored JSON is not the whole intent"
        before = stored.model_copy(deep=True)
        try:
            return apply(stored, command, directory=self.directory, now=self.now)
        finally:
            assert stored == before, "the intent that went in was changed"


def refused(kind: type[HoldshortError], match: str | None = None) -> Any:
    """Expect exactly this class of error: a parent class would hide which rule refused."""
    return pytest.raises(kind, match=match, check=lambda error: type(error) is kind)
