"""From what an agent asked to the steps that people will see."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from holdshort.durations import spell
from holdshort.errors import Conflict, InvalidRequest
from holdshort.kinds import kind_named
from holdshort.models import Directory, HumanTask, Policy, Step, agent_address
from holdshort.policy.agents import check_route, work_step
from holdshort.policy.resolve import LONGEST_DEADLINE, resolve, type_policy
from holdshort.requests import (
    Addresses,
    HumanTaskRequest,
    IntentRequest,
    PolicyPatch,
    StepRequest,
    TenantPolicy,
    WorkflowStep,
)

_ADDRESSES: TypeAdapter[tuple[str, ...]] = TypeAdapter(Addresses)


def plan(
    request: IntentRequest, *, agent: str, directory: Directory, now: int, own: bool = False
) -> tuple[Step, ...]:
    """Return the steps of an intent.

    An intent that names no human step becomes an approval by whoever the intent type's policy
    names, else by `to`, else by `payload.reviewer`, else by the tenant's default reviewers. A
    question of Holdshort's own is filed even where nobody is left to answer: its deadline does.

    Raises InvalidRequest where nobody can be asked or a task cannot be answered, and Forbidden
    where the call asks for what only a policy may set.
    """
    by_type = type_policy(directory, request.intent_type)
    asked = request.steps or _unsaid(request, agent, by_type, directory)
    steps: list[Step] = []
    for index, step in enumerate(asked):
        field = f"steps[{index}]." if request.steps else ""
        calls: list[PolicyPatch] = [request] if step is request else [request, step]
        policy = resolve(directory, by_type, *calls, field=field)
        if request.deadline_at is not None:
            policy = _until(policy, request, now)
        route = step if isinstance(step, WorkflowStep) else WorkflowStep()
        check_route(route, asked[index + 1 :], field)
        if route.agent is not None:
            steps.append(work_step(route, policy, directory, field))
            continue
        task = _task(step, request, agent, field)
        _check_fallback(task, policy, field)
        reviewers = _reviewers(step, request, by_type, directory)
        if not reviewers:
            raise InvalidRequest(
                "there is nobody to ask: name a reviewer with `to`, put one into payload.reviewer, "
                "or set the tenant's default reviewers",
                problems=[{"field": f"{field}to", "problem": "missing"}],
            )
        if not own:
            _check_quorum(policy, reviewers, directory, field)
        steps.append(
            Step(
                name=step.name or task.task_type,
                task=task,
                policy=policy,
                reviewers=reviewers,
                on_success=route.on_success,
                on_failure=route.on_failure,
            )
        )
    return tuple(steps)


def _unsaid(
    request: IntentRequest, agent: str, by_type: TenantPolicy, directory: Directory
) -> tuple[StepRequest, ...]:
    """Return the steps of an intent that names none: people are asked, unless it is addressed to
    another agent that is registered here and names nobody. Where the tenant's policy says who
    decides on such intents, they are asked when the agent is done."""
    to_agent = request.to_agent and agent_address(request.to_agent)
    named = request.to or request.task or request.human_task or _in_payload(request.payload)
    if not to_agent or to_agent not in directory.agents or named:
        return (request,)
    if to_agent == agent_address(agent):
        return (request,)  # what an agent says of its own request would be nobody's answer
    work = WorkflowStep(agent=to_agent)
    return (work, request) if by_type.reviewers else (work,)


def _until(policy: Policy, request: IntentRequest, now: int) -> Policy:
    assert request.deadline_at is not None
    if len(request.steps) > 1:
        raise InvalidRequest(
            "deadline_at is one moment for one step; with several steps give each its own deadline",
            problems=[{"field": "deadline_at", "problem": "not with several steps"}],
        )
    left = request.deadline_at.timestamp() - now / 1000
    if left <= 0:
        raise InvalidRequest(
            "deadline_at has already passed",
            problems=[{"field": "deadline_at", "problem": "in the past"}],
        )
    if left > LONGEST_DEADLINE:
        raise InvalidRequest(
            f"deadline_at is {spell(left)} away; the longest allowed is {spell(LONGEST_DEADLINE)}",
            problems=[{"field": "deadline_at", "problem": "too long"}],
        )
    changed: Policy = policy.but(deadline=left, ends_at=round(now + left * 1000))
    return changed


def _task(step: StepRequest, request: IntentRequest, agent: str, field: str) -> HumanTask:
    asked = step.human_task or HumanTaskRequest()
    if step.task and asked.task_type and step.task != asked.task_type:
        raise InvalidRequest(
            f"task says {step.task!r} and human_task.task_type says {asked.task_type!r}",
            problems=[{"field": f"{field}task", "problem": "contradicts human_task.task_type"}],
        )
    kind = kind_named(step.task or asked.task_type or "approval")
    tool = request.action.tool if request.action else request.intent_type
    task = HumanTask(
        task_type=kind.name,
        title=step.title or asked.title or request.title or f"{kind.asks}: {tool}",
        description=asked.description or request.description,
        allowed_outcomes=asked.allowed_outcomes,
        required_comment=asked.required_comment,
        evidence_required=asked.evidence_required,
        form_schema=asked.form_schema,
    )
    problems = kind.problems_with_task(task)
    if problems:
        raise InvalidRequest(
            "; ".join(f"{name}: {why}" for name, why in problems),
            problems=[{"field": field + name, "problem": why} for name, why in problems],
        )
    return task


def _check_fallback(task: HumanTask, policy: Policy, field: str) -> None:
    kind = kind_named(task.task_type)
    if policy.fallback == "approve" and not kind.can_default_to_yes:
        raise Conflict(
            f"the policy lets a timeout approve, but a {kind.name} cannot be answered by nobody: "
            "its yes has to carry something. Set fallback to reject for this intent type.",
            field=f"{field}fallback",
        )


def _reviewers(
    step: StepRequest, request: IntentRequest, by_type: TenantPolicy, directory: Directory
) -> tuple[str, ...]:
    if by_type.reviewers:
        return by_type.reviewers
    task = step.human_task
    named = step.to or (
        task and (task.assignees or ((task.notify_email,) if task.notify_email else ()))
    )
    return tuple(named or _in_payload(request.payload) or directory.default_reviewers)


def _in_payload(payload: dict[str, Any]) -> tuple[str, ...]:
    named = payload.get("reviewers") or payload.get("reviewer")
    if not named:
        return ()
    try:
        return _ADDRESSES.validate_python(named)
    except ValidationError as error:
        raise _bad_reviewer(named) from error


def _bad_reviewer(named: Any) -> InvalidRequest:
    return InvalidRequest(
        f"payload.reviewer is {named!r:.200}; write ana@acme.com, team:finance or role:cfo, or "
        "name the reviewer with `to` and keep the payload as it is",
        problems=[{"field": "payload.reviewer", "problem": "not a reviewer's address"}],
    )


def _check_quorum(
    policy: Policy, reviewers: tuple[str, ...], directory: Directory, field: str
) -> None:
    ladder = [address for rung in policy.escalate for address in rung.to]
    people = directory.members_at([*reviewers, *ladder])
    if not people:
        raise InvalidRequest(
            f"there is nobody to ask: {', '.join(reviewers)} has no members. Name a reviewer with "
            "`to`, put one into payload.reviewer, or set the tenant's default reviewers",
            problems=[{"field": f"{field}to", "problem": "nobody is behind it"}],
        )
    if len(people) < policy.quorum:
        raise InvalidRequest(
            f"quorum is {policy.quorum}, but only {len(people)} people can ever be asked here",
            problems=[
                {"field": f"{field}quorum", "problem": "larger than the number of reviewers"}
            ],
        )
