"""What must hold for every change of an intent, whatever the command and the time (field.md 4.2).

`Rules.check` is given what was before and what a command made of it, and knows nothing of how the
lifecycle works: only what it promises.
"""

from __future__ import annotations

import json
from typing import Any

from holdshort import audit
from holdshort.kinds import kind_named
from holdshort.lifecycle import (
    ALLOWED,
    Cancel,
    ChangeDeadline,
    Claim,
    Command,
    Comment,
    Consume,
    Create,
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
from holdshort.models import TERMINAL, Directory, Intent, Step, iso

#: Who may bring a command about at all. `agent` is the agent that asked; no other ever may.
MAY = {
    Decide: {"person"},
    Claim: {"person"},
    Release: {"person"},
    Delegate: {"person"},
    Comment: {"person", "agent", "service", "system"},
    Cancel: {"agent", "service", "system"},
    ChangeDeadline: {"agent", "service", "system"},
    Supersede: {"agent", "service", "system"},
    Fail: {"agent", "service", "system"},
    Pause: {"service"},
    Unpause: {"service"},
    Consume: {"agent"},
    Report: {"agent"},
    TakeLease: {"agent"},
    RenewLease: {"agent"},
    EndLease: {"agent"},
}
#: How a permit may change, by what.
PERMIT: dict[tuple[str, str], tuple[type, ...]] = {
    ("open", "started"): (Consume,),
    ("open", "revoked"): (Supersede, Pause),
    ("started", "done"): (Report,),
    ("started", "failed"): (Report,),
    ("started", "unknown"): (Tick, TakeLease),
    ("started", "open"): (Tick, TakeLease),
    ("unknown", "done"): (Report, Settle),
    ("unknown", "failed"): (Report,),
    ("unknown", "open"): (Settle,),
}
ENDINGS = {f"intent.{status.lower()}" for status in TERMINAL}


class Rules:
    """The rules for one intent over its life; it folds the log as an auditor would."""

    def __init__(self) -> None:
        self.seq, self.head, self.status, self.at = 0, "", "", ""
        self.endings = 0
        self.started = 0
        self.reopened = 0
        self.reminders: dict[int, int] = {}
        self.names: list[str] = []

    def check(
        self,
        before: Intent | None,
        command: Command,
        done: Transition,
        directory: Directory,
        now: int,
    ) -> None:
        after = done.intent
        moment = now if before is None else max(now, before.updated_at)
        self._log(done, moment)
        self._state(after)
        if before is not None:
            self._who(before, command)
            self._monotone(before, after)
            self._versions(before, command, done, moment)
            self._votes(before, command, after, directory)
            self._decisions(before, command, after, moment)
            self._permit(before, command, after, moment)
            self._ends(before, command, after, moment)
            self._time(before, command, done, moment)
        else:
            assert after.grant is None
            assert after.version == 1

    def _log(self, done: Transition, moment: int) -> None:
        """Gapless, chained, in order of time, every status a lawful step from the one before."""
        after = done.intent
        if not self.seq:
            self.head = audit.genesis(after.tenant, after.id)
            self.status = "CREATED"
        for event in done.events:
            line: dict[str, Any] = json.loads(event.line)
            self.seq += 1
            assert event.seq == line["seq"] == self.seq
            assert (line["tenant"], line["intent_id"]) == (after.tenant, after.id)
            assert line["prev"] == self.head
            assert event.hash == audit.hash_of(event.line)
            assert event.at == moment
            assert line["at"] == iso(moment) >= self.at
            assert line["status"] == self.status or line["status"] in ALLOWED[self.status]
            assert ("waiting_reason" in line) is (line["status"] == "WAITING")
            assert line["event_type"] == event.event_type
            self.head, self.status, self.at = event.hash, line["status"], line["at"]
            self.endings += event.event_type in ENDINGS
            self.names.append(event.event_type)
            if event.event_type == "intent.reminder":
                step = line["details"]["step"]
                self.reminders[step] = self.reminders.get(step, 0) + 1
        assert after.status == self.status
        assert (after.seq, after.head) == (self.seq, self.head)
        assert self.endings == int(after.terminal) <= 1

    def _state(self, after: Intent) -> None:
        assert (after.waiting_reason is None) is (after.status != "WAITING")
        assert (after.decision is not None) is (after.status in ("COMPLETED", "TIMED_OUT"))
        if after.status == "TIMED_OUT":
            assert after.decision is not None
            assert after.decision.timed_out
        if after.status == "COMPLETED":
            assert after.decision is not None
            assert not after.decision.timed_out
        if after.status in ("CANCELED", "FAILED") or not after.terminal:
            assert after.grant is None
        if after.grant is not None:
            assert after.grant.digest == after.digest
            for step in after.steps:
                assert step.decision is not None
                assert step.decision.positive is True
                assert step.decision.digest == after.digest
        for number, step in enumerate(after.steps):
            assert step.reminded <= step.policy.max_reminders
            assert self.reminders.get(number, 0) <= step.reminded
            assert 0 <= step.level <= len(step.policy.escalate)
            if number < after.step:
                assert step.status == "done"
                assert step.decision is not None
                assert step.decision.positive is True
            elif number > after.step:
                assert (step.status, step.votes, step.decision) == ("pending", (), None)
            else:
                assert step.status == ("done" if after.terminal else "open")
                self._next(after, step)

    @staticmethod
    def _next(after: Intent, step: Step) -> None:
        """What is due next is what the timers will look for."""
        still = after.terminal or after.paused_at is not None
        due = [] if still else [step.remind_at, step.escalate_at, step.deadline_at]
        if after.grant is not None and after.grant.state == "started":
            due.append(after.grant.run_until)
        assert after.wake_at == min((at for at in due if at is not None), default=None)

    @staticmethod
    def _who(before: Intent, command: Command) -> None:
        if isinstance(command, Tick | Settle | Create):
            return
        principal = command.principal
        assert principal.kind in MAY[type(command)]
        assert principal.kind != "agent" or principal.id == before.agent

    @staticmethod
    def _monotone(before: Intent, after: Intent) -> None:
        """What never goes back or away."""
        assert after.updated_at >= before.updated_at
        assert after.step >= before.step
        if before.terminal:
            assert (after.status, after.decision) == (before.status, before.decision)
            assert after.steps == before.steps
        for name in ("tenant", "id", "agent", "owner", "key", "tool", "created_at", "settles"):
            assert getattr(after, name) == getattr(before, name)
        if before.lease and after.lease:
            assert after.lease.epoch >= before.lease.epoch
        for old, new in zip(before.steps, after.steps, strict=True):
            assert (new.task, new.policy, new.reviewers) == (old.task, old.policy, old.reviewers)
            assert new.assigned[: len(old.assigned)] == old.assigned
            assert len(set(new.assigned)) == len(new.assigned)
            assert new.delegated[: len(old.delegated)] == old.delegated
            assert new.level >= old.level
            assert new.reminded >= old.reminded
            assert old.decision is None or new.decision == old.decision

    @staticmethod
    def _versions(before: Intent, command: Command, done: Transition, moment: int) -> None:
        stored = bool(done.events) or isinstance(command, RenewLease)
        assert done.intent.version == before.version + stored
        if stored:
            assert done.intent.updated_at == moment
        else:
            assert done.intent == before
            assert not done.notices
            assert not done.follow_ups
            assert not done.questions

    @staticmethod
    def _votes(before: Intent, command: Command, after: Intent, directory: Directory) -> None:
        for old, new in zip(before.steps, after.steps, strict=True):
            kept = new.votes[: len(old.votes)]
            assert [v.but(void=False) for v in kept] == [v.but(void=False) for v in old.votes]
            for was, now in zip(old.votes, kept, strict=True):
                assert now.void or not was.void
                assert now.void == was.void or after.digest != before.digest
            added = new.votes[len(old.votes) :]
            if not added:
                continue
            (vote,) = added
            assert isinstance(command, Decide)
            assert old is before.current
            assert before.paused_at is None, "decided while its agent was killed"
            assert vote.by == command.principal.id
            assert command.principal.kind == "person"
            assert directory.addresses_of(vote.by) & set(old.assigned)
            assert vote.by not in directory.inactive
            assert not (old.policy.separation_of_duties and vote.by == before.owner)
            holder = old.claimed_by
            # Who has left, or is not asked any more, keeps nobody out by an earlier claim.
            if holder is not None and directory.addresses_of(holder) & set(old.assigned):
                assert vote.by == holder
            live = [v.by for v in new.live_votes]
            assert live.count(vote.by) == 1

    @staticmethod
    def _decisions(before: Intent, command: Command, after: Intent, moment: int) -> None:
        if after.digest != before.digest:
            assert isinstance(command, Decide)
            assert before.step == 0
            assert before.current.policy.allow_edit
            assert after.edited_arguments == command.answer.arguments
        for number, (old, new) in enumerate(zip(before.steps, after.steps, strict=True)):
            decision = new.decision
            if decision is None or old.decision is not None:
                continue
            kind = kind_named(new.task.task_type)
            assert (decision.step, decision.intent_id) == (number, after.id)
            assert decision.at == moment
            assert decision.digest == after.digest
            assert decision.edited is (after.edited_arguments is not None)
            if decision.timed_out:
                assert isinstance(command, Tick)
                assert decision.decided_by == "system:timeout"
                assert decision.positive is (new.policy.fallback == "approve")
                assert not decision.positive or kind.can_default_to_yes
                assert decision.outcome in (*kind.positive, kind.negative)
                continue
            assert isinstance(command, Decide)
            assert decision.decided_by == command.principal.actor
            assert decision.outcome in kind.outcomes(new.task)
            assert decision.positive is kind.sign(decision.outcome)
            agree = [v for v in new.live_votes if v.positive is decision.positive]
            people = {v.by for v in agree}
            assert len(people) == len(agree)
            if decision.positive is True:
                assert len(people) >= new.policy.quorum
                assert {v.digest for v in agree} == {decision.digest}
            elif decision.positive is False:
                assert len(people) >= new.policy.reject_quorum

    def _permit(self, before: Intent, command: Command, after: Intent, moment: int) -> None:
        old, new = before.grant, after.grant
        if new is None:
            assert old is None, "a permit does not vanish"
            return
        if old is None:
            assert (new.state, new.issued_at, new.attempt) == ("open", moment, None)
            assert after.decision is not None
            assert after.decision.positive is True
            assert not before.terminal
            return
        assert (new.digest, new.issued_at, new.expires_at) == (
            old.digest,
            old.issued_at,
            old.expires_at,
        )
        if new.state == old.state:
            assert new.attempt == old.attempt
            return
        assert isinstance(command, PERMIT[old.state, new.state])
        if new.state == "started":
            assert isinstance(command, Consume)
            assert moment < old.expires_at
            assert command.digest == old.digest
            assert new.attempt == command.attempt
            self.started += 1
        if new.state == "open":
            assert before.idempotent or (isinstance(command, Settle) and not command.happened)
            self.reopened += 1
        if (old.state, new.state) == ("started", "unknown"):
            assert not before.idempotent
        assert self.started <= 1 + self.reopened, "it ran again without anybody's word"

    @staticmethod
    def _ends(before: Intent, command: Command, after: Intent, moment: int) -> None:
        """The end of an open step moves by one command alone: never past what its policy gives,
        never to somebody's yes, and its asker moves it no other way than nearer."""
        old, new = before.current, after.steps[before.step]
        moved = old.deadline_at != new.deadline_at and not isinstance(command, Unpause)
        assert after.policy_generation == before.policy_generation + moved
        if not moved:
            return
        assert isinstance(command, ChangeDeadline)
        assert old.policy.fallback == "reject"
        assert old.asked_at is not None
        assert old.deadline_at is not None
        assert new.deadline_at is not None
        latest = old.asked_at + old.paused + round(old.policy.deadline * 1000)
        assert moment < new.deadline_at <= latest
        assert command.principal.kind != "agent" or new.deadline_at < old.deadline_at
        assert command.generation in (None, before.policy_generation)

    @staticmethod
    def _time(before: Intent, command: Command, done: Transition, moment: int) -> None:
        """Nothing before it is due, everything once it is, and no timer that spins."""
        after, step = done.intent, before.current
        names = {event.event_type for event in done.events}
        for name, due in (
            ("intent.reminder", step.remind_at),
            ("intent.escalated", step.escalate_at),
            ("intent.timed_out", step.deadline_at),
            ("intent.step_timed_out", step.deadline_at),
        ):
            if name in names:
                assert isinstance(command, Tick)
                assert due is not None
                assert due <= moment
        if "intent.run_lost" in names and isinstance(command, Tick):
            assert before.grant is not None
            assert before.grant.run_until is not None
            assert before.grant.run_until <= moment
        if not isinstance(command, Tick):
            return
        assert after.wake_at is None or after.wake_at > moment, "timers would spin"
        if before.wake_at is None or before.wake_at > moment:
            assert not done.events
            assert after == before
        else:
            assert done.events, "something was due and nothing was done"
            assert after.wake_at is None or after.wake_at > before.wake_at
        if before.terminal or step.deadline_at is None or step.deadline_at > moment:
            return
        assert not names & {"intent.reminder", "intent.escalated"}, "a reminder of what is over"
