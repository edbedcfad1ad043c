"""What agents do with the steps that are theirs: finish them, say that they failed, hand them on.

No such answer is ever a yes: it gives no permit, and a step that asks people takes none of them.
"""

from __future__ import annotations

from holdshort.errors import Conflict, Forbidden, NotPending
from holdshort.lifecycle.alive import require_alive
from holdshort.lifecycle.commands import Advance, Transfer
from holdshort.lifecycle.draft import Draft
from holdshort.lifecycle.end import conclude, go_on
from holdshort.models import Directory, Principal, Step, agent_address


def advance(draft: Draft, command: Advance, directory: Directory) -> None:
    """Take an agent's word for its step, and go on."""
    intent, principal = draft.intent, command.principal
    if intent.terminal:
        if command.again and _said_before(intent.current, command):
            return  # its first answer was lost on the way
        raise NotPending(f"this intent has already ended: {intent.status}", status=intent.status)
    step = intent.current
    _require_own(step, principal)
    require_alive(principal, directory)
    draft.set_step(
        status="done",
        done_by=agent_address(principal.id),
        failed=not command.succeeded,
        result=command.result,
    )
    draft.move("IN_PROGRESS")
    draft.log(
        "intent.in_progress",
        principal.actor,
        step=intent.step,
        name=step.name,
        succeeded=command.succeeded,
        result=command.result,
        error=command.error,
    )
    if go_on(draft, succeeded=command.succeeded):
        return
    if command.succeeded:
        conclude(draft)
        return
    error = command.error or f"{principal.id} could not do its step"
    draft.tell("canceled")
    draft.move("FAILED")
    draft.set(error=error, lease_at=draft.now if draft.intent.resume else None)
    draft.log("intent.failed", principal.actor, error=error, result=command.result)


def transfer(draft: Draft, command: Transfer, directory: Directory) -> None:
    """Ask another agent as well; whoever asked it may still do the work."""
    intent = draft.intent
    if intent.terminal:
        raise NotPending(f"this intent has ended: {intent.status}", status=intent.status)
    _require_own(intent.current, command.principal)
    require_alive(command.principal, directory)
    to = agent_address(command.to)
    if to not in directory.agents or to in directory.killed:
        raise Conflict(f"{to} takes no work here: it is not registered, or it was killed")
    if to in intent.current.assigned:
        return
    draft.set_step(assigned=(*intent.current.assigned, to))
    draft.log(
        "intent.transfer", command.principal.actor, step=intent.step, to=to, note=command.note
    )


def _said_before(step: Step, command: Advance) -> bool:
    said = (step.done_by, step.failed, step.result)
    return said == (agent_address(command.principal.id), not command.succeeded, command.result)


def _require_own(step: Step, principal: Principal) -> None:
    if step.agent is None:
        raise Forbidden(
            f"this step waits for people ({', '.join(step.assigned)}). The key of "
            f"{principal.kind} {principal.id} cannot answer it, in whatever form; a person does, "
            "in the inbox, with the command line or with their own key",
            rule="only_people_decide",
        )
    if principal.kind != "agent" or agent_address(principal.id) not in step.assigned:
        raise Forbidden(
            f"this step is the work of {', '.join(step.assigned)}; nobody else can say how it went"
        )
