"""The runs that one batch touches: loaded once, changed in memory, written with everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from holdshort.engine.work import OnRun
from holdshort.errors import NotFound
from holdshort.lifecycle import OpenRun, RenewRun, SaveRun, TakeRun, runs
from holdshort.models import Intent, Run, RunRef
from holdshort.store.base import Changes, Tx


class RunBatch:
    """The state of the runs while a batch is folded."""

    def __init__(self, tx: Tx, changes: Changes) -> None:
        self._tx = tx
        self._changes = changes
        self._runs: dict[RunRef, Run | None] = {}
        self._read: dict[RunRef, int | None] = {}

    def applied(
        self, work: OnRun, asked: tuple[str, ...], ended: Callable[[str], bool], now: int
    ) -> tuple[Run | None, Run]:
        """Return the run before and after a command; nothing is staged yet. `asked` are the intents
        that are filed with it."""
        before, command = self._get(work.ref), work.command
        match command:
            case OpenRun():
                return before, runs.opened(before, command, now)
            case TakeRun():
                if before is None:
                    raise NotFound(f"there is no run {command.run_id}")
                return before, runs.taken(before, command, now)
            case RenewRun():
                return before, runs.renewed(before, command, now)
            case SaveRun():
                return before, runs.saved(before, command, asked, ended, now)

    def join(self, intent: Intent, app: str, now: int) -> None:
        """Let the intent's run wait for it as well."""
        assert intent.run is not None
        agent, run_id = intent.run
        before = self._get((intent.tenant, agent, run_id))
        self.stage(
            runs.joined(
                before,
                tenant=intent.tenant,
                agent=agent,
                run_id=run_id,
                app=app,
                intent_id=intent.id,
                now=now,
            )
        )

    def wake(
        self, intents: Sequence[Intent], ended: Callable[[RunRef, str], bool], now: int
    ) -> None:
        """Make ready what has waited for these intents, which have ended."""
        for intent in intents:
            assert intent.run is not None
            run = self._get((intent.tenant, *intent.run))
            if run is not None and intent.id in run.waits:
                self.stage(runs.woken(run, partial(ended, run.ref), now))

    def stage(self, run: Run, state: bytes | None = None) -> None:
        """Take the run as it is now into what is written."""
        self._runs[run.ref] = run
        if run.version != self._read[run.ref]:
            self._changes.runs[run.ref] = (self._read[run.ref], run)
        if state is not None:
            self._changes.run_states[run.ref] = state

    def _get(self, ref: RunRef) -> Run | None:
        if ref not in self._runs:
            found = self._tx.load_runs([ref]).get(ref)
            self._runs[ref] = found
            self._read[ref] = None if found is None else found.version
        return self._runs[ref]
