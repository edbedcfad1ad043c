"""One batch: many commands folded over the intents they touch, inside one transaction.

The intents are loaded in one query and every command goes through the lifecycle in memory; what
comes out is written once. A command that is refused fails alone: nothing of it is staged.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from holdshort import ids
from holdshort.engine import refusals
from holdshort.engine.run_batch import RunBatch
from holdshort.engine.work import Apply, File, Filed, Item, LeaseRuns, OnRun, RunDone, Spend, Sweep
from holdshort.errors import (
    Forbidden,
    HoldshortError,
    KeyConflict,
    NotFound,
    NotPending,
    RunBusy,
)
from holdshort.lifecycle import (
    Cancel,
    Command,
    Create,
    FollowUp,
    Lose,
    Question,
    Tick,
    Transition,
    apply,
)
from holdshort.limits import Usage, day_of, hour_of
from holdshort.models import Directory, Intent, Notice, Principal, Run, RunRef, agent_address
from holdshort.notify.callbacks import callbacks
from holdshort.notify.routing import Reach, route
from holdshort.notify.threads import subscribed
from holdshort.policy.caps import committed
from holdshort.store.base import (
    Changes,
    Delivery,
    Down,
    KeyRef,
    NewIntent,
    Ref,
    Refused,
    Stale,
    Tx,
    UsageRef,
)

log = logging.getLogger("holdshort.engine")

#: For how long a delivery belongs to the process that wrote it, before others may send it
#: (seconds).
DELIVERY_CLAIM = 30.0


class Batch:
    """The state of the intents while a batch is folded, and everything it will write.

    Args:
        tx: the open transaction.
        directory_of: the tenant's directory, as the rules may see it.
        link: where a person looks at an intent, or None where there is no page.
        reach: by which channels people are told.
    """

    def __init__(
        self,
        tx: Tx,
        directory_of: Callable[[str], Directory],
        link: Callable[[str], str | None],
        reach: Reach,
    ) -> None:
        self._tx = tx
        self._directory_of = directory_of
        self._link = link
        self._reach = reach
        self._now = 0
        self._intents: dict[Ref, Intent] = {}
        self._by_key: dict[KeyRef, Intent] = {}
        self._versions: dict[Ref, int] = {}
        self._new: dict[Ref, NewIntent] = {}
        self._assigned: dict[Ref, tuple[str, ...]] = {}
        # Random once a batch: asking the kernel for each delivery costs more than hashing.
        self._seed = secrets.token_hex(16)
        self._numbered = 0
        self._usage: dict[UsageRef, Usage] = {}
        # What is worked out to be filed, and not staged yet.
        self._unstaged: list[Intent] = []
        self.changes = Changes()
        self._runs = RunBatch(tx, self.changes)

    def run(self, items: Sequence[Item]) -> None:
        """Fold all items and write the outcome; each item holds its own result afterwards."""
        self._load(items)
        for item in items:
            try:
                item.result.value = self._run(item)
                item.result.error = None
            except HoldshortError as error:
                item.result.error = error
        self._wake_runs()
        self._collect()
        self._tx.write(self.changes)

    @property
    def touched(self) -> dict[Ref, Intent]:
        """The intents that changed, as they are now."""
        return {ref: self._intents[ref] for ref in (*self._new, *self.changes.updated)}

    def _load(self, items: Sequence[Item]) -> None:
        refs = sorted({item.work.ref for item in items if isinstance(item.work, Apply)})
        keys = sorted({_key_of(work.command) for item in items for work in _files(item)})
        found = self._tx.load(refs) if refs else {}
        if keys:
            self._by_key |= self._tx.load_by_key(keys)
            found |= {(one.tenant, one.id): one for one in self._by_key.values()}
        # After the rows are held: what happens to them happens then. (And PostgreSQL's answer to
        # the load has brought the time along.)
        self._now = self._tx.now()
        self._count(items, found)
        self._keep(found)

    def _count(self, items: Sequence[Item], found: dict[Ref, Intent]) -> None:
        """Load what those agents have asked for whose asking is limited, always in one order."""
        principals = {work.command.principal for item in items for work in _files(item)}
        refs = {
            (one.tenant, agent_address(one.id), day_of(self._now))
            for one in principals
            if self._limited(one)
        }
        refs |= {_usage_of(intent) for intent in found.values() if intent.counted}
        if refs:
            self._usage |= self._tx.usage(sorted(refs))

    def _limited(self, principal: Principal) -> bool:
        limits = self._directory_of(principal.tenant).limits_of(principal.id)
        return principal.kind == "agent" and limits is not None and limits.counts

    def _used(self, ref: UsageRef) -> Usage:
        if ref not in self._usage:
            self._usage |= self._tx.usage([ref])
        used = self._usage[ref]
        for intent in self._unstaged:
            if intent.counted and _usage_of(intent) == ref:
                used = used.plus(hour_of(intent.created_at), intents=1, micros=committed(intent))
        return used

    def _keep(self, found: dict[Ref, Intent]) -> None:
        """Take loaded intents in, with all done on them that was due before this batch."""
        for ref, intent in found.items():
            if ref in self._intents:
                continue
            self._intents[ref] = intent
            self._versions[ref] = intent.version
            self._assigned[ref] = intent.assigned
            if intent.wake_at is not None and intent.wake_at <= self._now:
                self._stage(self._with_follow_ups(ref, intent, Tick()))

    def _get(self, ref: Ref) -> Intent:
        if ref not in self._intents:
            self._keep(self._tx.load([ref]))
        try:
            return self._intents[ref]
        except KeyError:
            raise NotFound(f"there is no intent {ref[1]}") from None

    def _run(self, item: Item) -> object:
        work = item.work
        if isinstance(work, Apply):
            staged = self._with_follow_ups(work.ref, self._get(work.ref), work.command)
            self._stage(staged)
            return staged[0]
        if isinstance(work, File):
            return self._file(work)
        if isinstance(work, Sweep):
            return self._sweep(work)
        if isinstance(work, OnRun):
            return self._on_run(work)
        if isinstance(work, LeaseRuns):
            return self._lease_runs(work)
        if isinstance(work, Spend):
            self._spend(work)
            return None
        return work.run(self._tx)

    def _spend(self, work: Spend) -> None:
        ref = (work.tenant, work.agent, day_of(self._now))
        used = self._used(ref).plus(hour_of(self._now), micros=work.micros)
        self._usage[ref] = self.changes.usage[ref] = used

    def _sweep(self, work: Sweep) -> list[Transition]:
        done = []
        refs = work.select(self._tx)
        found = self._tx.load([ref for ref in refs if ref not in self._intents])
        for ref in refs:
            try:
                self._keep({ref: found[ref]} if ref in found else {})
                staged = self._with_follow_ups(ref, self._get(ref), work.command)
            except NotPending:
                continue  # an earlier item of this batch was first
            except (Down, Refused, Stale):
                raise  # the database's, not this intent's: the writer knows what to do
            except Exception:
                # One intent that we cannot handle must not keep all others from their time.
                log.exception("intent %s could not be swept", ref[1])
                continue
            self._stage(staged)
            done.append(staged[0])
        return done

    def _file(self, work: File) -> Filed:
        filed, staged = self._filing(work)
        self._stage_filed(work, staged)
        return filed

    def _filing(self, work: File) -> tuple[Filed, list[Transition]]:
        """Return what filing this comes to, with the transitions that are to be staged for it."""
        command = work.command
        known = self._by_key.get(_key_of(command))
        if known is not None:
            current = self._intents[known.tenant, known.id]
            if current.body_hash != command.body_hash:
                raise self._conflict(current, work)
            return Filed(Transition(current), existed=True), []
        ref = (command.principal.tenant, command.intent_id)
        if self._limited(command.principal):
            agent = agent_address(command.principal.id)
            command = replace(command, usage=self._used((ref[0], agent, day_of(self._now))))
        try:
            staged = self._with_follow_ups(ref, None, command)
        except HoldshortError as error:
            refusals.note(self._tx, command, error)
            raise
        return Filed(staged[0], existed=False), staged

    def _stage_filed(self, work: File, staged: list[Transition]) -> None:
        if not staged:
            return
        intent = staged[0].intent
        self._new[intent.tenant, intent.id] = NewIntent(intent, work.body, work.continuation)
        self._stage(staged)
        self._by_key[_key_of(work.command)] = intent
        if work.app is not None:
            assert intent.run is not None
            self._runs.join(intent, work.app, self._now)

    def _on_run(self, work: OnRun) -> RunDone:
        """Apply a command to a run. All that goes with it is worked out before any of it is staged,
        so that a refusal leaves nothing behind."""
        filings = []
        try:
            for file in work.files:
                filed, staged = self._filing(file)
                filings.append((file, filed, staged))
                self._unstaged += [one.intent for one in staged[:1]]
        finally:
            self._unstaged.clear()
        ids = [filed.transition.intent.id for _, filed, _ in filings]
        fresh = {filed.transition.intent.id for _, filed, _ in filings if not filed.existed}

        def ended(intent_id: str) -> bool:
            # What is filed here and now waits for somebody.
            return intent_id not in fresh and self._ended(work.ref, intent_id)

        before, run = self._runs.applied(work, tuple(dict.fromkeys(ids)), ended, self._now)
        for file, _, staged in filings:
            self._stage_filed(file, staged)
        self._runs.stage(run, work.state if run is not before else None)
        self._lose_executions(before, run)
        return RunDone(run, tuple(filed for _, filed, _ in filings))

    def _lease_runs(self, work: LeaseRuns) -> list[Run]:
        done = []
        for ref in work.select(self._tx):
            try:
                before, run = self._runs.applied(
                    OnRun(ref, work.command(ref)), (), lambda _: False, self._now
                )
            except RunBusy:
                continue  # an earlier item of this batch was first
            self._runs.stage(run, None)
            self._lose_executions(before, run)
            done.append(run)
        return done

    def _ended(self, run: RunRef, intent_id: str) -> bool:
        intent = self._waited_for(run, intent_id)
        return intent is None or intent.terminal  # what is not there is not waited for

    def _waited_for(self, run: RunRef, intent_id: str) -> Intent | None:
        """Return an intent that this run may wait for: one of its agent's, or one about it."""
        tenant, agent, run_id = run
        try:
            intent = self._get((tenant, intent_id))
        except NotFound:
            return None
        return intent if intent.agent == agent or intent.run == (agent, run_id) else None

    def _lose_executions(self, before: Run | None, run: Run) -> None:
        """Where a run is taken over from somebody who died with it: what he had started and not
        reported is asked about, before anybody else comes to it."""
        if before is None or before.status != "running" or before.lease == run.lease:
            return
        for intent_id in run.waits:
            intent = self._waited_for(run.ref, intent_id)
            if intent is not None:
                why = "the process that ran it stopped renewing its lease on the run"
                ref = (run.tenant, intent_id)
                self._stage(self._with_follow_ups(ref, intent, Lose(why)))

    def _wake_runs(self) -> None:
        """Make those runs ready whose intents have ended in this batch."""
        ended = [
            intent
            for ref, intent in self._intents.items()
            if intent.run is not None
            and intent.terminal
            and (ref in self._new or intent.version != self._versions[ref])
        ]
        if ended:
            self._runs.wake(ended, self._ended, self._now)

    def _conflict(self, known: Intent, work: File) -> KeyConflict:
        stored = self._new.get((known.tenant, known.id))
        body = stored.body if stored else self._tx.body(known.tenant, known.id)
        before, after = json.loads(body or "{}"), json.loads(work.body)
        fields = sorted(
            name
            for name in before.keys() | after.keys()
            if name != "correlation_id" and before.get(name) != after.get(name)
        )
        return KeyConflict(
            "idempotency key reused with different payload: "
            f"{', '.join(fields) or 'the body'} differs from what {known.id} was filed with",
            intent_id=known.id,
            differs=fields,
        )

    def _with_follow_ups(
        self, ref: Ref, intent: Intent | None, command: Command
    ) -> list[Transition]:
        """Return the command's transition and all that follow from it, none of them staged yet."""
        first = self._apply(ref, intent, command)
        transitions = [first]
        for follow_up in first.follow_ups:
            transitions += self._follow(ref[0], follow_up)
        return transitions

    def _follow(self, tenant: str, follow_up: FollowUp) -> list[Transition]:
        ref = (tenant, follow_up.intent_id)
        try:
            return [self._apply(ref, self._get(ref), follow_up.command)]
        except NotPending:
            # The question was answered in the meantime: there is nothing left to withdraw.
            if isinstance(follow_up.command, Cancel):
                return []
            raise
        except Forbidden:
            # What belongs to another agent does not exist for this one.
            raise NotFound(f"there is no intent {follow_up.intent_id}") from None

    def _apply(self, ref: Ref, intent: Intent | None, command: Command) -> Transition:
        return apply(intent, command, directory=self._directory_of(ref[0]), now=self._now)

    def _stage(self, transitions: Sequence[Transition]) -> None:
        for transition in transitions:
            intent = transition.intent
            ref = (intent.tenant, intent.id)
            before = self._intents.get(ref)
            self._settle(before, intent)
            self._intents[ref] = intent
            self.changes.events += [(*ref, event) for event in transition.events]
            directory = self._directory_of(intent.tenant)
            for notice in transition.notices:
                self.changes.deliveries += self._deliveries(notice, intent, directory)
            self.changes.deliveries += subscribed(
                before,
                intent,
                transition.events,
                directory,
                now=self._now,
                claim_until=self._now + round(DELIVERY_CLAIM * 1000),
                new_id=self._delivery_id,
            )
            for question in transition.questions:
                self._ask(intent, question)

    def _settle(self, before: Intent | None, after: Intent) -> None:
        """Count what this change takes of the agent's limits, or gives back."""
        if not after.counted:
            return
        micros = committed(after) - (committed(before) if before else 0)
        intents = 0 if before else 1
        if micros or intents:
            ref = _usage_of(after)
            used = self._used(ref).plus(hour_of(after.created_at), intents=intents, micros=micros)
            self._usage[ref] = self.changes.usage[ref] = used

    def _deliveries(self, notice: Notice, intent: Intent, directory: Directory) -> list[Delivery]:
        until = self._now + round(DELIVERY_CLAIM * 1000)
        calls = callbacks(
            notice, intent, now=self._now, claim_until=until, new_id=self._delivery_id
        )
        if notice.reason == "callback":  # meant for one who waits; nobody else is told
            return calls
        return calls + route(
            notice,
            intent,
            directory,
            now=self._now,
            claim_until=until,
            new_id=self._delivery_id,
            link=self._link(intent.id),
            reach=self._reach,
        )

    def _delivery_id(self) -> str:
        self._numbered += 1
        return ids.derived_id(self._now, self._seed, str(self._numbered))

    def _ask(self, about: Intent, question: Question) -> None:
        """File a question of Holdshort's own, on behalf of nobody but the system."""
        command = Create(
            principal=Principal(kind="system", id="holdshort", tenant=about.tenant, via="system"),
            request=question.request,
            intent_id=question.intent_id,
            key=question.intent_id,
            body_hash="",
            correlation_id=about.correlation_id,
            settles=question.settles,
            run=about.run,
        )
        ref = (about.tenant, question.intent_id)
        transition = self._apply(ref, None, command)
        body = question.request.model_dump_json(exclude_unset=True)
        self._new[ref] = NewIntent(transition.intent, body)
        self._stage([transition])

    def _collect(self) -> None:
        """Turn the states that were reached into rows."""
        for ref, new in self._new.items():
            intent = self._intents[ref]
            self.changes.created.append(NewIntent(intent, new.body, new.continuation))
            self.changes.assigned += [(ref[0], address, ref[1]) for address in intent.assigned]
        for ref, version in self._versions.items():
            intent = self._intents[ref]
            if intent.version == version:
                continue
            self.changes.updated[ref] = (version, intent)
            if intent.assigned != self._assigned[ref]:
                self.changes.unassigned.append(ref)
                self.changes.assigned += [(ref[0], address, ref[1]) for address in intent.assigned]


def _files(item: Item) -> Sequence[File]:
    if isinstance(item.work, OnRun):
        return item.work.files
    return (item.work,) if isinstance(item.work, File) else ()


def _usage_of(intent: Intent) -> UsageRef:
    """Return where an intent is counted: on the day on which it was asked for."""
    return (intent.tenant, agent_address(intent.agent), day_of(intent.created_at))


def _key_of(command: Create) -> KeyRef:
    return (command.principal.tenant, command.principal.id, command.key)
