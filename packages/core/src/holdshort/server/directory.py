"""Routes of the tenant's directory: people, teams, policies, webhooks, settings, keys.

Everything here needs a service key: an agent cannot make a person, a key or a policy.
"""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool
from starlette.requests import Request
from starlette.responses import Response

from holdshort import ids
from holdshort.errors import InvalidRequest, NotFound
from holdshort.models import Principal
from holdshort.notify.webhook import new_secret
from holdshort.policy.resolve import resolve
from holdshort.requests import (
    Addresses,
    PolicyPatch,
    TenantPolicy,
    Title,
    address,
)
from holdshort.requests import (
    Request as Body,
)
from holdshort.server import views
from holdshort.server.auth import hash_of, new_key, require
from holdshort.server.body import validated
from holdshort.server.context import Context, context
from holdshort.server.replies import Json
from holdshort.server.sessions import Sessions
from holdshort.store.base import Entry, EntryKind, KeyInfo
from holdshort.store.rows import SETTINGS


def person(text: str) -> str:
    """Return a person's address. Raises ValueError for what is none, teams and roles included: who
    holds a key or belongs to a team is somebody."""
    found = address(text)
    if "@" not in found:
        raise ValueError(f"{text!r} is no person: write ana@acme.com")
    return found


Person = Annotated[str, AfterValidator(person)]
Role = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class PersonBody(Body):
    """A person: how they are called, what roles they have, whether they may decide at all."""

    name: Title = ""
    roles: Annotated[tuple[Role, ...], Field(max_length=50)] = ()
    active: StrictBool = True


class LinkBody(Body):
    """Who is to sign in."""

    person: Person


class TeamBody(Body):
    """A team: the addresses of its members."""

    members: Annotated[list[Person], Field(max_length=500)]


class WebhookBody(Body):
    """A webhook: where events go, which, and whether its secret is to be rotated."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/]", max_length=2048)]
    events: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)] = ("*",)
    active: StrictBool = True
    rotate_secret: StrictBool = False


class SettingsBody(Body):
    """What holds for the whole tenant."""

    default_reviewers: Addresses = ("team:admins",)
    channels: tuple[str, ...] = ("console",)


class KeyBody(Body):
    """A new key: whose it is."""

    role: Literal["agent", "person", "service"]
    subject: Annotated[str, Field(min_length=1, max_length=383)]
    owner: Person | None = None
    name: Title = ""


#: What a URL says, what it is stored as, and what its body must be.
COLLECTIONS: dict[str, tuple[EntryKind, type[Body]]] = {
    "people": ("person", PersonBody),
    "teams": ("team", TeamBody),
    "policies": ("policy", TenantPolicy),
    "webhooks": ("webhook", WebhookBody),
}


async def _admin(request: Request) -> tuple[Context, Principal]:
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "service")
    return ctx, principal


def _collection(request: Request) -> tuple[EntryKind, type[Body]]:
    """Which collection this is: the routes are made from the same table, so it is one of them."""
    return COLLECTIONS[request.url.path.split("/")[2]]


async def list_(request: Request) -> Response:
    """List people, teams, policies or webhooks."""
    ctx, principal = await _admin(request)
    kind, _ = _collection(request)
    entries = await ctx.engine.read(ctx.engine.store.entries, principal.tenant, kind)
    return Json({"ok": True, "items": [_shown(entry) for entry in entries]})


async def put(request: Request) -> Response:
    """Write one of them, in the place of an earlier one of the same name."""
    ctx, principal = await _admin(request)
    kind, model = _collection(request)
    name = _name(kind, request.path_params["name"])
    body = await ctx.body(request, model)
    doc = body.model_dump(mode="json", exclude_unset=kind == "policy")
    entries = await ctx.engine.read(ctx.engine.store.entries, principal.tenant, kind)
    before = next((entry.doc for entry in entries if entry.name == name), None)
    secret = None
    if kind == "webhook":
        doc, secret = _with_secret(doc, before)
    if isinstance(body, TenantPolicy):
        await _check_policy(ctx, principal, body)
    entry = Entry(kind=kind, name=name, doc=doc)
    await ctx.engine.write_directory(lambda tx: tx.put_entry(principal.tenant, entry))
    answer: dict[str, Any] = {"ok": True, "item": _shown(entry)}
    if secret is not None:
        answer["secret"] = secret
    return Json(answer)


async def delete(request: Request) -> Response:
    """Delete one of them."""
    ctx, principal = await _admin(request)
    kind, _ = _collection(request)
    name = _name(kind, request.path_params["name"])
    found = await ctx.engine.write_directory(
        lambda tx: tx.delete_entry(principal.tenant, kind, name)
    )
    if not found:
        raise NotFound(f"there is no {kind} named {name!r}")
    return Json({"ok": True})


def _name(kind: EntryKind, text: str) -> str:
    try:
        if kind == "person":
            return person(text)
        if kind == "team":
            return address(f"team:{text}").removeprefix("team:")
    except ValueError as error:
        raise InvalidRequest(
            str(error), problems=[{"field": "name", "problem": str(error)}]
        ) from None
    if not 1 <= len(text) <= 255 or not text.isprintable():
        raise InvalidRequest("a name has 1 to 255 printable characters")
    return text


def _with_secret(
    doc: dict[str, Any], before: dict[str, Any] | None
) -> tuple[dict[str, Any], str | None]:
    """Keep a webhook's secrets; a rotation puts a new one first and keeps the old one for
    overlap.
    """
    rotate = doc.pop("rotate_secret")
    secrets = list(before["secrets"]) if before else []
    if secrets and not rotate:
        return doc | {"secrets": secrets}, None
    secret = new_secret()
    return doc | {"secrets": [secret, *secrets[:1]]}, secret


async def _check_policy(ctx: Context, principal: Principal, policy: TenantPolicy) -> None:
    """Refuse a policy now that would refuse every intent later."""
    resolve(await ctx.engine.directory_now(principal.tenant), policy, PolicyPatch())


def _shown(entry: Entry) -> dict[str, Any]:
    doc = {name: value for name, value in entry.doc.items() if name != "secrets"}
    return {"name": entry.name, **({"title": doc.pop("name")} if "name" in doc else {}), **doc}


async def get_settings(request: Request) -> Response:
    """Return what holds for the whole tenant."""
    ctx, principal = await _admin(request)
    entries = await ctx.engine.read(ctx.engine.store.entries, principal.tenant, "settings")
    doc = validated(SettingsBody, entries[0].doc if entries else {})
    return Json({"ok": True, "settings": doc.model_dump(mode="json")})


async def put_settings(request: Request) -> Response:
    """Set what holds for the whole tenant."""
    ctx, principal = await _admin(request)
    body = await ctx.body(request, SettingsBody)
    entry = Entry(kind="settings", name=SETTINGS, doc=body.model_dump(mode="json"))
    await ctx.engine.write_directory(lambda tx: tx.put_entry(principal.tenant, entry))
    return Json({"ok": True, "settings": entry.doc})


async def list_keys(request: Request) -> Response:
    """List keys, without their secrets."""
    ctx, principal = await _admin(request)
    found = await ctx.engine.read(ctx.engine.store.keys, principal.tenant)
    return Json({"ok": True, "keys": [views.key(one) for one in found]})


async def create_key(request: Request) -> Response:
    """Make a key. Its secret is shown here and never again; only its hash is stored."""
    ctx, principal = await _admin(request)
    body = await ctx.body(request, KeyBody)
    subject = body.subject
    if body.role == "person":
        try:
            subject = person(subject)
        except ValueError as error:
            raise InvalidRequest(str(error)) from None
    now = round(time.time() * 1000)
    key = KeyInfo(
        tenant=principal.tenant,
        id=ids.new_id(now),
        role=body.role,
        subject=subject,
        owner=body.owner,
        name=body.name,
        created_at=now,
    )
    secret = new_key(body.role)
    await ctx.engine.write_directory(lambda tx: tx.add_key(key, hash_of(secret)))
    return Json({"ok": True, "key": views.key(key), "token": secret})


async def sign_in_link(request: Request) -> Response:
    """Make a link with which a person signs in to the inbox: once, within 15 minutes."""
    ctx, principal = await _admin(request)
    body = await ctx.body(request, LinkBody)
    directory = await ctx.engine.directory_now(principal.tenant)
    if body.person in directory.inactive:
        raise InvalidRequest(f"{body.person} was deactivated")
    token = await Sessions(ctx.engine).link(principal.tenant, body.person)
    base = (ctx.settings.public_url or str(request.base_url)).rstrip("/")
    return Json({"ok": True, "person": body.person, "url": f"{base}/sign-in/{token}"})


async def revoke_key(request: Request) -> Response:
    """Revoke a key: in this process at once, in others within a second."""
    ctx, principal = await _admin(request)
    key_id = request.path_params["key_id"]
    found = await ctx.engine.write_directory(
        lambda tx: tx.revoke_key(principal.tenant, key_id, tx.now())
    )
    if not found:
        raise NotFound("there is no such key, or it was already revoked")
    ctx.authenticate.forget()
    return Json({"ok": True})


async def whoami(request: Request) -> Response:
    """Say whom this key belongs to."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    return Json(
        {
            "ok": True,
            "role": principal.kind,
            "subject": principal.id,
            "tenant": principal.tenant,
            "owner": principal.owner,
        }
    )
