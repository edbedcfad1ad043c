"""How records look on the wire."""

from __future__ import annotations

import json
from typing import Any

from holdshort.kinds import kind_named
from holdshort.limits import Cost, amount_of
from holdshort.models import (
    TERMINAL,
    Attached,
    Decision,
    Directory,
    Grant,
    Intent,
    Step,
    StoredEvent,
    iso,
)
from holdshort.notify.said import arguments as arguments
from holdshort.policy.eligible import claimed_by
from holdshort.store.base import Delivery, KeyInfo

_ENDED_WITHOUT_ANSWER = {"CANCELED": "canceled", "FAILED": "failed"}


def filed(intent: Intent, *, existed: bool) -> dict[str, Any]:
    """The answer to filing an intent."""
    return {
        "ok": True,
        "intent_id": intent.id,
        "status": intent.status,
        "created_at": iso(intent.created_at),
        "existed": existed,
        "digest": intent.digest,
        "assigned": intent.assigned,
    }


def decision(intent: Intent, body: str | None) -> dict[str, Any]:
    """What a waiting agent gets: `decision` is null until there is an answer, and the same for ever
    after."""
    return {
        "ok": True,
        "intent_id": intent.id,
        "status": intent.status,
        "waiting_reason": intent.waiting_reason,
        "decision": _answer(intent, body) if intent.terminal else None,
    }


def _answer(intent: Intent, body: str | None) -> dict[str, Any]:
    found = intent.decision
    answer: dict[str, Any] = {
        "intent_id": intent.id,
        "status": intent.status,
        "outcome": _ENDED_WITHOUT_ANSWER.get(intent.status, ""),
        "approved": False,
        "decided_by": None,
        "decided_at": iso(intent.ended_at or intent.updated_at),
        "comment": intent.error,
        "data": None,
        "evidence": [],
        "edited": False,
        "timed_out": False,
        "on_behalf_of": None,
        "digest": intent.digest,
        "arguments": None,
        "superseded_by": intent.superseded_by,
        "steps": [step_answer(step.decision) for step in intent.steps if step.decision],
    }
    if found is not None:
        answer |= step_answer(found)
        # A list does not load the bodies: it leaves the arguments open rather than show others.
        if found.positive and (body is not None or intent.edited_arguments is not None):
            answer["arguments"] = arguments(intent, body)
    return answer


def step_answer(found: Decision) -> dict[str, Any]:
    """One step's answer."""
    return {
        "step": found.step,
        "outcome": found.outcome,
        "approved": found.positive is True,
        "decided_by": found.decided_by,
        "decided_at": iso(found.at),
        "via": found.via,
        "comment": found.comment,
        "data": found.data,
        "evidence": list(found.evidence),
        "edited": found.edited,
        "timed_out": found.timed_out,
        "on_behalf_of": found.on_behalf_of,
    }


def intent(
    found: Intent, body: str | None = None, deliveries: list[Delivery] | None = None
) -> dict[str, Any]:
    """An intent, with the intent protocol's names where it has them."""
    request = json.loads(body) if body else {}
    step = found.current
    policy = step.policy
    view: dict[str, Any] = {
        "intent_id": found.id,
        "intent_type": found.intent_type,
        "status": found.status,
        "lifecycle_status": found.status,
        "waiting_reason": found.waiting_reason,
        "lifecycle_waiting_reason": found.waiting_reason,
        "title": found.title,
        "from_agent": found.agent,
        "to_agent": found.to_agent,
        "correlation_id": found.correlation_id,
        "idempotency_key": found.key,
        "run_id": found.run[1] if found.run else None,
        "created_at": iso(found.created_at),
        "updated_at": iso(found.updated_at),
        "deadline_at": iso(step.deadline_at) if step.deadline_at else None,
        "policy_generation": found.policy_generation,
        "paused_at": iso(found.paused_at) if found.paused_at else None,
        "cost": _cost(found.cost),
        "remind_count": step.reminded,
        "max_reminders": policy.max_reminders,
        "pending_with": _pending_with(found),
        "assigned": list(found.assigned),
        "human_task": human_task(step),
        "step": found.step,
        "steps": [_step(one) for one in found.steps],
        "digest": found.digest,
        "edited": found.edited_arguments is not None,
        "idempotent": found.idempotent,
        "environment": found.environment,
        "tool": found.tool,
        "grant": _grant(found.grant),
        "resume": "worker" if found.resume else "wait",
        "lease": found.lease.model_dump() if found.lease and found.lease_at else None,
        "supersedes": found.supersedes,
        "superseded_by": found.superseded_by,
        "error": found.error,
        "files": [file(one) for one in found.files],
        "last_seq": found.seq,
        "head": found.head,
        "result": _answer(found, body) if found.status in TERMINAL else None,
    }
    if body is not None:
        view["payload"] = request.get("payload", {})
        view["arguments"] = arguments(found, body)
        view["description"] = request.get("description", "")
    if deliveries is not None:
        view["notified"] = [
            {
                "delivery_id": d.id,
                "reason": d.reason,
                "channel": d.channel,
                "recipient": d.recipient,
                "state": d.state,
                "at": iso(d.sent_at or d.created_at),
            }
            for d in sorted(deliveries, key=lambda d: d.id)
        ]
    return view


def intent_response(view: dict[str, Any]) -> dict[str, Any]:
    """The response around one intent; `status`, `result` and `payload` stand at the top as well,
    where clients of the protocol look for them."""
    return {
        "ok": True,
        "intent": view,
        "status": view["status"],
        "result": view["result"],
        "payload": view.get("payload"),
    }


def _cost(cost: Cost | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    return {"amount": amount_of(cost.micros), "currency": cost.currency}


def _pending_with(found: Intent) -> dict[str, Any] | None:
    if found.terminal:
        return None
    assigned = found.assigned
    agent = found.current.agent
    if agent is not None:
        return {"type": "agent", "ref": agent, "name": ", ".join(assigned)}
    return {"type": "human", "ref": assigned[0] if assigned else None, "name": ", ".join(assigned)}


def human_task(step: Step) -> dict[str, Any]:
    """A step's task as a reviewer's client needs it: what may be answered, and how."""
    kind = kind_named(step.task.task_type)
    outcomes = kind.outcomes(step.task)
    return {
        "title": step.task.title,
        "description": step.task.description,
        "task_type": step.task.task_type,
        "allowed_outcomes": list(outcomes),
        "positive_outcomes": [one for one in outcomes if kind.sign(one)],
        "negative_outcomes": [one for one in outcomes if kind.sign(one) is False],
        "required_comment": step.task.required_comment or step.policy.require_comment,
        "comment_for": sorted(kind.comment_for),
        "evidence_required": step.task.evidence_required,
        "form_schema": step.task.form_schema or kind.data_schema,
        "assignees": list(step.assigned or step.reviewers),
        "allow_edit": step.policy.allow_edit,
    }


def _step(step: Step) -> dict[str, Any]:
    policy = step.policy
    return {
        "name": step.name,
        "status": step.status,
        "human_task": human_task(step),
        "assigned": list(step.assigned or step.reviewers),
        "claimed_by": step.claimed_by,
        "held": held(step),
        "level": step.level,
        "asked_at": iso(step.asked_at) if step.asked_at else None,
        "remind_at": iso(step.remind_at) if step.remind_at and step.status == "open" else None,
        "escalate_at": iso(step.escalate_at)
        if step.escalate_at and step.status == "open"
        else None,
        "deadline_at": iso(step.deadline_at) if step.deadline_at else None,
        "policy": policy.model_dump(mode="json"),
        "votes": [
            {
                "by": vote.by,
                "at": iso(vote.at),
                "via": vote.via,
                "outcome": vote.outcome,
                "comment": vote.comment,
                "void": vote.void,
            }
            for vote in step.votes
        ],
        "decision": step_answer(step.decision) if step.decision else None,
        "agent": step.agent,
        "done_by": step.done_by,
        "failed": step.failed,
        "result": step.result,
        "on_success": step.on_success,
        "on_failure": step.on_failure,
    }


def held(step: Step) -> dict[str, Any] | None:
    """An answer that its giver can still take back."""
    found = step.held
    if found is None:
        return None
    return {"by": found.by.id, "outcome": found.answer["outcome"], "until": iso(found.until)}


def _grant(grant: Grant | None) -> dict[str, Any] | None:
    if grant is None:
        return None
    return {
        "digest": grant.digest,
        "state": grant.state,
        "issued_at": iso(grant.issued_at),
        "expires_at": iso(grant.expires_at),
        "attempt_id": grant.attempt,
        "started_at": iso(grant.started_at) if grant.started_at else None,
        "reported_at": iso(grant.reported_at) if grant.reported_at else None,
        "question": grant.question,
        "error": grant.error,
        "cost": _cost(grant.cost),
    }


def permit(found: Intent, body: str | None) -> dict[str, Any]:
    """The answer to a consume: run this now, or (a run that is over) here is what it gave."""
    grant = found.grant
    assert grant is not None
    return {
        "ok": True,
        "intent_id": found.id,
        "attempt_id": grant.attempt,
        "digest": grant.digest,
        "state": grant.state,
        "run": grant.state == "started",
        "tool": found.tool,
        "arguments": arguments(found, body),
        "result": grant.result,
        "error": grant.error,
    }


def task(found: Intent, directory: Directory | None = None) -> dict[str, Any]:
    """A row of somebody's task list.

    Args:
        directory: tells whether who has taken it still keeps it; without one it is as recorded.
    """
    step = found.current
    return {
        "intent_id": found.id,
        "intent_type": found.intent_type,
        "status": found.status,
        "from_agent": found.agent,
        "title": step.task.title,
        "task_type": step.task.task_type,
        "assigned": list(found.assigned),
        "assigned_at": iso(step.asked_at or found.created_at),
        "due_at": iso(step.deadline_at) if step.deadline_at else None,
        "claimed_by": claimed_by(step, directory) if directory else step.claimed_by,
        "held": held(step),
        "fallback": step.policy.fallback,
        "risk": step.policy.risk,
        "step": found.step,
        "steps": len(found.steps),
        "human_task": human_task(step),
        "digest": found.digest,
    }


def file(found: Attached) -> dict[str, Any]:
    """A file beside an intent, without its bytes."""
    return {
        "name": found.name,
        "sha256": found.sha256,
        "size": found.size,
        "by": found.by,
        "at": iso(found.at),
    }


def event(stored: StoredEvent) -> dict[str, Any]:
    """One event of the log, as it is stored, with its hash."""
    found: dict[str, Any] = json.loads(stored.line)
    return found | {"hash": stored.hash}


def delivery(found: Delivery) -> dict[str, Any]:
    """A delivery."""
    return {
        "delivery_id": found.id,
        "intent_id": found.intent_id,
        "reason": found.reason,
        "channel": found.channel,
        "recipient": found.recipient,
        "state": found.state,
        "attempts": found.attempts,
        "next_at": iso(found.next_at) if found.state == "pending" else None,
        "created_at": iso(found.created_at),
        "sent_at": iso(found.sent_at) if found.sent_at else None,
        "last_error": found.last_error,
        "receipt": found.receipt,
        "fallbacks": list(found.fallbacks),
    }


def key(found: KeyInfo) -> dict[str, Any]:
    """An API key without its secret."""
    return {
        "key_id": found.id,
        "role": found.role,
        "subject": found.subject,
        "owner": found.owner,
        "name": found.name,
        "created_at": iso(found.created_at),
        "revoked_at": iso(found.revoked_at) if found.revoked_at else None,
    }
