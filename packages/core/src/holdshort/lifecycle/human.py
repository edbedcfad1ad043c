"""What people do: decide, claim, release, delegate."""

from __future__ import annotations

from typing import Any

from holdshort.digest import action_digest
from holdshort.errors import (
    AlreadyDecided,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotPending,
    StaleDigest,
)
from holdshort.kinds import kind_named
from holdshort.lifecycle.alive import require_going_on
from holdshort.lifecycle.commands import Claim, Decide, Delegate, Release
from holdshort.lifecycle.draft import Draft
from holdshort.lifecycle.end import finish_step
from holdshort.models import Decision, Directory, Intent, Principal, Step, Vote, iso
from holdshort.policy.caps import cost_in
from holdshort.policy.eligible import claimed_by, may_delegate, require_reviewer, require_seat
from holdshort.policy.quorum import deciding_vote
from holdshort.policy.resolve import type_policy
from holdshort.requests import DecisionRequest


def decide(draft: Draft, command: Decide, directory: Directory) -> None:
    """Record a person's answer; end the step if it is the one that was missing."""
    intent, answer, principal = draft.intent, command.answer, command.principal
    if intent.terminal or (answer.step is not None and answer.step != intent.step):
        _check_late(intent, command)
        return  # the same person's same answer again: already recorded, nothing to add
    seat = require_seat(principal, intent, directory)
    person = seat.person
    require_going_on(intent, directory)
    if answer.step is None and len(intent.steps) > 1:
        # Sent again after its answer was lost, it could be taken for the next step's.
        raise InvalidRequest(
            f"this intent has {len(intent.steps)} steps: say which one you answer "
            f"(step={intent.step} is open now)",
            problems=[{"field": "step", "problem": "missing"}],
        )
    step = intent.current
    digest = _digest_of(intent, answer)
    if _given_before(step, person, answer) and digest == intent.digest:
        return  # a retry
    taken = claimed_by(step, directory)
    if taken not in (None, person):
        raise Conflict(
            f"{taken} has taken this; ask them to decide it or to release it", claimed_by=taken
        )
    if answer.digest is not None and answer.digest != intent.digest:
        raise StaleDigest(shown=answer.digest, stored=intent.digest)
    if digest != intent.digest:
        _check_edit(intent, step, answer)
    _check_answer(step, answer)
    kind = kind_named(step.task.task_type)
    positive = kind.sign(answer.outcome)
    if positive and step.policy.risk == "high":
        _require_strong(principal, directory)
    if digest != intent.digest:
        _take_edit(draft, answer, digest, principal.actor, directory)
    for vote in draft.intent.current.live_votes:
        if vote.by == person:
            raise AlreadyDecided(
                f"you already answered '{vote.outcome}' at {iso(vote.at)}; one person counts once",
                outcome=vote.outcome,
            )
        if vote.on_behalf_of == person:
            raise AlreadyDecided(
                f"{vote.by} answered '{vote.outcome}' for you at {iso(vote.at)}; one seat counts "
                "once",
                outcome=vote.outcome,
            )
    vote = Vote(
        by=person,
        via=principal.via,
        at=draft.now,
        outcome=answer.outcome,
        positive=positive,
        digest=digest,
        comment=answer.comment,
        data=answer.data,
        evidence=tuple(item.model_dump(exclude_none=True) for item in answer.evidence),
        on_behalf_of=seat.on_behalf_of,
        strong=principal.strong,
    )
    draft.set_step(votes=(*draft.intent.current.votes, vote))
    if deciding_vote(draft.intent.current) is None:
        step = draft.intent.current
        counted = sum(1 for v in step.live_votes if v.positive is positive)
        needed = step.policy.quorum if positive else step.policy.reject_quorum
        draft.log(
            "intent.voted",
            principal.actor,
            **_answer_details(vote),
            step=intent.step,
            counted=counted,
            needed=needed,
        )
        return
    decision = Decision(
        intent_id=intent.id,
        step=intent.step,
        outcome=vote.outcome,
        positive=positive,
        decided_by=principal.actor,
        at=draft.now,
        via=principal.via,
        digest=digest,
        comment=vote.comment,
        data=vote.data,
        evidence=vote.evidence,
        edited=draft.intent.edited_arguments is not None,
        on_behalf_of=vote.on_behalf_of,
    )
    draft.set_step(status="done", decision=decision)
    draft.move("IN_PROGRESS")
    draft.log("intent.decided", principal.actor, **_answer_details(vote), step=intent.step)
    finish_step(draft, decision)


def _answer_details(vote: Vote) -> dict[str, Any]:
    return {
        "outcome": vote.outcome,
        "via": vote.via,
        "comment": vote.comment,
        "data": vote.data,
        "evidence": vote.evidence or None,
        "on_behalf_of": vote.on_behalf_of,
        "strong": vote.strong or None,
    }


def _require_strong(principal: Principal, directory: Directory) -> None:
    """Refuse a yes of high risk by whoever has not shown, for this very answer, that it is them,
    where that is the rule. It holds for every door: a stolen key or session is not enough."""
    if directory.passkey_for_high_risk and not principal.strong:
        raise Forbidden(
            "a yes of high risk needs a passkey here: decide it in the inbox; its page Account "
            "adds one",
            rule="passkey_for_high_risk",
        )


def _check_late(intent: Intent, command: Decide) -> None:
    """Let a person's repeated answer pass; tell everybody else who was first (never two
    decisions).
    """
    answer, principal = command.answer, command.principal
    index = intent.step if answer.step is None else min(answer.step, len(intent.steps) - 1)
    step = intent.steps[index]
    decision = step.decision
    if decision is None:
        raise NotPending(
            f"this intent is {intent.status}"
            + (f", at step {intent.step}" if not intent.terminal else "")
            + "; there is nothing to decide at that step",
            status=intent.status,
        )
    same = principal.kind == "person" and _given_before(step, principal.id, answer)
    if same and _digest_of(intent, answer) == intent.digest:
        return
    raise AlreadyDecided(
        f"already decided: {decision.outcome} by {decision.decided_by} at {iso(decision.at)}",
        decision={
            "outcome": decision.outcome,
            "decided_by": decision.decided_by,
            "decided_at": iso(decision.at),
            "timed_out": decision.timed_out,
        },
        status=intent.status,
    )


def _given_before(step: Step, person: str, answer: DecisionRequest) -> bool:
    """Whether this is the answer that the person has given already, lost on its way back or sent
    twice. Other data is another answer."""
    return any(
        (vote.by, vote.outcome, vote.data) == (person, answer.outcome, answer.data)
        for vote in step.live_votes
    )


def _digest_of(intent: Intent, answer: DecisionRequest) -> str:
    """Return the digest of what the answer is about: the arguments as it has them, or as they
    are."""
    if answer.arguments is None:
        return intent.digest
    return action_digest(
        tool=intent.tool,
        arguments=answer.arguments,
        agent=intent.agent,
        environment=intent.environment,
    )


def _check_edit(intent: Intent, step: Step, answer: DecisionRequest) -> None:
    """Refuse an edit where it makes no sense or is not allowed."""
    if not kind_named(step.task.task_type).sign(answer.outcome):
        raise InvalidRequest(
            f"edited arguments come with a yes; '{answer.outcome}' runs nothing",
            problems=[{"field": "arguments", "problem": "only with a positive outcome"}],
        )
    if not step.policy.allow_edit:
        raise Forbidden(
            "the policy does not let reviewers edit here; reject it and say what to change"
        )
    if any(one.agent is None for one in intent.steps[: intent.step]):
        raise Conflict(
            "an earlier step has approved these arguments, so they cannot be edited at this one; "
            "reject it and say what to change"
        )


def _take_edit(
    draft: Draft, answer: DecisionRequest, digest: str, actor: str, directory: Directory
) -> None:
    """Replace the arguments. Yeses to the old ones no longer count: nobody approved the new
    ones.
    """
    before = draft.intent.digest
    cost, by_type = draft.intent.cost, type_policy(directory, draft.intent.intent_type)
    if cost is not None and by_type.cost_from is not None:
        draft.set(cost=cost_in(answer.arguments or {}, by_type.cost_from, cost.currency))
    votes = tuple(v.but(void=True) if v.positive else v for v in draft.intent.current.votes)
    draft.set_step(votes=votes)
    draft.set(edited_arguments=answer.arguments, digest=digest)
    draft.log(
        "intent.edited",
        actor,
        before=before,
        arguments=answer.arguments,
        voided=[v.by for v in votes if v.void] or None,
    )


def _check_answer(step: Step, answer: DecisionRequest) -> None:
    problems = kind_named(step.task.task_type).problems_with_answer(
        step.task,
        outcome=answer.outcome,
        comment=answer.comment,
        data=answer.data,
        evidence=bool(answer.evidence),
        comment_required=step.policy.require_comment,
    )
    if problems:
        raise InvalidRequest(
            "; ".join(problem for _, problem in problems),
            problems=[{"field": name, "problem": problem} for name, problem in problems],
        )


def claim(draft: Draft, command: Claim, directory: Directory) -> None:
    """Take the step."""
    _require_open(draft.intent)
    person = require_reviewer(command.principal, draft.intent, directory)
    if draft.intent.current.claimed_by == person:
        return
    holder = claimed_by(draft.intent.current, directory)
    if holder is not None:
        raise Conflict(f"{holder} has already taken this", claimed_by=holder)
    draft.set_step(claimed_by=person)
    draft.log("intent.claimed", command.principal.actor, step=draft.intent.step)
    draft.tell("claimed")


def release(draft: Draft, command: Release, directory: Directory) -> None:
    """Give the step back."""
    _require_open(draft.intent)
    person = require_reviewer(command.principal, draft.intent, directory)
    holder = draft.intent.current.claimed_by
    if holder is None:
        return
    if holder != person:
        raise Forbidden(f"{holder} has taken this, so only they can give it back")
    draft.set_step(claimed_by=None)
    draft.log("intent.released", command.principal.actor, step=draft.intent.step)
    draft.tell("released")


def delegate(draft: Draft, command: Delegate, directory: Directory) -> None:
    """Hand the step on: the other may decide from now on; the log names both."""
    _require_open(draft.intent)
    person = require_reviewer(command.principal, draft.intent, directory)
    step = draft.intent.current
    if (person, command.to) in step.delegated:
        return  # a retry whose first answer was lost
    if not may_delegate(person, step, directory):
        raise Forbidden("this was delegated to you, and may not be delegated again")
    if command.to == draft.intent.owner:
        raise Forbidden(f"{command.to} owns the agent that asks this and cannot decide it")
    if command.to in step.assigned:
        raise Conflict(f"{command.to} is already asked")
    draft.set_step(
        assigned=(*step.assigned, command.to),
        delegated=(*step.delegated, (person, command.to)),
        claimed_by=None if step.claimed_by == person else step.claimed_by,
    )
    draft.log(
        "intent.delegated",
        command.principal.actor,
        step=draft.intent.step,
        to=command.to,
        comment=command.comment,
    )
    draft.tell("asked", (command.to,))


def _require_open(intent: Intent) -> None:
    if intent.terminal:
        raise NotPending(f"this intent has ended: {intent.status}", status=intent.status)
