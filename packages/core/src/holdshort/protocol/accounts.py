"""Routes of service accounts: the agents that are registered to take work, and their keys."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from holdshort import ids
from holdshort.engine import ledger
from holdshort.errors import InvalidRequest, NotFound
from holdshort.models import Principal, agent_address, iso
from holdshort.protocol import names
from holdshort.protocol.body import Lenient
from holdshort.server.auth import require
from holdshort.server.context import Context, context, query_limit
from holdshort.server.directory import KeyBody, end_key, make_key
from holdshort.server.replies import Json
from holdshort.store.base import Entry, KeyInfo, Tx

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class NewAccount(Lenient):
    """An agent to register. The protocol's clients also send who made it; we know from the key."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    org_id: Annotated[str, Field(max_length=63)] = "default"
    workspace_id: Annotated[str, Field(max_length=63)] = "default"
    display_name: Annotated[str, Field(max_length=255)] = ""
    description: Annotated[str, Field(max_length=10_000)] = ""


async def list_(request: Request) -> Response:
    """List the registered agents of an organisation and a workspace, or all."""
    ctx, principal = await _admin(request)
    found = [shown(one) for one in await _accounts(ctx, principal.tenant, request)]
    return Json({"ok": True, "service_accounts": found})


async def create(request: Request) -> Response:
    """Register an agent. One that is there already is given as it is."""
    ctx, principal = await _admin(request)
    body = await ctx.body(request, NewAccount)
    entry, _ = await register(ctx, principal, body)
    return Json({"ok": True, "service_account": shown(entry)})


async def register(ctx: Context, by: Principal, body: NewAccount) -> tuple[Entry, bool]:
    """Register an agent; return its document, and whether it is new. Raises InvalidRequest."""
    for name in ("org_id", "workspace_id"):
        if not _SEGMENT.fullmatch(getattr(body, name)):
            raise InvalidRequest(
                f"{name} has letters, digits, dots and dashes",
                problems=[{"field": name, "problem": "not usable in an address"}],
            )
    full = "/" in body.name or body.name.startswith("agent://")
    address = names.checked(
        body.name if full else f"agent://{body.org_id}/{body.workspace_id}/{body.name}"
    )
    now = ctx.engine.store.clock.now()
    entry = Entry(
        kind="account",
        name=address,
        doc={
            "id": f"sa_{ids.hash_of(address)[:24]}",
            "name": address.rpartition("/")[2],
            "org_id": body.org_id,
            "workspace_id": body.workspace_id,
            "display_name": body.display_name or body.name,
            "description": body.description,
            "created_at": now,
        },
    )
    before = await known(ctx, by.tenant, address)
    if before is not None:
        return before, False

    def write(tx: Tx) -> None:
        tx.put_entry(by.tenant, entry)
        ledger.record(tx, by, "account.made", address)

    await ctx.engine.write_directory(write)
    return entry, True


async def get(request: Request) -> Response:
    """Look at a registered agent, by its id or its address; with its keys."""
    ctx, principal = await _admin(request)
    entry = await _one(ctx, principal.tenant, request.path_params["account"])
    keys = await ctx.engine.read(ctx.engine.store.keys, principal.tenant)
    shown_keys = [_key(entry, one) for one in keys if _is_of(one, entry)]
    return Json({"ok": True, "service_account": shown(entry) | {"keys": shown_keys}})


async def delete(request: Request) -> Response:
    """Take an agent off the register: its keys and its subscriptions end, and it gets no work any
    more."""
    ctx, principal = await _admin(request)
    entry = await _one(ctx, principal.tenant, request.path_params["account"])
    keys = await ctx.engine.read(ctx.engine.store.keys, principal.tenant)
    mine = [one.id for one in keys if _is_of(one, entry) and one.revoked_at is None]
    entries = await ctx.engine.read(ctx.engine.store.entries, principal.tenant, "subscription")
    told = [one.name for one in entries if one.doc["owner_agent"] == entry.name]

    def write(tx: Tx) -> None:
        tx.delete_entry(principal.tenant, "account", entry.name)
        for subscription in told:
            tx.delete_entry(principal.tenant, "subscription", subscription)
        for key_id in mine:
            tx.revoke_key(principal.tenant, key_id, tx.now())
        ledger.record(tx, principal, "account.deleted", entry.name, keys_revoked=mine)

    await ctx.engine.write_directory(write)
    ctx.authenticate.forget()
    return Json({"ok": True, "service_account": shown(entry) | {"status": "deleted"}})


async def create_key(request: Request) -> Response:
    """Make a key for an agent. Its secret is shown here and never again."""
    ctx, principal = await _admin(request)
    entry = await _one(ctx, principal.tenant, request.path_params["account"])
    body = KeyBody(role="agent", subject=entry.name, name=entry.doc["display_name"][:255])
    key, secret = await make_key(ctx, principal, body)
    return Json({"ok": True, "key": _key(entry, key) | {"token": secret}})


async def revoke_key(request: Request) -> Response:
    """Revoke a key of an agent."""
    ctx, principal = await _admin(request)
    entry = await _one(ctx, principal.tenant, request.path_params["account"])
    keys = await ctx.engine.read(ctx.engine.store.keys, principal.tenant)
    key = next((k for k in keys if k.id == request.path_params["key_id"]), None)
    if key is None or not _is_of(key, entry):
        raise NotFound("this agent has no such key")
    await end_key(ctx, principal, key.id)
    return Json({"ok": True, "key": _key(entry, key) | {"status": "revoked"}})


async def agents(request: Request) -> Response:
    """List registered agents, for everybody with a key: they are who can be addressed."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    limit = query_limit(request)
    killed = (await ctx.engine.directory_now(principal.tenant)).killed
    found = await _accounts(ctx, principal.tenant, request)
    return Json({"ok": True, "agents": [_agent(one, killed) for one in found[:limit]]})


async def agent(request: Request) -> Response:
    """Look at a registered agent."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    directory = await ctx.engine.directory_now(principal.tenant)
    address = names.found(request.path_params["address"], directory, caller=principal)
    entry = await known(ctx, principal.tenant, address)
    if entry is None:
        raise NotFound(f"there is no agent {address}")
    return Json({"ok": True, "agent": _agent(entry, directory.killed)})


async def known(ctx: Context, tenant: str, address: str) -> Entry | None:
    """Return the document of a registered agent."""
    entries = await ctx.engine.read(ctx.engine.store.entries, tenant, "account")
    return next((one for one in entries if one.name == address), None)


def shown(entry: Entry) -> dict[str, Any]:
    """A registered agent as the protocol's clients read it: they look for its address under two
    names."""
    doc = entry.doc
    return {
        "service_account_id": doc["id"],
        "name": doc["name"],
        "address": entry.name,
        "agent_address": entry.name,
        "org_id": doc["org_id"],
        "workspace_id": doc["workspace_id"],
        "display_name": doc["display_name"],
        "description": doc["description"],
        "status": "active",
        "created_at": iso(doc["created_at"]),
    }


def _agent(entry: Entry, killed: frozenset[str]) -> dict[str, Any]:
    return {
        "address": entry.name,
        "service_account_id": entry.doc["id"],
        "service_account_name": entry.doc["name"],
        "display_name": entry.doc["display_name"],
        "status": "suspended" if entry.name in killed else "active",
        "created_at": iso(entry.doc["created_at"]),
    }


def _key(entry: Entry, key: KeyInfo) -> dict[str, Any]:
    return {
        "key_id": key.id,
        "service_account_id": entry.doc["id"],
        "key_hint": key.id[-6:],
        "status": "active" if key.revoked_at is None else "revoked",
        "created_at": iso(key.created_at),
    }


def _is_of(key: KeyInfo, entry: Entry) -> bool:
    return key.role == "agent" and agent_address(key.subject) == entry.name


async def _accounts(ctx: Context, tenant: str, request: Request) -> list[Entry]:
    org, workspace = (request.query_params.get(name) for name in ("org_id", "workspace_id"))
    entries = await ctx.engine.read(ctx.engine.store.entries, tenant, "account")
    return [
        one
        for one in entries
        if org in (None, "", one.doc["org_id"]) and workspace in (None, "", one.doc["workspace_id"])
    ]


async def _one(ctx: Context, tenant: str, named: str) -> Entry:
    entries = await ctx.engine.read(ctx.engine.store.entries, tenant, "account")
    for entry in entries:
        if named in (entry.doc["id"], entry.name):
            return entry
    raise NotFound("there is no such service account")


async def _admin(request: Request) -> tuple[Context, Principal]:
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    return ctx, principal
