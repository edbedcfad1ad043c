"""A yes of high risk is given with a passkey: whoever only has the session is not enough.

What is shown counts for one intent, one step, one digest (an edit has another), one outcome and
this session, once, within two minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from holdshort.digest import action_digest
from holdshort.errors import Forbidden, StaleDigest
from holdshort.inbox.answers import edited_arguments
from holdshort.inbox.party import passkeys_here
from holdshort.inbox.passkeys import Need, ask_for_proof, passkeys_of, prove
from holdshort.inbox.uploads import Posted
from holdshort.inbox.web import PRIVATE, one, own_form, visitor
from holdshort.kinds import kind_named
from holdshort.models import Intent, Principal
from holdshort.requests import DecisionRequest
from holdshort.server.context import context
from holdshort.server.sessions import Visitor


@dataclass(frozen=True)
class Wanted:
    """A passkey is needed for a yes."""

    why_not: str | None = None
    """Why none can be shown here and now; None where one can."""


async def wanted(request: Request, who: Visitor, intent: Intent) -> Wanted | None:
    """Return whether a yes to this needs a passkey of theirs; None where the figure that they type
    is enough: the risk is not high, or they have none and need none."""
    if intent.terminal or intent.current.policy.risk != "high":
        return None
    ctx, principal = context(request), who.principal
    if not await passkeys_of(request, principal.tenant, principal.id):
        directory = await ctx.engine.directory_now(principal.tenant)
        if not directory.passkey_for_high_risk:
            return None
        return Wanted("A yes of high risk needs a passkey here. Add one on the page Account.")
    here = passkeys_here(ctx.settings.public_url, request.headers.get("host", ""))
    return Wanted(here.why_not and f"A yes of high risk needs your passkey. {here.why_not}")


async def principal_for(
    request: Request, who: Visitor, intent: Intent, answer: DecisionRequest, posted: Posted
) -> Principal:
    """Return who gives this answer, with whether a passkey was shown for it. Raises Forbidden where
    one is needed and was not shown, or was shown for anything else."""
    if not kind_named(intent.current.task.task_type).sign(answer.outcome):
        return who.principal
    need = await wanted(request, who, intent)
    if need is None:
        return who.principal
    if need.why_not is not None:
        raise Forbidden(need.why_not)
    proof = one(posted, "proof")
    if proof is None:
        raise Forbidden(
            "A yes of high risk needs your passkey, and none was shown. Showing it needs "
            "JavaScript, and a browser that knows passkeys."
        )
    digest = _digest(intent, answer.arguments)
    await prove(request, who, _need(intent, answer.step or 0, digest, answer.outcome), proof)
    return who.principal.model_copy(update={"strong": True})


async def ask(request: Request) -> Response:
    """Say what a browser is to ask for before this answer is sent; nothing where it needs none."""
    ctx, who = await visitor(request)
    posted = await own_form(request, who)
    intent = await ctx.intent(who.principal, request.path_params["intent_id"])
    outcome, shown = one(posted, "outcome") or "", one(posted, "digest")
    yes = kind_named(intent.current.task.task_type).sign(outcome)
    need = await wanted(request, who, intent)
    if not yes or need is None:
        return JSONResponse({}, headers=PRIVATE)
    if need.why_not is not None:
        raise Forbidden(need.why_not)
    if shown != intent.digest:
        raise StaleDigest
    digest = _digest(intent, edited_arguments(ctx, posted))
    step = one(posted, "step") or ""
    asked = await ask_for_proof(
        request, who, _need(intent, int(step) if step.isdecimal() else -1, digest, outcome)
    )
    return JSONResponse({"prove": asked}, headers=PRIVATE)


def _need(intent: Intent, step: int, digest: str, outcome: str) -> Need:
    return Need("yes", {"intent": intent.id, "step": step, "digest": digest, "outcome": outcome})


def _digest(intent: Intent, edited: object) -> str:
    """Return the digest of what a yes lets run: what stands there, or what it was changed to."""
    if edited is None:
        return intent.digest
    return action_digest(
        tool=intent.tool, arguments=edited, agent=intent.agent, environment=intent.environment
    )


PAGES = (("POST", "/inbox/{intent_id}/step-up", ask),)
