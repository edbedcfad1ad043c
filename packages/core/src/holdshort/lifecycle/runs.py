"""Runs of frameworks: who works on one, what it waits for, when it can go on.

Pure like the rest: each function takes the run as it is and returns it as it is afterwards. The
epoch of the lease fences out whoever lost it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from holdshort.errors import Conflict, LeaseLost, NotFound, RunBusy
from holdshort.models import Lease, Principal, Run


@dataclass(frozen=True, slots=True)
class OpenRun:
    """Begin a run, or take it over. `worker` is a fresh name, by which a retry is known."""

    principal: Principal
    run_id: str
    app: str
    worker: str
    seconds: float
    again: bool = False


@dataclass(frozen=True, slots=True)
class TakeRun:
    """A worker takes a run that can go on."""

    principal: Principal
    run_id: str
    worker: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RenewRun:
    """Whoever works on the run is still at it."""

    principal: Principal
    run_id: str
    worker: str
    epoch: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SaveRun:
    """Save where the run stands. Only `running` keeps the lease."""

    principal: Principal
    run_id: str
    worker: str
    epoch: int
    save_id: str
    status: Literal["running", "suspended", "ready", "done", "failed"]
    waits: tuple[str, ...] = ()
    wakes: Literal["all", "any"] = "all"
    again_in: float = 0.0
    result: Any = None
    error: str | None = None


RunCommand = OpenRun | TakeRun | RenewRun | SaveRun


def opened(run: Run | None, command: OpenRun, now: int) -> Run:
    """Return the run in this worker's hands; a run that has ended is returned as it is.

    Raises RunBusy where somebody else works on it, Conflict where it is another app's.
    """
    if run is None:
        fresh = Run(
            tenant=command.principal.tenant,
            agent=command.principal.id,
            id=command.run_id,
            app=command.app,
            status="suspended",
            created_at=now,
            updated_at=now,
        )
        return _leased(fresh, command.worker, command.seconds, now)
    if run.app != command.app:
        raise Conflict(f"the run {run.id} belongs to the app {run.app!r}, not {command.app!r}")
    if run.status in ("done", "failed") and not command.again:
        return run
    if is_held(run, now):
        assert run.lease is not None
        if run.lease.worker == command.worker:
            return run  # a retry whose first answer was lost
        raise RunBusy(
            f"{run.lease.worker} is working on the run {run.id}",
            held_by=run.lease.worker,
            until=run.lease.until,
        )
    return _leased(run, command.worker, command.seconds, now)


def taken(run: Run, command: TakeRun, now: int) -> Run:
    """Return the run in this worker's hands. Raises RunBusy where there is nothing to take."""
    if run.lease_at is None or run.lease_at > now:
        raise RunBusy(f"the run {run.id} is not ready")
    return _leased(run, command.worker, command.seconds, now)


def renewed(run: Run | None, command: RenewRun, now: int) -> Run:
    """Return the run with a longer lease. Raises LeaseLost."""
    held = _held(run, command)
    assert held.lease is not None
    until = now + round(command.seconds * 1000)
    return _changed(held, now, lease=held.lease.but(until=until), lease_at=until)


def saved(
    run: Run | None,
    command: SaveRun,
    asked: tuple[str, ...],
    ended: Callable[[str], bool],
    now: int,
) -> Run:
    """Return the run as saved. `asked` are the intents that are filed with it; `ended` tells of an
    intent whether it has ended.

    Raises LeaseLost where somebody else has taken the run over.
    """
    if run is not None and run.save_id == command.save_id:
        return run  # a retry whose first answer was lost
    held = _held(run, command)
    changes: dict[str, Any] = {"save_id": command.save_id}
    if command.status == "running":
        return _changed(held, now, **changes)
    changes |= {"lease_at": None, "error": command.error}
    if command.status == "ready":
        changes |= {"status": "suspended", "lease_at": now + round(command.again_in * 1000)}
    elif command.status == "suspended":
        waits = tuple(dict.fromkeys((*asked, *command.waits)))
        ready = _is_ready(waits, command.wakes, ended)
        changes |= {
            "status": "suspended",
            "waits": waits,
            "wakes": command.wakes,
            "lease_at": now if ready else None,
        }
    else:
        changes |= {"status": command.status, "waits": (), "result": command.result}
    return _changed(held, now, **changes)


def joined(
    run: Run | None, *, tenant: str, agent: str, run_id: str, app: str, intent_id: str, now: int
) -> Run:
    """Return the run that one more intent was asked for, by a hook that holds no lease."""
    if run is None:
        return Run(
            tenant=tenant,
            agent=agent,
            id=run_id,
            app=app,
            status="suspended",
            waits=(intent_id,),
            created_at=now,
            updated_at=now,
        )
    if intent_id in run.waits:
        return run
    if run.status == "running":
        # Whoever holds it says what it waits for when he suspends it; should he die, this holds.
        return _changed(run, now, waits=(*run.waits, intent_id))
    return _changed(run, now, status="suspended", waits=(*run.waits, intent_id))


def woken(run: Run, ended: Callable[[str], bool], now: int) -> Run:
    """Return the run after one of its intents has ended: ready, if that was what it waited for."""
    if run.status != "suspended" or (run.lease_at is not None and run.lease_at <= now):
        return run
    if not _is_ready(run.waits, run.wakes, ended):
        return run
    return _changed(run, now, lease_at=now)


def is_held(run: Run, now: int) -> bool:
    """Whether somebody works on the run now, as far as his lease tells."""
    return run.status == "running" and run.lease is not None and run.lease.until > now


def _is_ready(waits: tuple[str, ...], wakes: str, ended: Callable[[str], bool]) -> bool:
    if not waits:
        return False
    over = [ended(intent_id) for intent_id in waits]
    return all(over) if wakes == "all" else any(over)


def _leased(run: Run, worker: str, seconds: float, now: int) -> Run:
    until = now + round(seconds * 1000)
    epoch = run.lease.epoch + 1 if run.lease else 1
    lease = Lease(worker=worker, epoch=epoch, until=until)
    return _changed(run, now, status="running", lease=lease, lease_at=until)


def _held(run: Run | None, command: RenewRun | SaveRun) -> Run:
    if run is None:
        raise NotFound(f"there is no run {command.run_id}")
    lease = run.lease
    mine = lease is not None and (lease.worker, lease.epoch) == (command.worker, command.epoch)
    if run.status != "running" or not mine:
        raise LeaseLost(
            f"this worker does not hold the run {run.id} any more",
            held_by=lease.worker if lease and run.status == "running" else None,
        )
    return run


def _changed(run: Run, now: int, **changes: Any) -> Run:
    changed: Run = run.but(version=run.version + 1, updated_at=max(now, run.updated_at), **changes)
    return changed
