"""Filing an intent, and opening its steps."""

from __future__ import annotations

from holdshort import audit
from holdshort.digest import action_digest
from holdshort.lifecycle.alive import require_alive
from holdshort.lifecycle.commands import Create, FollowUp, Supersede
from holdshort.lifecycle.draft import Draft
from holdshort.models import Directory, Intent
from holdshort.policy.ladder import open_step
from holdshort.policy.plan import plan


def create(command: Create, directory: Directory, now: int) -> Draft:
    """Return the new intent with its first step open."""
    request, principal = command.request, command.principal
    require_alive(principal, directory)
    steps = plan(
        request,
        agent=principal.id,
        directory=directory,
        now=now,
        own=command.settles is not None,
    )
    tool = request.action.tool if request.action else request.intent_type
    arguments = request.action.arguments if request.action else request.payload
    intent = Intent(
        tenant=principal.tenant,
        id=command.intent_id,
        agent=principal.id,
        owner=principal.owner,
        intent_type=request.intent_type,
        to_agent=request.to_agent,
        correlation_id=command.correlation_id,
        key=command.key,
        body_hash=command.body_hash,
        title=request.title or steps[0].task.title,
        tool=tool,
        environment=request.environment,
        digest=action_digest(
            tool=tool, arguments=arguments, agent=principal.id, environment=request.environment
        ),
        idempotent=request.idempotent,
        status="CREATED",
        created_at=now,
        updated_at=now,
        steps=steps,
        resume=request.resume == "worker" or request.continuation is not None,
        supersedes=request.supersedes,
        reply_to=request.reply_to,
        settles=command.settles,
        run=command.run,
        head=audit.genesis(principal.tenant, command.intent_id),
    )
    draft = Draft(intent, now)
    actor = principal.actor
    draft.log("intent.created", actor, intent_type=intent.intent_type, to_agent=intent.to_agent)
    draft.move("SUBMITTED")
    draft.log("intent.submitted", actor)
    draft.move("DELIVERED")
    draft.log("intent.delivered", "system")
    ask(draft)
    if request.supersedes:
        draft.follow_ups.append(
            FollowUp(request.supersedes, Supersede(principal, by=command.intent_id))
        )
    return draft


def ask(draft: Draft) -> None:
    """Open the current step: from now on people, or its agent, can answer, and time runs."""
    step = open_step(draft.intent.current, draft.now)
    steps = list(draft.intent.steps)
    steps[draft.intent.step] = step
    draft.set(steps=tuple(steps))
    if step.agent is not None:
        if draft.intent.status != "DELIVERED":  # the first step is delivered with the intent
            draft.log("intent.delivered", "system", step=draft.intent.step, to_agent=step.agent)
        return
    draft.move("WAITING", "WAITING_FOR_HUMAN")
    draft.log(
        "intent.human_task_assigned",
        "system",
        step=draft.intent.step,
        name=step.name,
        task_type=step.task.task_type,
        title=step.task.title,
        assigned=step.assigned,
        deadline_seconds=step.policy.deadline,
        fallback=step.policy.fallback,
        quorum=step.policy.quorum if step.policy.quorum > 1 else None,
    )
    draft.log("intent.waiting", "system")
    draft.tell("asked", step.assigned)
