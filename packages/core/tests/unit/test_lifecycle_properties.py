"""Random lives of intents: whatever is done to them, and whatever the clock does, the rules hold.

The rules are in `rules.py`. Here is what may happen: any request, any command by anybody, time
going on and back, people coming and going, questions about lost runs being answered or not.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from holdshort import audit
from holdshort.errors import HoldshortError
from holdshort.kinds import KINDS, kind_named
from holdshort.lifecycle import (
    Cancel,
    ChangeDeadline,
    Claim,
    Command,
    Comment,
    Consume,
    Decide,
    Delegate,
    EndLease,
    Fail,
    Pause,
    Release,
    RenewLease,
    Report,
    Settle,
    Supersede,
    TakeLease,
    Tick,
    Transition,
    Unpause,
)
from holdshort.models import Directory, Intent, Principal
from holdshort.requests import DecisionRequest

from .office import AGENT, OTHER, OWNER, SERVICE, START, SYSTEM, TENANT, Office, person
from .rules import Rules

NAMES = ["ana", "bo", "cy", "di", "owner", "stranger"]
PEOPLE = [person(name) for name in NAMES]
MACHINES = [AGENT, OTHER, SERVICE, SYSTEM, AGENT.but(id="ana@acme.com"), SERVICE.but(id=OWNER)]
ADDRESSES = ["ana@acme.com", "bo@acme.com", "team:finance", "role:cfo", OWNER, "new@acme.com"]
DIRECTORY = Directory(
    tenant=TENANT,
    people={"ana@acme.com": (), "bo@acme.com": (), "cy@acme.com": ("cfo",), OWNER: ("cfo",)},
    teams={"finance": ("bo@acme.com", "cy@acme.com", "di@acme.com"), "admins": ("cy@acme.com",)},
    default_policy={"grant_ttl": 3600},
    type_policies={
        "intent.yes.*": {"fallback": "approve", "grant_ttl": 60, "reject_quorum": 2},
        "intent.strict.v1": {
            "allow_edit": False,
            "require_comment": True,
            "execution_timeout": 5,
            "quorum": 2,
        },
        "intent.bound.v1": {"reviewers": ["team:finance"], "separation_of_duties": False},
        "intent.holdshort.*": {"deadline": 50, "remind_after": 0, "remind_every": 0},
    },
)
TYPES = ["intent.pay.v1", "intent.yes.v1", "intent.strict.v1", "intent.bound.v1"]
FORM = {
    "type": "object",
    "properties": {"amount": {"type": "integer"}, "assignee": {"type": "string"}},
    "required": ["amount"],
}

durations = st.sampled_from([1.0, 5.0, 60.0, 3600.0])
attempts = st.sampled_from(["a", "b"])
workers = st.sampled_from(["w1", "w2"])
anybody = st.sampled_from([*PEOPLE, *MACHINES])
# Mostly the intent filed first; sometimes a question about it, or what took its place.
which = st.sampled_from([0, 0, 0, -1, 1])
outcomes = st.sampled_from(
    sorted(
        {"ship_it"}
        | {o for kind in KINDS.values() for o in (*kind.positive, *kind.neutral, kind.negative)}
    )
)


@st.composite
def steps(draw: st.DrawFn) -> dict[str, Any]:
    task: dict[str, Any] = {
        "required_comment": draw(st.sampled_from([False, False, True])),
        "evidence_required": draw(st.sampled_from([False, False, True])),
        "allowed_outcomes": draw(st.sampled_from([[], [], ["approved", "ship_it", "denied"]])),
    }
    kind = draw(st.sampled_from(sorted(KINDS)))
    if kind == "form" or draw(st.sampled_from([False, False, True])):
        task["form_schema"] = FORM
    rung = st.fixed_dictionaries({"after": durations, "to": st.sampled_from(ADDRESSES)})
    optional = {
        "remind_after": durations,
        "remind_every": durations,
        "max_reminders": st.integers(0, 3),
        "escalate": st.lists(rung, max_size=3),
        "deadline": st.sampled_from([0.0, 60.0, 3600.0, 86400.0]),
        "quorum": st.integers(1, 3),
        "fallback": st.sampled_from(["reject", "approve"]),
    }
    addresses = st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=3)
    return {
        "to": draw(addresses),
        "task": kind,
        "human_task": task,
        **draw(st.fixed_dictionaries({}, optional=optional)),
    }


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    body: dict[str, Any] = {
        "intent_type": draw(st.sampled_from(TYPES)),
        "action": {"tool": "pay", "arguments": {"sum": 1}},
        "idempotent": draw(st.booleans()),
        "resume": draw(st.sampled_from(["wait", "worker"])),
    }
    chain = draw(st.lists(steps(), min_size=1, max_size=3))
    return body | (chain[0] if len(chain) == 1 else {"steps": chain})


class Watched(Office):
    """An office in which every change of every intent is held against the rules."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = DIRECTORY.but(_memo={})
        self.rules: dict[str, Rules] = {}

    def _apply(self, intent: Intent | None, command: Command) -> Transition:
        done = super()._apply(intent, command)
        rules = self.rules.setdefault(done.intent.id, Rules())
        rules.check(intent, command, done, self.directory, self.now)
        return done


class Life(RuleBasedStateMachine):
    """An intent from filing to whatever comes, with all that follows from it."""

    @initialize(
        body=requests(), far=st.sampled_from(["asked", "asked", "answered", "started", "lost"])
    )
    def file(self, body: dict[str, Any], far: str) -> None:
        """File an intent; often go on to where most of the rules about permits begin."""
        self.office = Watched()
        try:
            self.office.file(**body)
        except HoldshortError:  # refused as a whole (a quorum nobody can reach): live plainly
            assert self.office.intents == {}
            self.office.file()
        if far == "asked":
            return
        for name in NAMES * len(self.one(0).steps):
            self.attempt(Decide(person(name), self.good_answer(self.one(0))), self.one(0))
        if far in ("started", "lost"):
            self.attempt(TakeLease(AGENT, "w1", 60.0), self.one(0))
            self.attempt(Consume(AGENT, self.one(0).digest, "a"), self.one(0))
        if far == "lost" and self.one(0).wake_at is not None:
            self.office.now = self.one(0).wake_at or 0
            self.attempt(Tick(), self.one(0))

    @staticmethod
    def good_answer(intent: Intent, no: bool = False, arguments: Any = None) -> DecisionRequest:
        kind = kind_named(intent.current.task.task_type)
        return DecisionRequest.model_validate(
            {
                "outcome": kind.negative if no else kind.positive[0],
                "comment": "fine",
                "data": {"amount": 5, "assignee": "x"},
                "evidence": [{"name": "photo"}],
                "arguments": None if no else arguments,
            }
        )

    def one(self, which: int) -> Intent:
        intents = list(self.office.intents.values())
        return intents[which] if -len(intents) <= which < len(intents) else intents[0]

    @property
    def asking(self) -> list[Intent]:
        """The intents at which people are asked now."""
        return [intent for intent in self.office.intents.values() if not intent.terminal]

    def attempt(self, command: Command, intent: Intent) -> bool:
        """Do it, or see that a refusal changed nothing anywhere."""
        before = dict(self.office.intents)
        try:
            self.office.do(command, intent.id)
        except HoldshortError as refused:
            refusal = refused
        else:
            return True
        assert self.office.intents == before, "what was refused has changed something"
        assert refusal.message
        return False

    # Time

    @rule(seconds=st.sampled_from([-3600.0, -1.0, 0.001, 0.5, 1.0, 5.0, 61.0, 3600.0]))
    def time_passes(self, seconds: float) -> None:
        self.office.now = max(START, self.office.now + round(seconds * 1000))

    @rule(which=which, what=st.integers(0, 2), early=st.sampled_from([0, 0, 0, 1]))
    def until_something_is_due(self, which: int, what: int, early: int) -> None:
        """Go to the very millisecond at which a timer, a lease or a permit ends, or just before."""
        intent = self.one(which)
        moments = [intent.wake_at, intent.lease_at, intent.grant and intent.grant.expires_at]
        due = [moment for moment in moments if moment is not None] or [self.office.now]
        self.office.now = due[what % len(due)] - early
        assert self.attempt(Tick(), intent)

    @rule(which=which)
    def tick(self, which: int) -> None:
        assert self.attempt(Tick(), self.one(which)), "time is never refused"

    # People

    @rule(
        which=which,
        who=anybody,
        outcome=outcomes,
        comment=st.sampled_from([None, "", "because"]),
        data=st.sampled_from([None, {"amount": 5, "assignee": "x"}, {"amount": "five"}]),
        arguments=st.sampled_from([None, None, {"sum": 1}, {"sum": 2}, {"sum": float("nan")}]),
        step=st.sampled_from([None, None, 0, 1, 2]),
        shown=st.sampled_from([None, "current", "0" * 64]),
    )
    def answer(
        self, which: int, who: Principal, shown: str | None, step: int | None, **answer: Any
    ) -> None:
        intent = self.one(which)
        digest = intent.digest if shown == "current" else shown
        request = DecisionRequest(digest=digest, step=step, **answer)
        votes = [s.votes for s in intent.steps]
        if self.attempt(Decide(who, request), intent):
            assert who.kind == "person"
        else:
            assert [s.votes for s in self.office.intents[intent.id].steps] == votes

    @rule(
        which=st.integers(0, 1),
        who=st.integers(0, 3),
        no=st.sampled_from([False, False, False, True]),
        arguments=st.sampled_from([None, None, None, {"sum": 2}]),
    )
    @precondition(lambda self: self.asking)
    def answer_well(self, which: int, who: int, no: bool, arguments: Any) -> None:
        """Somebody who is asked gives an answer that holds all it must."""
        intent = self.asking[which % len(self.asking)]
        people = self.office.directory.people_at(intent.assigned) or ["ana@acme.com"]
        command = Decide(person(people[who % len(people)]), self.good_answer(intent, no, arguments))
        if self.attempt(command, intent):
            once = self.office.intents[intent.id]
            if once.step == intent.step:
                assert self.attempt(command, once), "the same answer again was refused"
                assert self.office.intents[intent.id] == once

    @rule(
        which=st.integers(0, 1),
        who=st.integers(0, 3),
        what=st.sampled_from(["claim", "release", "delegate"]),
        to=st.sampled_from(ADDRESSES),
    )
    @precondition(lambda self: self.asking)
    def take_or_hand_on(self, which: int, who: int, what: str, to: str) -> None:
        """Somebody who is asked takes the step, gives it back or hands it on."""
        intent = self.asking[which % len(self.asking)]
        people = self.office.directory.people_at(intent.assigned) or ["ana@acme.com"]
        principal = person(people[who % len(people)])
        commands: dict[str, Command] = {
            "claim": Claim(principal),
            "release": Release(principal),
            "delegate": Delegate(principal, to),
        }
        self.attempt(commands[what], intent)

    @rule(which=which, who=anybody, what=st.sampled_from(["claim", "release", "comment"]))
    def touch(self, which: int, who: Principal, what: str) -> None:
        commands: dict[str, Command] = {
            "claim": Claim(who),
            "release": Release(who),
            "comment": Comment(who, "a remark"),
        }
        self.attempt(commands[what], self.one(which))

    @rule(which=which, who=anybody, to=st.sampled_from([*ADDRESSES, "stranger@acme.com"]))
    def delegate(self, which: int, who: Principal, to: str) -> None:
        if self.attempt(Delegate(who, to), self.one(which)):
            assert to != OWNER or self.one(which).owner != OWNER

    @rule(gone=st.sets(st.sampled_from(["ana@acme.com", "bo@acme.com", "cy@acme.com"])))
    def people_come_and_go(self, gone: set[str]) -> None:
        self.office.directory = DIRECTORY.but(inactive=frozenset(gone), _memo={})

    # The one who asked

    @rule(
        which=which,
        who=st.sampled_from([OTHER, AGENT, *PEOPLE]),
        what=st.sampled_from(["cancel", "supersede", "fail"]),
    )
    def withdraw(self, which: int, who: Principal, what: str) -> None:
        commands: dict[str, Command] = {
            "cancel": Cancel(who, "changed my mind"),
            "supersede": Supersede(who, by="newer"),
            "fail": Fail(who, "broke"),
        }
        self.attempt(commands[what], self.one(which))

    @rule(
        which=which,
        who=st.sampled_from([*[AGENT, SERVICE] * 4, *MACHINES, *PEOPLE]),
        seconds=st.sampled_from([0.001, 30.0, 60.0, 61.0, 1800.0, 86400.0, 1e6]),
        moment=st.booleans(),
        generation=st.sampled_from([None, None, 0, 1]),
    )
    def change_the_end(
        self, which: int, who: Principal, seconds: float, moment: bool, generation: int | None
    ) -> None:
        intent = self.one(which)
        until = self.office.now + round(seconds * 1000) if moment else None
        after = None if moment else seconds
        self.attempt(ChangeDeadline(who, after, until, "why", generation), intent)

    @rule(which=which, stop=st.booleans())
    def stop_or_let_go_on(self, which: int, stop: bool) -> None:
        """The agent is killed, or resumed: neither is ever refused, or does anything twice."""
        command: Command = Pause(SERVICE) if stop else Unpause(SERVICE)
        assert self.attempt(command, self.one(which))
        once = self.one(which)
        assert (once.paused_at is not None) <= stop
        assert self.attempt(command, once)
        assert self.one(which) == once

    @rule(body=requests(), by=st.sampled_from([AGENT, AGENT, OTHER]))
    @precondition(lambda self: self.one(0).terminal and len(self.office.intents) < 5)
    def ask_again(self, body: dict[str, Any], by: Principal) -> None:
        before = dict(self.office.intents)
        try:
            self.office.file(by=by, supersedes=self.one(0).id, **body)
        except HoldshortError:
            assert self.office.intents == before

    @rule(
        which=which,
        who=st.sampled_from([AGENT] * 12 + MACHINES + PEOPLE),
        attempt=attempts,
        right=st.booleans(),
    )
    def consume(self, which: int, who: Principal, attempt: str, right: bool) -> None:
        intent = self.one(which)
        digest = intent.digest if right else "0" * 64
        if self.attempt(Consume(who, digest, attempt), intent):
            assert right
            assert intent.decision is not None
            assert intent.decision.positive

    @rule(which=which, attempt=attempts)
    @precondition(lambda self: self.one(0).grant)
    def start(self, which: int, attempt: str) -> None:
        intent = self.one(which)
        self.attempt(Consume(AGENT, intent.digest, attempt), intent)

    @rule(
        which=which,
        who=st.sampled_from([AGENT] * 12 + MACHINES + PEOPLE),
        attempt=attempts,
        succeeded=st.booleans(),
    )
    def report(self, which: int, who: Principal, attempt: str, succeeded: bool) -> None:
        self.attempt(Report(who, attempt, succeeded, result={"id": 1}), self.one(which))

    @rule(which=which, attempt=attempts, happened=st.booleans())
    @precondition(lambda self: self.one(0).grant and self.one(0).grant.attempt)
    def settle(self, which: int, attempt: str, happened: bool) -> None:
        assert self.attempt(Settle(attempt, happened, "person:ana@acme.com"), self.one(which))

    @rule(which=which, who=st.sampled_from([AGENT, AGENT, OTHER, SERVICE]), worker=workers)
    def take(self, which: int, who: Principal, worker: str) -> None:
        self.attempt(TakeLease(who, worker, 60.0), self.one(which))

    @rule(
        which=which,
        who=st.sampled_from([AGENT, AGENT, OTHER]),
        worker=workers,
        late=st.integers(0, 1),
        again=st.sampled_from(["renew", None, 0.0, 5.0]),
    )
    def keep_or_return(
        self, which: int, who: Principal, worker: str, late: int, again: Any
    ) -> None:
        intent = self.one(which)
        epoch = (intent.lease.epoch if intent.lease else 1) - late
        command: Command = EndLease(who, worker, epoch, again_in=again)
        if again == "renew":
            command = RenewLease(who, worker, epoch, 600.0)
        if self.attempt(command, intent):
            assert intent.lease is not None
            assert (intent.lease.worker, intent.lease.epoch) == (worker, epoch)

    # All of it together

    @invariant()
    def an_export_of_the_log_holds(self) -> None:
        office = getattr(self, "office", None)
        if office is None:
            return
        lines = []
        for intent_id, log in office.logs.items():
            intent = office.intents[intent_id]
            lines += [json.dumps({"hash": event.hash, "event": event.line}) for event in log]
            lines.append(
                json.dumps({"intent_id": intent_id, "seq": intent.seq, "head": intent.head})
            )
        heads = {intent.id: intent.head for intent in office.intents.values()}
        lines.append(json.dumps({"root": audit.root_of(heads)}))
        assert audit.verify(lines).broken is None

    def teardown(self) -> None:
        """Left alone, every intent comes to an end by itself, in a bounded number of steps."""
        office = getattr(self, "office", None)
        if office is None:
            return
        for intent_id in list(office.intents):
            office.do(Unpause(SERVICE), intent_id)
        for _ in range(100):
            waiting = [i for i in office.intents.values() if i.wake_at is not None]
            if not waiting:
                break
            first = min(waiting, key=lambda intent: intent.wake_at or 0)
            office.now = max(office.now, first.wake_at or 0)
            office.do(Tick(), first.id)
        for intent in office.intents.values():
            assert intent.terminal
            assert intent.grant is None or intent.grant.state != "started"


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=300,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
