"""Decided intents in the hands of workers: at least once, fenced by an epoch."""

from __future__ import annotations

from holdshort.errors import Forbidden, LeaseLost, NotPending
from holdshort.lifecycle.commands import EndLease, RenewLease, TakeLease
from holdshort.lifecycle.draft import Draft
from holdshort.lifecycle.grants import lose_run
from holdshort.models import Lease, Principal


def take(draft: Draft, command: TakeLease) -> None:
    """Give the intent to this worker. If the last worker died in mid-run, first find out what that
    means: a run that may not be repeated is asked about, and nothing is handed out."""
    intent, now = draft.intent, draft.now
    _require_agent(draft, command.principal)
    if intent.lease_at is None or intent.lease_at > now:
        raise NotPending("there is nothing to resume here now")
    if intent.grant is not None and intent.grant.state == "started":
        lose_run(draft, why="the worker that ran it stopped renewing its lease")
        if draft.intent.lease_at is None:
            return
    epoch = intent.lease.epoch + 1 if intent.lease else 1
    until = now + round(command.seconds * 1000)
    draft.set(lease=Lease(worker=command.worker, epoch=epoch, until=until), lease_at=until)
    draft.log("intent.leased", command.principal.actor, worker=command.worker, delivery=epoch)


def renew(draft: Draft, command: RenewLease) -> None:
    """Keep the lease. Renewals are not logged: they say nothing an auditor asks."""
    lease = _held(draft, command)
    until = draft.now + round(command.seconds * 1000)
    draft.set(
        lease=lease.but(until=until),
        lease_at=until,
        version=draft.intent.version + 1,
        updated_at=draft.now,
    )
    if draft.intent.grant is not None and draft.intent.grant.state == "started":
        # A renewing worker is alive: its run is not lost however long it takes.
        run_until = max(draft.intent.grant.run_until or 0, until)
        draft.set(grant=draft.intent.grant.but(run_until=run_until))


def end(draft: Draft, command: EndLease) -> None:
    """Finish the work, or hand it back to be delivered again."""
    intent = draft.intent
    if command.again_in is None and intent.lease_at is None and _is_mine(intent.lease, command):
        _require_agent(draft, command.principal)
        return  # a retry whose first answer was lost
    _held(draft, command)
    if command.again_in is None:
        # The lease is kept, to know a retry by; without `lease_at` nobody holds or gets it.
        draft.set(lease_at=None)
        draft.log("intent.resumed", command.principal.actor, worker=command.worker)
        return
    draft.set(lease_at=draft.now + round(command.again_in * 1000))
    draft.log(
        "intent.lease_returned",
        command.principal.actor,
        worker=command.worker,
        again_in_seconds=command.again_in,
    )


def _held(draft: Draft, command: RenewLease | EndLease) -> Lease:
    _require_agent(draft, command.principal)
    lease = draft.intent.lease
    if lease is None or not _is_mine(lease, command) or draft.intent.lease_at is None:
        raise LeaseLost(held_by=lease.worker if lease else None)
    return lease


def _is_mine(lease: Lease | None, command: RenewLease | EndLease) -> bool:
    return lease is not None and (lease.worker, lease.epoch) == (command.worker, command.epoch)


def _require_agent(draft: Draft, principal: Principal) -> None:
    if principal.kind != "agent" or principal.id != draft.intent.agent:
        raise Forbidden("only the agent that filed this intent may go on with it")
