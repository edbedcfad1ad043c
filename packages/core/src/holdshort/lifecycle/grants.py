"""The permit to act: consumed once, reported once, and asked about when nobody knows."""

from __future__ import annotations

from holdshort import ids
from holdshort.errors import (
    Conflict,
    Forbidden,
    GrantRefused,
    InvalidRequest,
    OutcomeUnknown,
    StaleDigest,
)
from holdshort.lifecycle.commands import Cancel, Consume, FollowUp, Lose, Question, Report, Settle
from holdshort.lifecycle.draft import Draft
from holdshort.limits import Cost, spelled
from holdshort.models import Directory, Grant, Intent, Principal, Settles, iso
from holdshort.policy import caps
from holdshort.requests import IntentRequest

QUESTION_TYPE = "intent.holdshort.execution_unknown.v1"


def consume(draft: Draft, command: Consume, directory: Directory) -> None:
    """Let the action run, if this is the one time it may (DESIGN.md 2.3).

    The same attempt asking again gets the same yes: its first answer may have been lost on the way.
    """
    intent, now = draft.intent, draft.now
    grant = _grant(intent, command.principal)
    if command.digest != grant.digest:
        raise StaleDigest(
            "this is not the action that was approved: its digest differs. Use the arguments of "
            "the decision, unchanged.",
            approved=grant.digest,
            asked=command.digest,
        )
    if grant.attempt == command.attempt and grant.state in ("started", "done", "failed"):
        return
    if grant.state == "started":
        raise GrantRefused(
            f"another attempt started at {iso(grant.started_at or 0)} and has not reported yet",
            reason="started",
            attempt=grant.attempt,
        )
    if grant.state == "unknown":
        raise OutcomeUnknown(reason="unknown", question=grant.question, attempt=grant.attempt)
    if grant.state != "open":
        raise GrantRefused(
            f"this action was already run once: {grant.state}"
            if grant.state in ("done", "failed")
            else "this permit was revoked",
            reason=grant.state,
            attempt=grant.attempt,
            result=grant.result,
            error=grant.error,
        )
    if now >= grant.expires_at:
        raise GrantRefused(
            f"the permit ended at {iso(grant.expires_at)}; ask again", reason="expired"
        )
    # What the agent may do at all may have been narrowed since it asked.
    caps.require_scope(
        directory.limits_of(intent.agent),
        agent=intent.agent,
        intent_type=intent.intent_type,
        tool=intent.tool if intent.tool != intent.intent_type else None,
    )
    run_until = now + round(intent.current.policy.execution_timeout * 1000)
    draft.set(
        grant=grant.but(
            state="started", attempt=command.attempt, started_at=now, run_until=run_until
        )
    )
    draft.log("intent.grant_consumed", command.principal.actor, attempt=command.attempt)


def report(draft: Draft, command: Report) -> None:
    """Record how the run ended. Late news of an unknown run is still news."""
    grant = _grant(draft.intent, command.principal)
    state = "done" if command.succeeded else "failed"
    if not command.began:
        _give_back(draft, grant, command)
        return
    if grant.attempt != command.attempt:
        raise Conflict("this attempt does not hold the permit", attempt=grant.attempt)
    if grant.state in ("done", "failed"):
        if grant.state == state:
            return
        raise Conflict(f"this attempt already reported: {grant.state}")
    if grant.question is not None and grant.state == "unknown":
        draft.follow_ups.append(
            FollowUp(grant.question, Cancel(_system(draft.intent), "the run reported after all"))
        )
    draft.set(
        grant=grant.but(
            state=state,
            reported_at=draft.now,
            result=command.result,
            error=command.error,
            run_until=None,
            cost=_real_cost(draft.intent, command.cost),
        )
    )
    draft.log(
        "intent.reported",
        command.principal.actor,
        attempt=command.attempt,
        succeeded=command.succeeded,
        error=command.error,
        cost=command.cost and spelled(command.cost.micros, command.cost.currency),
    )


def _real_cost(intent: Intent, cost: Cost | None) -> Cost | None:
    """Return what a run really cost. Raises InvalidRequest for another currency than it was asked
    for in."""
    if cost and intent.cost and cost.currency != intent.cost.currency:
        raise InvalidRequest(
            f"this was asked for in {intent.cost.currency}, so its cost is in it as well",
            problems=[{"field": "cost.currency", "problem": f"not {intent.cost.currency}"}],
        )
    return cost


def _give_back(draft: Draft, grant: Grant, command: Report) -> None:
    """Take a permit back with which nothing was done: whoever took it was stopped before."""
    if grant.state == "open":
        return  # a retry whose first answer was lost
    if grant.attempt != command.attempt or grant.state != "started" or command.succeeded:
        raise Conflict("this attempt does not hold the permit", attempt=grant.attempt)
    draft.set(grant=grant.but(state="open", attempt=None, started_at=None, run_until=None))
    draft.log(
        "intent.grant_returned",
        command.principal.actor,
        attempt=command.attempt,
        error=command.error,
    )


def lose_run(draft: Draft, why: str) -> None:
    """A run started and will not report: repeat it if that is harmless, else ask a person."""
    intent, grant = draft.intent, draft.intent.grant
    assert grant is not None
    if intent.idempotent:
        draft.set(grant=grant.but(state="open", attempt=None, started_at=None, run_until=None))
        draft.log("intent.run_lost", "system", attempt=grant.attempt, why=why, repeat=True)
        return
    assert grant.attempt is not None
    question = ids.derived_id(draft.now, intent.id, grant.attempt)
    draft.set(grant=grant.but(state="unknown", question=question, run_until=None), lease_at=None)
    draft.log("intent.run_lost", "system", attempt=grant.attempt, why=why, question=question)
    draft.questions.append(
        Question(
            request=_question(intent, grant),
            intent_id=question,
            settles=Settles(intent_id=intent.id, attempt=grant.attempt),
        )
    )


def lose(draft: Draft, command: Lose) -> None:
    """The same for whoever learns it from outside: nothing where nothing was under way."""
    grant = draft.intent.grant
    if grant is not None and grant.state == "started":
        lose_run(draft, command.why)


def _question(intent: Intent, grant: Grant) -> IntentRequest:
    return IntentRequest.model_validate(
        {
            "intent_type": QUESTION_TYPE,
            "title": f"Did this happen? {intent.title}"[:255],
            "description": (
                "The approved action was started and its process ended before saying how it went. "
                "Look at the place where it would have had its effect. Confirm if it took effect; "
                "deny if it did not, and it will be allowed to run once more. If nobody answers, "
                "it is not run again."
            ),
            "task": "confirmation",
            "to": list(next(one.reviewers for one in intent.steps if one.agent is None)),
            "payload": {
                "intent_id": intent.id,
                "tool": intent.tool,
                "attempt": grant.attempt,
                "started_at": iso(grant.started_at or 0),
            },
        }
    )


def settle(draft: Draft, command: Settle) -> None:
    """Take the person's word for what happened."""
    grant = draft.intent.grant
    if grant is None or grant.state != "unknown" or grant.attempt != command.attempt:
        return
    if command.happened:
        draft.set(grant=grant.but(state="done", reported_at=draft.now), lease_at=None)
    else:
        draft.set(
            grant=grant.but(state="open", attempt=None, started_at=None, question=None),
            lease_at=draft.now if draft.intent.resume else None,
        )
    draft.log("intent.settled", command.by, attempt=command.attempt, happened=command.happened)


def _grant(intent: Intent, principal: Principal) -> Grant:
    if principal.kind != "agent" or principal.id != intent.agent:
        raise Forbidden("only the agent that asked may run the action")
    if intent.grant is None:
        if not intent.terminal:
            raise GrantRefused("nobody has decided yet", reason="pending")
        said = intent.decision.outcome if intent.decision else intent.status
        raise GrantRefused(f"this action was not approved: {said}", reason="not_approved")
    return intent.grant


def _system(intent: Intent) -> Principal:
    return Principal(kind="system", id="executor", tenant=intent.tenant, via="system")
