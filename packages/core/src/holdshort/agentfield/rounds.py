"""From a call to `pause` to the intent that stands for it."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field

from holdshort.errors import Conflict, InvalidRequest
from holdshort.lifecycle import AddCallback
from holdshort.models import Callback, Intent, Principal, Run
from holdshort.notify.agentfield import CHANNEL, may_call
from holdshort.requests import IntentRequest, Request
from holdshort.server.context import Context
from holdshort.server.intents import filing
from holdshort.settings import callback_networks
from holdshort.store.base import Changes, Tx

INTENT_TYPE = "agentfield.pause.v1"
APP = "agentfield"
#: How often one approval may be asked again after changes were requested.
MOST_ROUNDS = 100


class PauseRequest(Request):
    """What the SDK sends when an agent pauses. Fields that we do not know are let be: they change
    nothing about what is asked."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    approval_request_id: Annotated[str, Field(min_length=1, max_length=100)]
    approval_request_url: Annotated[str, Field(max_length=2048)] = ""
    callback_url: Annotated[str, Field(max_length=2048, pattern=r"^(https?://[^\s/].*)?$")] = ""
    expires_in_hours: Annotated[float, Field(gt=0, le=8760)] = 72


async def paused(
    ctx: Context, principal: Principal, node: str, execution: str, asked: PauseRequest
) -> Intent:
    """Return the intent that this pause waits for: the one that was asked before under the same
    id, or a new one; the execution is called back when it ends.

    Raises Conflict where the same id was asked with something else.
    """
    _check_callback(ctx, asked.callback_url)
    await _check_execution(ctx, principal, node, execution, asked)
    intent = await _asked(ctx, principal, node, asked)
    await ctx.engine.write(lambda tx: _remember(tx, principal, execution, intent))
    if asked.callback_url:
        callback = Callback(
            channel=CHANNEL,
            url=asked.callback_url,
            ref=f"{asked.approval_request_id}\n{execution}",
        )
        done = await ctx.engine.submit(
            principal.tenant, intent.id, AddCallback(principal, callback)
        )
        intent = done.intent
    return intent


async def waited_for(ctx: Context, tenant: str, agent: str, execution: str) -> Intent | None:
    """Return the intent that an agent's execution waits for, or waited for last."""
    store, read = ctx.engine.store, ctx.engine.read
    run = await read(store.run, tenant, agent, execution)
    if run is None or run.app != APP or not run.waits:
        return None
    return await read(store.intent, tenant, run.waits[-1])


async def ended(ctx: Context, principal: Principal, execution: str, said: Any) -> None:
    """Keep what an execution says of its own end."""
    status = said.get("status") if isinstance(said, dict) else None
    if status not in ("succeeded", "failed", "cancelled", "timeout"):
        return

    def write(tx: Tx) -> None:
        ref = (principal.tenant, principal.id, execution)
        run = tx.load_runs([ref]).get(ref)
        if run is None or run.app != APP:
            return
        changed: Run = run.but(
            status="done" if status == "succeeded" else "failed",
            version=run.version + 1,
            result=said.get("result"),
            error=str(said.get("error") or "")[:2000] or None,
            updated_at=tx.now(),
        )
        tx.write(Changes(runs={ref: (run.version, changed)}))

    await ctx.engine.write(write)


def _check_callback(ctx: Context, url: str) -> None:
    """Refuse at once what would be refused when it is called: nobody would hear of it then. A name
    is judged when it is called, by what it stands for at that moment."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        host = "127.0.0.1"
    try:
        may = may_call(host, callback_networks(ctx.settings))
    except ValueError:
        return
    if not may:
        raise InvalidRequest(
            f"callback_url is at {host}, which is not on the public internet: let this server call "
            "it with HOLDSHORT_CALLBACK_NETWORKS, for example 10.0.0.0/8"
        )


async def _check_execution(
    ctx: Context, principal: Principal, node: str, execution: str, asked: PauseRequest
) -> None:
    """An execution waits for one thing at a time, as AgentField has it."""
    before = await waited_for(ctx, principal.tenant, principal.id, execution)
    if before is None or before.terminal:
        return
    if before.key.split(":", 2)[2:] != [f"{node}:{asked.approval_request_id}"]:
        raise Conflict(
            f"execution {execution} waits for another approval already ({before.title})",
            intent_id=before.id,
        )


async def _asked(ctx: Context, principal: Principal, node: str, asked: PauseRequest) -> Intent:
    """File the intent, or find it. Where changes were requested the same id asks anew."""
    request = IntentRequest(
        intent_type=INTENT_TYPE,
        task="review",
        title=f"{node} asks: {asked.approval_request_id}"[:255],
        payload={
            "agent": node,
            "approval_request_id": asked.approval_request_id,
            **({"url": asked.approval_request_url} if asked.approval_request_url else {}),
        },
        deadline=asked.expires_in_hours * 3600,
    )
    for number in range(1, MOST_ROUNDS + 1):
        key = _key(node, asked.approval_request_id, number)
        filed = await ctx.engine.file(filing(ctx, principal, request, key))
        intent = filed.transition.intent
        decision = intent.decision
        if decision is None or decision.outcome != "changes_requested":
            return intent
    raise Conflict(f"{asked.approval_request_id} was asked {MOST_ROUNDS} times: use another id")


def _key(node: str, asked: str, number: int) -> str:
    key = f"agentfield:{number}:{node}:{asked}"
    if len(key) > 128:
        raise InvalidRequest("approval_request_id and the node's id are too long together")
    return key


def _remember(tx: Tx, principal: Principal, execution: str, intent: Intent) -> None:
    """Keep for which intent an execution waits, to answer when it asks how that stands."""
    ref = (principal.tenant, principal.id, execution)
    known = tx.load_runs([ref]).get(ref)
    if known is not None and known.app != APP:
        raise Conflict(f"{execution} is the id of another run of this agent")
    if known is not None and known.waits == (intent.id,):
        return
    run = Run(
        tenant=principal.tenant,
        agent=principal.id,
        id=execution,
        app=APP,
        version=known.version + 1 if known else 1,
        status="suspended",
        waits=(intent.id,),
        created_at=known.created_at if known else tx.now(),
        updated_at=tx.now(),
    )
    tx.write(Changes(runs={ref: (known.version if known else None, run)}))
