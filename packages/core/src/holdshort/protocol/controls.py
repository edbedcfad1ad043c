"""Routes that change a live intent: `controls` and `policy`. All that they change here is when the
step that is open ends; whatever else a body has is named in the answer's notes.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import Forbidden, InvalidRequest, StaleGeneration
from holdshort.lifecycle import ChangeDeadline
from holdshort.models import Intent, Principal, iso
from holdshort.policy.resolve import LONGEST_DEADLINE
from holdshort.protocol.answering import check_owner
from holdshort.protocol.body import said
from holdshort.server.auth import require
from holdshort.server.context import context
from holdshort.server.replies import Json

Duration = Annotated[float, Field(gt=0, le=LONGEST_DEADLINE)]


class _Open(BaseModel):
    """A body whose other fields are in `model_extra`, so that they can be named."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        return said(value) if isinstance(value, dict) else value


class Patch(_Open):
    """What is to change: when the step ends, once. Durations count since it was asked."""

    timeout_seconds: Duration | None = None
    ttl_seconds: Duration | None = None
    expires_at: AwareDatetime | None = None
    deadline_at: AwareDatetime | None = None


class Change(_Open):
    """A change to a live intent. Who makes it comes from the key."""

    controls_patch: Patch = Patch()
    envelope_patch: Patch = Patch()
    grants_patch: dict[str, Any] = Field(default_factory=dict)
    reason: Annotated[str, Field(max_length=10_000)] = ""
    expected_policy_generation: Annotated[int, Field(strict=True, ge=0)] | None = None


#: What clients send beside a change, and is never believed.
_FROM_THE_KEY = ("actor", "internal_scheduler", "owner_agent")


async def change(request: Request) -> Response:
    """Change when the open step of an intent ends: its asker to an earlier time, a service key
    within what the policy allows."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    intent = await ctx.intent(principal, request.path_params["intent_id"])
    require(principal, "agent", "service")
    check_owner(request, principal)
    body = await ctx.body(request, Change)
    if body.grants_patch:
        raise Forbidden(
            "only people decide: nobody can be given leave to resume or change this for them. "
            "People hand a step on with …/delegate; who may decide is a policy's to say",
            rule="only_people_decide",
        )
    command, notes = _command(principal, body), _notes(body)
    if command is None:
        return _reply(intent, notes, applied=False, reason="nothing_to_apply")
    try:
        done = await ctx.engine.submit(principal.tenant, intent.id, command)
    except StaleGeneration as stale:
        generation = stale.details["policy_generation"]
        return _reply(
            intent.but(policy_generation=generation), notes, applied=False, reason=stale.code
        )
    return _reply(done.intent, notes, applied=True)


def _reply(intent: Intent, notes: list[str], *, applied: bool, reason: str = "") -> Response:
    deadline = intent.current.deadline_at
    answer: dict[str, Any] = {
        "ok": True,
        "applied": applied,
        "policy_generation": intent.policy_generation,
        "intent_id": intent.id,
        "status": intent.status,
        "deadline_at": None if deadline is None else iso(deadline),
    }
    if reason:
        answer["reason"] = reason
    if notes:
        answer["notes"] = notes
    return Json(answer)


def _command(principal: Principal, body: Change) -> ChangeDeadline | None:
    """Return the change that is meant; None for none. Raises InvalidRequest for two."""
    ends = [
        (f"{patch}.{name}", value)
        for patch in ("controls_patch", "envelope_patch")
        for name in Patch.model_fields
        if (value := getattr(getattr(body, patch), name)) is not None
    ]
    if not ends:
        return None
    if len(ends) > 1:
        named = ", ".join(name for name, _ in ends)
        raise InvalidRequest(
            f"{named} all say when this ends; send one of them",
            problems=[{"field": name, "problem": "said twice"} for name, _ in ends],
        )
    ((_, end),) = ends
    when = {"seconds": end} if isinstance(end, float) else {"until": round(end.timestamp() * 1000)}
    return ChangeDeadline(
        principal, **when, reason=body.reason, generation=body.expected_policy_generation
    )


def _notes(body: Change) -> list[str]:
    notes = []
    for name in body.model_extra or {}:
        why = "who acts comes from the key" if name in _FROM_THE_KEY else "has no effect here"
        notes.append(f"{name}: {why}")
    for patch in ("controls_patch", "envelope_patch"):
        found = getattr(body, patch).model_extra or {}
        notes += [f"{patch}.{name}: has no effect here" for name in found]
    return [one[:300] for one in notes]
