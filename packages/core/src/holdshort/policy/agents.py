"""Steps that are an agent's work, and the routes between steps."""

from __future__ import annotations

from collections.abc import Sequence

from holdshort.errors import Forbidden, InvalidRequest
from holdshort.models import Directory, HumanTask, Policy, Step, agent_address
from holdshort.requests import StepRequest, WorkflowStep


def work_step(step: WorkflowStep, policy: Policy, directory: Directory, field: str) -> Step:
    """Return a step that waits for an agent. Only its deadline is kept, and when that passes it has
    failed: nobody is reminded, and no timeout is a yes.

    Raises InvalidRequest for an agent that is not registered, Forbidden for one that was killed.
    """
    assert step.agent is not None
    agent = agent_address(step.agent)
    if agent in directory.killed:
        raise Forbidden(f"{agent} was killed: it takes no work until it is resumed", rule="killed")
    if agent not in directory.agents:
        raise InvalidRequest(
            f"there is no agent {agent} here: register it (POST /v1/service-accounts), or leave "
            "the step out",
            problems=[{"field": f"{field}agent", "problem": "not registered"}],
        )
    if step.to or step.task or step.human_task:
        raise InvalidRequest(
            "a step is an agent's work or asks people: make two steps of it",
            problems=[{"field": f"{field}agent", "problem": "beside to, task or human_task"}],
        )
    return Step(
        name=step.name or "work",
        task=HumanTask(title=step.title or f"Work of {agent}"),
        policy=policy.but(remind_after=None, escalate=(), fallback="reject", quorum=1),
        reviewers=(agent,),
        agent=agent,
        on_success=step.on_success,
        on_failure=step.on_failure,
    )


def check_route(step: WorkflowStep, later: Sequence[StepRequest], field: str) -> None:
    """Refuse routes to anything but one later step: so no workflow runs for ever."""
    for name in ("on_success", "on_failure"):
        wanted = getattr(step, name)
        if wanted is not None and [one.name for one in later].count(wanted) != 1:
            raise InvalidRequest(
                f"{name} is {wanted!r}: there must be exactly one later step of that name",
                problems=[{"field": field + name, "problem": "not one later step"}],
            )
