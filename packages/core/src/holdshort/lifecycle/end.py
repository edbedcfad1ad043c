"""How a step and an intent end: by decision, by time, by withdrawal."""

from __future__ import annotations

from holdshort.errors import Forbidden, NotPending
from holdshort.kinds import kind_named
from holdshort.lifecycle.commands import Cancel, Fail, FollowUp, Settle, Supersede
from holdshort.lifecycle.create import ask
from holdshort.lifecycle.draft import Draft
from holdshort.models import Decision, Grant, Principal, Step

TIMEOUT_ACTOR = "system:timeout"


def finish_step(draft: Draft, decision: Decision) -> None:
    """Go on to the next step after a yes; otherwise end the intent with this answer."""
    if not go_on(draft, succeeded=decision.positive is True):
        conclude(draft)


def go_on(draft: Draft, *, succeeded: bool) -> bool:
    """Open the step that follows; return False where there is none.

    A no stays a no: what follows it may put things in order, and gives no permit any more.
    """
    intent, step = draft.intent, draft.intent.current
    named = step.on_success if succeeded else step.on_failure
    if named is not None:
        following = [one.name for one in intent.steps].index(named, intent.step + 1)
    elif succeeded and intent.step + 1 < len(intent.steps):
        following = intent.step + 1
    else:
        return False
    if not succeeded and step.agent is None and intent.decided_at_step is None:
        draft.set(decided_at_step=intent.step)
    draft.set(step=following)
    ask(draft)
    return True


def conclude(draft: Draft) -> None:
    """End the intent after its last step: with the first no, else with the last yes, else with
    what its agents made of it."""
    intent = draft.intent
    index = intent.decided_at_step
    if index is None:
        answered = [n for n, step in enumerate(intent.steps) if step.decision and not step.agent]
        index = answered[-1] if answered else intent.step
    decision = intent.steps[index].decision or _done(draft)
    if index != intent.step:
        draft.set(decided_at_step=index)
    _conclude(draft, decision)
    result = _result(decision)
    if made := {step.name: step.result for step in intent.steps if step.done_by}:
        result["steps"] = made
    actor = decision.decided_by if intent.current.agent is None else _by(intent.current)
    # An answer that time gave stays one, whatever an agent did afterwards.
    if decision.timed_out:
        draft.move("TIMED_OUT")
        draft.log("intent.timed_out", actor, result=result)
    else:
        draft.move("COMPLETED")
        draft.log("intent.completed", actor, result=result)
    draft.tell("decided")


def _done(draft: Draft) -> Decision:
    """Record that an agent did what was asked. This is nobody's yes."""
    step = draft.intent.current
    decision = Decision(
        intent_id=draft.intent.id,
        step=draft.intent.step,
        outcome="completed",
        positive=None,
        decided_by=_by(step),
        at=draft.now,
        via="api",
        digest=draft.intent.digest,
        data=step.result,
    )
    draft.set_step(decision=decision)
    return decision


def _by(step: Step) -> str:
    return f"agent:{step.done_by}"


def time_out(draft: Draft) -> None:
    """End the current step because its time is up, with the policy's fallback as the answer."""
    step = draft.intent.current
    kind = kind_named(step.task.task_type)
    approve = step.policy.fallback == "approve"
    decision = Decision(
        intent_id=draft.intent.id,
        step=draft.intent.step,
        outcome=kind.positive[0] if approve else kind.negative,
        positive=approve,
        decided_by=TIMEOUT_ACTOR,
        at=draft.now,
        via="timer",
        digest=draft.intent.digest,
        edited=draft.intent.edited_arguments is not None,
        timed_out=True,
    )
    draft.set_step(status="done", decision=decision)
    following = step.on_success if approve else step.on_failure
    if following is not None or (approve and draft.intent.step + 1 < len(draft.intent.steps)):
        draft.move("IN_PROGRESS")
        draft.log(
            "intent.step_timed_out",
            TIMEOUT_ACTOR,
            step=draft.intent.step,
            fallback=step.policy.fallback,
        )
        go_on(draft, succeeded=approve)
        return
    assigned = step.assigned if step.agent is None else ()
    earlier = draft.intent.decided_at_step
    if earlier is not None:
        decision = draft.intent.steps[earlier].decision or decision
    _conclude(draft, decision)
    draft.move("TIMED_OUT")
    draft.log(
        "intent.timed_out",
        TIMEOUT_ACTOR,
        step=draft.intent.step,
        fallback=step.policy.fallback,
        result=_result(decision),
    )
    draft.tell("timed_out", assigned)


def _conclude(draft: Draft, decision: Decision) -> None:
    """Set what every answered intent has: the decision, the grant of a yes, the worker's cue."""
    intent = draft.intent
    grant = None
    if decision.positive:
        ttl = intent.steps[decision.step].policy.grant_ttl
        grant = Grant(
            digest=intent.digest, issued_at=draft.now, expires_at=draft.now + round(ttl * 1000)
        )
    draft.set(grant=grant, lease_at=draft.now if intent.resume else None)
    if intent.settles is not None:
        draft.follow_ups.append(
            FollowUp(
                intent.settles.intent_id,
                Settle(
                    attempt=intent.settles.attempt,
                    # Nobody answered: as far as anyone knows it may have happened, so it is never
                    # run again by itself.
                    happened=decision.timed_out or decision.positive is not False,
                    by=decision.decided_by,
                ),
            )
        )


def _result(decision: Decision) -> dict[str, object]:
    return {
        "outcome": decision.outcome,
        "approved": decision.positive is True,
        "decided_by": decision.decided_by,
        "comment": decision.comment,
        "data": decision.data,
        "edited": decision.edited,
        "timed_out": decision.timed_out,
    }


def cancel(draft: Draft, command: Cancel) -> None:
    """Withdraw the intent: nobody has to answer any more, and nothing may run."""
    _require_asker(draft, command.principal)
    if draft.intent.status == "CANCELED":
        return
    _withdraw(draft)
    draft.move("CANCELED")
    draft.log("intent.canceled", command.principal.actor, reason=command.reason or None)


def supersede(draft: Draft, command: Supersede) -> None:
    """Give way to a newer intent. An answered one keeps its answer, but its permit is gone."""
    _require_asker(draft, command.principal)
    if draft.intent.superseded_by == command.by:
        return
    actor = command.principal.actor
    if draft.intent.terminal:
        grant = draft.intent.grant
        if grant is not None and grant.state == "open":
            draft.set(grant=grant.but(state="revoked"))
        draft.set(superseded_by=command.by)
        draft.log("intent.superseded", actor, by=command.by)
        return
    _withdraw(draft)
    draft.move("CANCELED")
    draft.set(superseded_by=command.by)
    draft.log("intent.canceled", actor, reason="superseded", superseded_by=command.by)


def fail(draft: Draft, command: Fail) -> None:
    """Record that the work broke: FAILED is never an answer."""
    _require_asker(draft, command.principal)
    if draft.intent.status == "FAILED" and draft.intent.error == command.error:
        return  # a retry whose first answer was lost
    _withdraw(draft)
    draft.move("FAILED")
    draft.set(error=command.error)
    draft.log("intent.failed", command.principal.actor, error=command.error)


def _withdraw(draft: Draft) -> None:
    if draft.intent.terminal:
        raise NotPending(
            f"this intent has already ended: {draft.intent.status}", status=draft.intent.status
        )
    step = draft.intent.current
    draft.tell("canceled", step.assigned if step.agent is None else ())
    draft.set_step(status="done", held=None)
    draft.set(lease_at=draft.now if draft.intent.resume else None)


def _require_asker(draft: Draft, principal: Principal) -> None:
    """Only the agent that asked and administrators may end what was asked."""
    if principal.kind == "agent" and principal.id != draft.intent.agent:
        raise Forbidden("only the agent that filed this intent may change it")
    if principal.kind == "person":
        raise Forbidden("reviewers decide; they do not withdraw. Reject it instead")
