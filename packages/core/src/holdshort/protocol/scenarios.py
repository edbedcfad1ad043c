"""Routes of scenarios: agents, people and one workflow in a file, applied in one call."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort import ids
from holdshort.errors import InvalidRequest
from holdshort.models import Principal, agent_address
from holdshort.protocol import accounts, names
from holdshort.protocol.body import free_body
from holdshort.protocol.bundle import NewAgent, Scenario, read
from holdshort.server.auth import require
from holdshort.server.context import Context, context
from holdshort.server.intents import filing
from holdshort.server.replies import Json


async def apply(request: Request) -> Response:
    """Register a scenario's agents where they are missing (with a service key) and file its
    intent. With an idempotency key, applying it again finds the same intent."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent", "service")
    scenario = _understood(await free_body(ctx, request))
    addresses = await _addresses(ctx, principal.tenant, scenario)
    provisioned = await _provision(ctx, principal, scenario, addresses)
    body = scenario.request(addresses)
    key = request.headers.get("idempotency-key") or scenario.key
    filed = await ctx.engine.file(filing(ctx, _asker(principal), body, key))
    intent = filed.transition.intent
    compiled = f"wf_{ids.hash_of(body.model_dump_json(exclude_unset=True))[:24]}"
    return Json(
        {
            "ok": True,
            "intent_id": intent.id,
            "status": intent.status,
            "existed": filed.existed,
            "compile_id": compiled,
            "workflow_compile_id": compiled,
            "agents_provisioned": provisioned,
            "agents": provisioned,
            "warnings": scenario.warnings,
        }
    )


async def validate(request: Request) -> Response:
    """Say what is wrong with a scenario, and what of it would have no effect. Nothing is done."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "agent", "service")
    scenario = read(await free_body(ctx, request))
    errors = list(scenario.errors)
    if not errors:
        try:
            scenario.request({one.address: _guess(one) for one in scenario.agents})
        except InvalidRequest as error:
            errors.append(error.message)
    return Json({"ok": not errors, "errors": errors, "warnings": scenario.warnings})


async def macros(request: Request) -> Response:
    """List templates of workflows: there are none here."""
    ctx = context(request)
    await ctx.authenticate(request.headers)
    return Json({"ok": True, "macros": []})


def _understood(bundle: dict[str, Any]) -> Scenario:
    scenario = read(bundle)
    if scenario.errors:
        raise InvalidRequest(
            "; ".join(scenario.errors),
            problems=[{"field": "", "problem": one} for one in scenario.errors],
        )
    return scenario


def _guess(agent: NewAgent) -> str:
    address = agent.address
    full = "/" in address or address.startswith("agent://")
    return agent_address(address) if full else f"agent://default/default/{address}"


async def _addresses(ctx: Context, tenant: str, scenario: Scenario) -> dict[str, str]:
    """Return each agent's full address: a bare name is that of one that is registered."""
    directory = await ctx.engine.directory_now(tenant)
    found = {}
    for one in scenario.agents:
        bare = agent_address(one.address).removeprefix("agent://")
        named = [known for known in directory.agents if known.endswith(f"/{bare}")]
        found[one.address] = named[0] if len(named) == 1 else names.checked(_guess(one))
    return found


async def _provision(
    ctx: Context, principal: Principal, scenario: Scenario, addresses: dict[str, str]
) -> list[dict[str, Any]]:
    made = []
    for one in scenario.agents:
        if principal.kind != "service" or not one.create_if_missing:
            continue
        body = accounts.NewAccount(name=addresses[one.address], display_name=one.display_name)
        entry, new = await accounts.register(ctx, principal, body)
        if new:
            shown = accounts.shown(entry)
            made.append({name: shown[name] for name in ("address", "service_account_id")})
    return made


def _asker(principal: Principal) -> Principal:
    """Return in whose name the intent is filed. An administrator's scenario is not any agent's."""
    if principal.kind == "agent":
        return principal
    asker: Principal = principal.but(id=f"service:{principal.id}")
    return asker
