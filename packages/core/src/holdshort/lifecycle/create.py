"""Filing an intent, and opening its steps."""

from __future__ import annotations

from holdshort import audit
from holdshort.digest import action_digest
from holdshort.lifecycle.alive import require_alive
from holdshort.lifecycle.commands import Create, FollowUp, Supersede
from holdshort.lifecycle.draft import Draft
from holdshort.limits import Limits
from holdshort.models import Directory, HumanTask, Intent, Step
from holdshort.policy import caps
from holdshort.policy.ladder import open_step
from holdshort.policy.plan import plan
from holdshort.policy.resolve import resolve, type_policy


def create(command: Create, directory: Directory, now: int) -> Draft:
    """Return the new intent with its first step open."""
    request, principal = command.request, command.principal
    require_alive(principal, directory)
    limits = directory.limits_of(principal.id) if principal.kind == "agent" else None
    caps.require_scope(
        limits,
        agent=principal.id,
        intent_type=request.intent_type,
        tool=request.action.tool if request.action else None,
    )
    steps = plan(
        request,
        agent=principal.id,
        directory=directory,
        now=now,
        own=command.settles is not None,
    )
    cost = caps.cost_of(request, type_policy(directory, request.intent_type), limits)
    over = []
    if limits is not None and command.usage is not None:
        over = caps.passed(limits, command.usage, cost, now)
        asks = limits.on_breach == "require_approval"
        nobody = asks and not directory.members_at(_approvers(limits, directory))
        if over and (limits.on_breach == "block" or nobody):
            raise caps.refuse(principal.id, limits, over, now)
        if over and asks:
            steps = (_over_limit(request.intent_type, limits, over, directory), *steps)
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
        cost=cost,
        counted=command.usage is not None,
        head=audit.genesis(principal.tenant, command.intent_id),
    )
    draft = Draft(intent, now)
    actor = principal.actor
    draft.log("intent.created", actor, intent_type=intent.intent_type, to_agent=intent.to_agent)
    draft.move("SUBMITTED")
    draft.log("intent.submitted", actor)
    draft.move("DELIVERED")
    draft.log("intent.delivered", "system")
    if over:
        _say_over(draft, limits, over, directory)
    ask(draft)
    if request.supersedes:
        draft.follow_ups.append(
            FollowUp(request.supersedes, Supersede(principal, by=command.intent_id))
        )
    return draft


def _over_limit(
    intent_type: str, limits: Limits, over: list[caps.Over], directory: Directory
) -> Step:
    """Return the step that asks people whether this may go on though a limit is passed. Nothing but
    their yes lets it: time does not."""
    policy = resolve(directory, type_policy(directory, intent_type))
    said = "; ".join(one.spell(limits.currency) for one in over)
    return Step(
        name="over_limit",
        task=HumanTask(
            title=f"Over its agent's limit: {intent_type}"[:255],
            description=f"The agent has asked for more than its limit allows: {said}.",
        ),
        policy=policy.but(fallback="reject", allow_edit=False, quorum=1, reject_quorum=1),
        reviewers=_approvers(limits, directory),
    )


def _approvers(limits: Limits, directory: Directory) -> tuple[str, ...]:
    return limits.approvers or directory.default_reviewers


def _say_over(
    draft: Draft, limits: Limits | None, over: list[caps.Over], directory: Directory
) -> None:
    assert limits is not None
    draft.log(
        "intent.limit_exceeded",
        "system",
        on_breach=limits.on_breach,
        limits=[one.details(draft.now) for one in over],
        currency=limits.currency,
    )
    if limits.on_breach == "alert":  # else they are asked
        draft.tell("limit_exceeded", _approvers(limits, directory))


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
