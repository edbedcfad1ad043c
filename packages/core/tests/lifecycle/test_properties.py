"""Random lives of an intent: whatever is done to it, and whatever the clock does, the rules hold.

The invariants are those that the project promises: one terminal event, a gapless and chained log,
no outcome without a person or a named policy, a permit that is used at most once.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from holdshort import audit
from holdshort.errors import HoldshortError
from holdshort.kinds import KINDS, kind_named
from holdshort.lifecycle import (
    ALLOWED,
    Cancel,
    Claim,
    Command,
    Comment,
    Consume,
    Create,
    Decide,
    Delegate,
    EndLease,
    Fail,
    Release,
    RenewLease,
    Report,
    Settle,
    Supersede,
    TakeLease,
    Tick,
    Transition,
    apply,
)
from holdshort.models import TERMINAL, Directory, Intent, Principal, StoredEvent, Vote
from holdshort.requests import DecisionRequest, IntentRequest

NOW = 1_800_000_000_000
AGENT = Principal(kind="agent", id="agent://acme/prod/bot", tenant="t", owner="owner@acme.com")
OTHER_AGENT = Principal(kind="agent", id="agent://acme/prod/other", tenant="t")
SERVICE = Principal(kind="service", id="admin", tenant="t")
PEOPLE = ["ana@acme.com", "bo@acme.com", "cy@acme.com", "owner@acme.com", "stranger@else.com"]
ELIGIBLE = ["ana@acme.com", "bo@acme.com", "team:finance", "role:cfo"]
DIRECTORY = Directory(
    tenant="t",
    people={"ana@acme.com": (), "bo@acme.com": (), "cy@acme.com": ("cfo",), "owner@acme.com": ()},
    teams={"finance": ("bo@acme.com", "cy@acme.com"), "admins": ("cy@acme.com",)},
    type_policies={"intent.yes.v1": {"fallback": "approve"}},
)
FORM = {
    "type": "object",
    "properties": {"amount": {"type": "integer"}, "assignee": {"type": "string"}},
    "required": ["amount"],
}

principals = st.sampled_from(
    [AGENT, OTHER_AGENT, SERVICE, *(Principal(kind="person", id=p, tenant="t") for p in PEOPLE)]
)
people = st.sampled_from([Principal(kind="person", id=p, tenant="t") for p in PEOPLE])
durations = st.sampled_from([1.0, 5.0, 60.0, 3600.0])
outcomes = st.sampled_from(
    sorted({o for kind in KINDS.values() for o in (*kind.positive, *kind.neutral, kind.negative)})
)


@st.composite
def steps(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(KINDS)))
    step: dict[str, Any] = {
        "to": draw(st.lists(st.sampled_from(ELIGIBLE), min_size=1, max_size=3, unique=True)),
        "task": kind,
        "remind_after": draw(durations),
        "remind_every": draw(durations),
        "max_reminders": draw(st.integers(0, 3)),
        "escalate": draw(
            st.lists(
                st.fixed_dictionaries({"after": durations, "to": st.sampled_from(ELIGIBLE)}),
                max_size=3,
            )
        ),
        "deadline": draw(durations),
        "quorum": draw(st.integers(1, 3)),
    }
    if kind == "form":
        step["human_task"] = {"form_schema": FORM}
    return step


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    body: dict[str, Any] = {
        "intent_type": draw(st.sampled_from(["intent.pay.v1", "intent.yes.v1"])),
        "action": {"tool": "pay", "arguments": {"sum": 1}},
        "idempotent": draw(st.booleans()),
        "resume": draw(st.sampled_from(["wait", "worker"])),
    }
    chain = draw(st.lists(steps(), min_size=1, max_size=3))
    return body | (chain[0] if len(chain) == 1 else {"steps": chain})


class Life(RuleBasedStateMachine):
    """One intent, from filing to whatever comes."""

    intent: Intent

    @initialize(body=requests())
    def file(self, body: dict[str, Any]) -> None:
        self.now = NOW
        self.log: list[StoredEvent] = []
        self.statuses: list[str] = []
        self.runs: list[str] = []
        self.reopened = 0
        self.last_level = {0: 0}
        self.deadlines: dict[int, int | None] = {}
        try:
            done = self._filed(body)
        except HoldshortError:  # refused as a whole (a quorum nobody can reach): live plainly
            done = self._filed({"intent_type": "intent.pay.v1", "to": "ana@acme.com"})
        self.intent = done.intent
        self.log += done.events

    def _filed(self, body: dict[str, Any]) -> Transition:
        request = IntentRequest.model_validate(body)
        command = Create(AGENT, request, "01a1fcaa-55c7-79f2-ae7f-80ca754922e6", "k", "h", "c")
        return apply(None, command, directory=DIRECTORY, now=self.now)

    def do(self, command: Command) -> bool:
        """Apply a command to what the database would give back; a refusal changes nothing."""
        before = self.intent
        stored = Intent.model_validate_json(before.dump())
        assert stored == before
        was = stored.model_copy(deep=True)
        try:
            done = apply(stored, command, directory=DIRECTORY, now=self.now)
        except HoldshortError:
            assert stored == was, "a refused command changed the intent"
            return False
        assert stored == was, "the intent that went in was changed"
        self._check(before, command, done.intent, list(done.events))
        self.intent = done.intent
        self.log += done.events
        return True

    def _check(
        self, before: Intent, command: Command, after: Intent, events: list[StoredEvent]
    ) -> None:
        assert after.updated_at >= before.updated_at
        if before.terminal:
            assert after.status == before.status
            assert after.decision == before.decision
        for mine, theirs in zip(before.steps, after.steps, strict=True):
            assert set(mine.assigned) <= set(theirs.assigned)
            assert theirs.level >= mine.level
            assert theirs.reminded <= theirs.policy.max_reminders
            if mine.decision is not None:
                assert theirs.decision == mine.decision
        names = [event.event_type for event in events]
        step = before.current
        if "intent.timed_out" in names:
            assert step.deadline_at is not None
            assert step.deadline_at <= self.now
        if "intent.reminder" in names:
            assert step.remind_at is not None
            assert step.remind_at <= self.now
        if "intent.grant_consumed" in names:
            assert before.grant is not None
            assert before.grant.state == "open"
            assert before.grant.expires_at > self.now
            assert isinstance(command, Consume)
            assert command.digest == before.grant.digest
            self.runs.append(command.attempt)
        if before.grant and after.grant and before.grant.state in ("unknown", "started"):
            self.reopened += after.grant.state == "open"
        new_votes = sum(len(s.votes) for s in after.steps) - sum(len(s.votes) for s in before.steps)
        if new_votes:
            assert isinstance(command, Decide)
            assert command.principal.kind == "person"
            assert DIRECTORY.addresses_of(command.principal.id) & set(step.assigned)
            assert command.principal.id != AGENT.owner

    @rule(seconds=st.sampled_from([-3600.0, -1.0, 0.0, 0.5, 1.0, 5.0, 61.0, 3600.0, 90000.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += round(seconds * 1000)

    @rule()
    def tick(self) -> None:
        wake, events = self.intent.wake_at, len(self.log)
        assert self.do(Tick())
        if wake is None or wake > max(self.now, self.intent.updated_at):
            assert len(self.log) == events, "something fired before it was due"
        after = self.intent.wake_at
        assert after is None or after > self.now, "what was due is still due: timers would spin"

    @rule(
        who=principals,
        outcome=outcomes,
        comment=st.sampled_from([None, "", "because"]),
        data=st.sampled_from([None, {"amount": 5, "assignee": "x"}, {"amount": "five"}]),
        arguments=st.sampled_from([None, {"sum": 1}, {"sum": 2}]),
        step=st.sampled_from([None, 0, 1]),
    )
    def decide(self, who: Principal, step: int | None, **answer: Any) -> None:
        self.do(Decide(who, DecisionRequest(step=step, **answer)))

    @rule(who=people)
    def say_yes(self, who: Principal) -> None:
        kind = kind_named(self.intent.current.task.task_type)
        answer = DecisionRequest(
            outcome=kind.positive[0], comment="fine", data={"amount": 5, "assignee": "x"}
        )
        self.do(Decide(who, answer))

    @rule(who=principals, what=st.sampled_from(["claim", "release", "delegate", "comment"]))
    def touch(self, who: Principal, what: str) -> None:
        commands: dict[str, Command] = {
            "claim": Claim(who),
            "release": Release(who),
            "delegate": Delegate(who, "stranger@else.com"),
            "comment": Comment(who, "a remark"),
        }
        self.do(commands[what])

    @rule(who=principals, what=st.sampled_from(["cancel", "supersede", "fail"]))
    def end(self, who: Principal, what: str) -> None:
        commands: dict[str, Command] = {
            "cancel": Cancel(who, "changed my mind"),
            "supersede": Supersede(who, by="newer"),
            "fail": Fail(who, "broke"),
        }
        if self.do(commands[what]):
            assert who.kind == "service" or who == AGENT

    @rule(who=principals, attempt=st.sampled_from(["a", "b"]), right=st.booleans())
    def consume(self, who: Principal, attempt: str, right: bool) -> None:
        digest = self.intent.digest if right else "0" * 64
        if self.do(Consume(who, digest, attempt)):
            assert who == AGENT
            assert right
            assert self.intent.decision is not None
            assert self.intent.decision.positive

    @rule(who=principals, attempt=st.sampled_from(["a", "b"]), succeeded=st.booleans())
    def report(self, who: Principal, attempt: str, succeeded: bool) -> None:
        if self.do(Report(who, attempt, succeeded)):
            assert who == AGENT

    @rule(attempt=st.sampled_from(["a", "b"]), happened=st.booleans())
    def settle(self, attempt: str, happened: bool) -> None:
        self.do(Settle(attempt, happened, "person:ana@acme.com"))

    @rule(who=principals, worker=st.sampled_from(["w1", "w2"]), epoch=st.integers(1, 3))
    def lease(self, who: Principal, worker: str, epoch: int) -> None:
        self.do(TakeLease(who, worker, 60.0))
        self.do(RenewLease(who, worker, epoch, 60.0))

    @rule(worker=st.sampled_from(["w1", "w2"]), epoch=st.integers(1, 3), again=st.booleans())
    def end_lease(self, worker: str, epoch: int, again: bool) -> None:
        self.do(EndLease(AGENT, worker, epoch, again_in=5.0 if again else None))

    @invariant()
    def the_log_is_whole(self) -> None:
        events = [json.loads(event.line) for event in self.log]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert self.intent.seq == len(events)
        prev = audit.genesis("t", self.intent.id)
        for stored, event in zip(self.log, events, strict=True):
            assert event["prev"] == prev
            prev = audit.hash_of(stored.line)
            assert stored.hash == prev
        assert self.intent.head == prev
        statuses = [event["status"] for event in events]
        assert statuses[-1] == self.intent.status
        for before, after in pairwise(statuses):
            assert before == after or after in ALLOWED[before]
        endings = [e for e in events if e["event_type"].removeprefix("intent.").upper() in TERMINAL]
        assert len(endings) == int(self.intent.terminal)
        times = [event["at"] for event in events]
        assert times == sorted(times)

    @invariant()
    def every_answer_has_an_author(self) -> None:
        for step in self.intent.steps:
            if step.decision is None:
                continue
            decision = step.decision
            if decision.timed_out:
                assert decision.decided_by == "system:timeout"
                assert decision.positive == (step.policy.fallback == "approve")
                continue
            same = [v for v in step.live_votes if v.outcome == decision.outcome]
            assert decision.decided_by.removeprefix("person:") in {v.by for v in same}
            if decision.positive:
                assert len(_different(same)) >= step.policy.quorum
                assert {v.digest for v in same} == {decision.digest}
        answered = self.intent.decision is not None
        assert answered == (self.intent.status in ("COMPLETED", "TIMED_OUT"))
        assert (self.intent.status == "TIMED_OUT") == (
            self.intent.decision is not None
            and self.intent.decision.timed_out
            and self.intent.terminal
        )
        if self.intent.grant is not None:
            assert self.intent.decision is not None
            assert self.intent.decision.positive
            assert self.intent.grant.digest == self.intent.digest

    @invariant()
    def the_permit_is_used_once(self) -> None:
        """Each further run needs a person's word (or a declared harmlessness) in between."""
        assert len(self.runs) <= 1 + self.reopened


def _different(votes: list[Vote]) -> set[str]:
    return {vote.by for vote in votes}


Life.TestCase.settings = settings(
    max_examples=400,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLife = Life.TestCase
