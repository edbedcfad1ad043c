"""The lifecycle: a pure function from (intent, command, time) to everything that follows from it.

No I/O, no clock, no randomness: those come in as arguments. What is refused is raised as a domain
error, and nothing has changed.
"""

from __future__ import annotations

from holdshort.lifecycle import (
    agents,
    callbacks,
    deadlines,
    end,
    grants,
    holding,
    human,
    leases,
    pausing,
    runs,
    talk,
    timers,
)
from holdshort.lifecycle.alive import require_alive
from holdshort.lifecycle.commands import (
    AddCallback,
    Advance,
    Attach,
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
    FollowUp,
    Lose,
    Pause,
    Question,
    Release,
    RenewLease,
    Report,
    Settle,
    Supersede,
    TakeLease,
    Tick,
    Transfer,
    Undo,
    Unpause,
)
from holdshort.lifecycle.create import create
from holdshort.lifecycle.draft import ALLOWED, Draft, Transition
from holdshort.lifecycle.runs import OpenRun, RenewRun, RunCommand, SaveRun, TakeRun
from holdshort.models import Directory, Intent

__all__ = [
    "ALLOWED",
    "AddCallback",
    "Advance",
    "Attach",
    "Cancel",
    "ChangeDeadline",
    "Claim",
    "Command",
    "Comment",
    "Consume",
    "Create",
    "Decide",
    "Delegate",
    "EndLease",
    "Fail",
    "FollowUp",
    "Lose",
    "OpenRun",
    "Pause",
    "Question",
    "Release",
    "RenewLease",
    "RenewRun",
    "Report",
    "RunCommand",
    "SaveRun",
    "Settle",
    "Supersede",
    "TakeLease",
    "TakeRun",
    "Tick",
    "Transfer",
    "Transition",
    "Undo",
    "Unpause",
    "apply",
    "runs",
]


def apply(intent: Intent | None, command: Command, *, directory: Directory, now: int) -> Transition:
    """Return what the command does at this moment (milliseconds UTC).

    Only `Create` takes no intent. Raises a HoldshortError where the command is refused.
    """
    directory = directory.at(now)
    if isinstance(command, Create):
        draft = create(command, directory, now)
    else:
        assert intent is not None
        # A clock that went back never makes the record run backwards.
        draft = Draft(intent, max(now, intent.updated_at))
        _change(draft, command, directory)
    draft.set(wake_at=timers.wake_at(draft.intent))
    return draft.done()


def _change(draft: Draft, command: Command, directory: Directory) -> None:
    match command:
        case Decide():
            holding.answer(draft, command, directory)
        case Undo():
            holding.undo(draft, command)
        case Tick():
            timers.tick(draft, directory)
        case AddCallback():
            callbacks.add(draft, command)
        case Claim():
            human.claim(draft, command, directory)
        case Release():
            human.release(draft, command, directory)
        case Delegate():
            human.delegate(draft, command, directory)
        case Comment():
            talk.comment(draft, command, directory)
        case Attach():
            talk.attach(draft, command, directory)
        case Advance():
            agents.advance(draft, command, directory)
        case Transfer():
            agents.transfer(draft, command, directory)
        case Cancel():
            end.cancel(draft, command)
        case Supersede():
            end.supersede(draft, command)
        case Fail():
            end.fail(draft, command)
        case ChangeDeadline():
            deadlines.change(draft, command, directory)
        case Pause():
            pausing.pause(draft, command)
        case Unpause():
            pausing.unpause(draft, command)
        case Consume():
            require_alive(command.principal, directory)
            grants.consume(draft, command, directory)
        case Report():
            grants.report(draft, command)
        case Settle():
            grants.settle(draft, command)
        case Lose():
            grants.lose(draft, command)
        case TakeLease():
            leases.take(draft, command)
        case RenewLease():
            leases.renew(draft, command)
        case EndLease():
            leases.end(draft, command)
        case _:
            raise AssertionError(f"no rule for {type(command).__name__}")
