"""Routes that end a step or an intent: `resume`, `resolve`, and the clearing away of old ones."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import (
    Conflict,
    Forbidden,
    HoldshortError,
    InvalidRequest,
    StaleGeneration,
)
from holdshort.kinds import kind_named
from holdshort.lifecycle import Advance, Cancel, Command, Decide, Fail
from holdshort.models import TERMINAL, Intent, Principal, agent_address
from holdshort.protocol.body import Lenient, free_body
from holdshort.protocol.dialects import agents_result, persons_answer
from holdshort.requests import DecisionRequest
from holdshort.server import views
from holdshort.server.auth import require
from holdshort.server.context import Context, context
from holdshort.server.replies import Json


class Resolution(Lenient):
    """How an intent ends, as its agent has it."""

    status: Literal["COMPLETED", "FAILED", "CANCELED"]
    result: dict[str, Any] | None = None
    error: dict[str, Any] | str | None = None
    reason: Annotated[str, Field(max_length=10_000)] = ""


class Cleanup(Lenient):
    """Which old intents are cleared away."""

    older_than_hours: Annotated[float, Field(ge=0)] = 24.0
    dry_run: bool = False
    reason: Annotated[str, Field(max_length=10_000)] = ""
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    status_filter: tuple[str, ...] = ()


async def resume(request: Request) -> Response:
    """Answer the current step: a person a human task, an agent the step that is its work."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    intent = await ctx.intent(principal, request.path_params["intent_id"])
    check_owner(request, principal)
    body = await free_body(ctx, request)
    # Whoever names a generation wants nothing done where the end has moved since they looked. What
    # moves it in the moment after this is overtaken by their answer: then that came first.
    if body.get("expected_policy_generation") not in (None, intent.policy_generation):
        return _resumed(intent, applied=False, reason=StaleGeneration.code)
    command: Command
    if principal.kind == "person":
        command = answer_of(principal, intent, body)
    else:
        succeeded, result, error = agents_result(body)
        command = Advance(principal, succeeded, result, error, _again(request))
    done = (await ctx.engine.submit(principal.tenant, intent.id, command)).intent
    return _resumed(done, applied=True)


def _resumed(intent: Intent, *, applied: bool, **more: str) -> Response:
    return Json(
        {
            "ok": True,
            "applied": applied,
            "policy_generation": intent.policy_generation,
            "intent": views.intent(intent),
            "status": intent.status,
            **more,
        }
    )


async def resolve(request: Request) -> Response:
    """End an intent: its agent says that it is done or failed, its sender withdraws it."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    intent = await ctx.intent(principal, request.path_params["intent_id"])
    check_owner(request, principal)
    said = await ctx.body(request, Resolution)
    done = await ctx.engine.submit(
        principal.tenant, intent.id, _ending(request, principal, intent, said)
    )
    after = done.intent
    return Json(
        {
            "ok": True,
            "intent": views.intent(after),
            "event": views.event(done.events[-1]) if done.events else None,
            "completion_delivery": {
                "delivered": after.terminal and after.reply_to is not None,
                "reason": None if after.reply_to else "no_reply_to",
                "reply_to": after.reply_to,
                "thread_id": after.id if after.reply_to else None,
            },
        }
    )


def _ending(request: Request, principal: Principal, intent: Intent, said: Resolution) -> Command:
    if said.status == "CANCELED":
        return Cancel(principal, said.reason)
    if principal.kind == "person":
        raise Forbidden(
            'people answer tasks with an outcome: POST …/resume {"task_result": {"outcome": …}}'
        )
    error = said.error.get("message") if isinstance(said.error, dict) else said.error
    text = str(error or said.reason or "failed without saying why")[:10_000]
    mine = agent_address(principal.id) in intent.current.assigned
    if said.status == "FAILED" and not (intent.current.agent and mine):
        return Fail(principal, text)
    result = said.result if said.status == "COMPLETED" else {"error": said.error}
    succeeded = said.status == "COMPLETED"
    return Advance(principal, succeeded, result or {}, None if succeeded else text, _again(request))


def _again(request: Request) -> bool:
    """Whether the client says that it may send this twice."""
    return "idempotency-key" in request.headers


def check_owner(request: Request, principal: Principal) -> None:
    """Refuse an `owner_agent` that is not the caller's own: who acts comes from the key. A service
    key acts for all."""
    header = request.headers.get("x-owner-agent")
    query = request.query_params.get("owner_agent")
    if header and query and agent_address(header) != agent_address(query):
        raise Conflict("owner_agent and x-owner-agent name two agents")
    owner = query or header
    if owner and principal.kind == "agent" and agent_address(owner) != agent_address(principal.id):
        raise Forbidden(f"this key is of {agent_address(principal.id)}, not of {owner}")


def answer_of(person: Principal, intent: Intent, body: dict[str, Any]) -> Decide:
    """Return a person's answer to the step that is open, as `resume` or the inbox carries it.

    The protocol has no place for the step, so an answer that was sent twice could be taken for the
    next step's: who has answered an earlier one says which step is meant (`task_result.step`).
    """
    step = intent.current
    kind = kind_named(step.task.task_type)
    form = step.task.form_schema or kind.data_schema
    fields = None if form is None else list(form.get("properties", {}))
    answer = persons_answer(body, sign=kind.sign, fields=fields)
    if answer.step is None and len(intent.steps) > 1:
        earlier = {vote.by for one in intent.steps[: intent.step] for vote in one.votes}
        if person.id in earlier and not intent.terminal:
            raise Conflict(
                f"you answered an earlier step of this; say which one is meant now: "
                f'{{"task_result": {{"outcome": …, "step": {intent.step}}}}}',
                step=intent.step,
            )
        answer = DecisionRequest.model_validate(
            answer.model_dump(exclude_unset=True) | {"step": intent.step}
        )
    return Decide(person, answer)


async def bulk_cancel(request: Request) -> Response:
    """Withdraw many intents that have been open for long: an agent its own, a service key all."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent", "service")
    said = await ctx.body(request, Cleanup)
    wanted = set(said.status_filter)
    if wanted & TERMINAL:
        raise InvalidRequest("what has ended cannot be canceled: leave it out of status_filter")
    before = ctx.engine.store.clock.now() - round(said.older_than_hours * 3_600_000)
    found = [one.id for one in await _open_intents(ctx, principal, before, wanted, said.limit)]
    if said.dry_run:
        return Json({"ok": True, "dry_run": True, "would_cancel": len(found), "intent_ids": found})
    done = []
    for intent_id in found:
        try:
            await ctx.engine.submit(principal.tenant, intent_id, Cancel(principal, said.reason))
        except HoldshortError:
            continue  # it has ended in the meantime
        done.append(intent_id)
    return Json({"ok": True, "dry_run": False, "canceled": len(done), "intent_ids": done})


async def _open_intents(
    ctx: Context, principal: Principal, before: int, wanted: set[str], limit: int
) -> list[Intent]:
    agent = principal.id if principal.kind == "agent" else None
    found: list[Intent] = []
    cursor = None
    while len(found) < limit:
        page = await ctx.engine.read(
            ctx.engine.store.intents,
            principal.tenant,
            agent=agent,
            before=cursor,
            limit=500,
            heavy=True,
        )
        found += [
            one
            for one in page
            if not one.terminal
            and one.created_at <= before
            and (not wanted or one.status in wanted)
        ]
        if len(page) < 500:
            break
        cursor = page[-1].id
    return found[:limit]
