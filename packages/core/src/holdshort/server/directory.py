"""Routes of the tenant's directory: people, teams, policies, webhooks, settings, keys.

Everything here needs a service key: an agent cannot make a person, a key or a policy.
"""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, StrictBool
from starlette.requests import Request
from starlette.responses import Response

from holdshort import ids
from holdshort.engine import ledger
from holdshort.errors import InvalidRequest, NotFound
from holdshort.models import Principal
from holdshort.notify.webhook import new_secret
from holdshort.policy.resolve import ALWAYS, resolve
from holdshort.requests import (
    Addresses,
    Flag,
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
from holdshort.server.reaching import (
    CalendarSettings,
    Channels,
    ContactBody,
    Person,
    RotaBody,
    person,
    with_contact,
)
from holdshort.server.replies import Json
from holdshort.server.sessions import Sessions
from holdshort.store.base import Entry, EntryKind, KeyInfo, Tx
from holdshort.store.rows import SETTINGS

Role = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class PersonBody(ContactBody):
    """A person: how they are called, what roles they have, whether they may decide at all, and how
    they are reached. How they are reached stays as it was where it is left out."""

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


class SettingsBody(CalendarSettings):
    """What holds for the whole tenant."""

    default_reviewers: Addresses = ("team:admins",)
    two_people_resume: Flag = Field(
        False, description="whether letting an agent go on that was killed takes two administrators"
    )
    channels: Channels | None = Field(
        None, description="by which people are told, in order; null is what this server has"
    )


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
    "rotas": ("rota", RotaBody),
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
    body = await ctx.body(request, model)
    entry, secret = await put_entry(ctx, principal, kind, request.path_params["name"], body)
    answer: dict[str, Any] = {"ok": True, "item": _shown(entry)}
    if secret is not None:
        answer["secret"] = secret
    return Json(answer)


async def put_entry(
    ctx: Context, by: Principal, kind: EntryKind, name: str, body: Body
) -> tuple[Entry, str | None]:
    """Write a person, a team, a policy or a webhook; return it, with the secret that a webhook has
    got now. Who is deactivated is signed out everywhere. Raises InvalidRequest."""
    name, tenant = _name(kind, name), by.tenant
    said = body.model_dump(mode="json", by_alias=True, exclude_unset=kind == "policy")
    if isinstance(body, TenantPolicy):
        await _check_policy(ctx, tenant, body)

    def write(tx: Tx) -> tuple[Entry, str | None]:
        doc, secret = said, None
        if kind == "webhook":
            doc, secret = _with_secret(dict(said), tx.lock_entry(tenant, kind, name))
        elif kind == "person":
            before = tx.lock_entry(tenant, kind, name)
            doc = with_contact(said, frozenset(body.model_fields_set), before)
        entry = Entry(kind=kind, name=name, doc=doc)
        tx.put_entry(tenant, entry)
        if kind == "person" and not doc["active"]:
            tx.end_sessions_of(tenant, name)
        _record_entry(tx, by, entry, new_secret=secret is not None or None)
        return entry, secret

    return await ctx.engine.write_directory(write)


async def change_contact(ctx: Context, by: Principal, name: str, **changes: Any) -> None:
    """Change how a person is reached (fields of `ContactBody`), and nothing else of them: whoever
    deactivates them, or changes their roles, at the same moment is not overwritten."""

    def write(tx: Tx) -> None:
        known = tx.lock_entry(by.tenant, "person", name)
        doc = known or PersonBody().model_dump(mode="json", by_alias=True)
        entry = Entry(kind="person", name=name, doc=doc | changes)
        tx.put_entry(by.tenant, entry)
        _record_entry(tx, by, entry)

    await ctx.engine.write_directory(write)


def _record_entry(tx: Tx, by: Principal, entry: Entry, **more: Any) -> None:
    said = {key: value for key, value in _shown(entry).items() if key != "name"}
    if entry.kind == "webhook":
        said["url"] = origin(said["url"])
    ledger.record(tx, by, f"{entry.kind}.set", entry.name, **said, **more)


async def delete(request: Request) -> Response:
    """Delete one of them."""
    ctx, principal = await _admin(request)
    kind, _ = _collection(request)
    await delete_entry(ctx, principal, kind, request.path_params["name"])
    return Json({"ok": True})


async def delete_entry(ctx: Context, by: Principal, kind: EntryKind, name: str) -> None:
    """Delete a person, a team, a policy or a webhook. Raises NotFound."""
    name = _name(kind, name)

    def write(tx: Tx) -> None:
        if not tx.delete_entry(by.tenant, kind, name):
            raise NotFound(f"there is no {kind} named {name!r}")
        ledger.record(tx, by, f"{kind}.deleted", name)

    await ctx.engine.write_directory(write)


def origin(url: str) -> str:
    """Return where a URL leads, without what may be a secret in it; `?` where that is no host."""
    scheme = url.partition(":")[0]
    try:
        return f"{scheme}://{urlsplit(url).hostname or '?'}"
    except ValueError:
        return f"{scheme}://?"


def _name(kind: EntryKind, text: str) -> str:
    try:
        if kind == "person":
            return person(text)
        if kind == "team":
            return address(f"team:{text}").removeprefix("team:")
        if kind == "rota":
            return address(f"oncall:{text}").removeprefix("oncall:")
    except ValueError as error:
        raise InvalidRequest(
            str(error), problems=[{"field": "name", "problem": str(error)}]
        ) from None
    if not 1 <= len(text) <= 255 or not text.isprintable():
        raise InvalidRequest("a name has 1 to 255 printable characters")
    return text


def _with_secret(doc: dict[str, Any], before: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Keep a webhook's secrets; a rotation puts a new one first and keeps the old one for
    overlap.
    """
    rotate = doc.pop("rotate_secret")
    secrets = list(before.get("secrets", ()))
    if secrets and not rotate:
        return doc | {"secrets": secrets}, None
    secret = new_secret()
    return doc | {"secrets": [secret, *secrets[:1]]}, secret


async def _check_policy(ctx: Context, tenant: str, policy: TenantPolicy) -> None:
    """Refuse a policy now that would refuse every intent later."""
    resolve(await ctx.engine.directory_now(tenant), policy, PolicyPatch())


def _shown(entry: Entry) -> dict[str, Any]:
    doc = {name: value for name, value in entry.doc.items() if name != "secrets"}
    if "urls" in doc:
        doc["urls"] = len(doc["urls"] or ())  # they carry keys
    return {"name": entry.name, **({"title": doc.pop("name")} if "name" in doc else {}), **doc}


async def get_settings(request: Request) -> Response:
    """Return what holds for the whole tenant."""
    ctx, principal = await _admin(request)
    entries = await ctx.engine.read(ctx.engine.store.entries, principal.tenant, "settings")
    doc = validated(SettingsBody, entries[0].doc if entries else {})
    return Json({"ok": True, "settings": doc.model_dump(mode="json", by_alias=True)})


async def put_settings(request: Request) -> Response:
    """Set what holds for the whole tenant."""
    ctx, principal = await _admin(request)
    body = await ctx.body(request, SettingsBody)
    await _check_calendars(ctx, principal.tenant, body)
    doc = body.model_dump(mode="json", by_alias=True)
    entry = Entry(kind="settings", name=SETTINGS, doc=doc)

    def write(tx: Tx) -> None:
        tx.put_entry(principal.tenant, entry)
        ledger.record(tx, principal, "settings.set", SETTINGS, **doc)

    await ctx.engine.write_directory(write)
    return Json({"ok": True, "settings": entry.doc})


async def _check_calendars(ctx: Context, tenant: str, body: SettingsBody) -> None:
    """Refuse to take a calendar away that a policy counts by: its intents would be refused."""
    policies = await ctx.engine.read(ctx.engine.store.entries, tenant, "policy")
    for policy in policies:
        calendar = policy.doc.get("calendar")
        if calendar not in (None, ALWAYS, *body.calendars):
            raise InvalidRequest(
                f"the policy {policy.name!r} counts time by the calendar {calendar!r}; change the "
                "policy first",
                problems=[{"field": "calendars", "problem": f"{calendar} is in use"}],
            )


async def list_keys(request: Request) -> Response:
    """List keys, without their secrets."""
    ctx, principal = await _admin(request)
    found = await ctx.engine.read(ctx.engine.store.keys, principal.tenant)
    return Json({"ok": True, "keys": [views.key(one) for one in found]})


async def create_key(request: Request) -> Response:
    """Make a key. Its secret is shown here and never again; only its hash is stored."""
    ctx, principal = await _admin(request)
    body = await ctx.body(request, KeyBody)
    key, secret = await make_key(ctx, principal, body)
    return Json({"ok": True, "key": views.key(key), "token": secret})


async def make_key(ctx: Context, by: Principal, body: KeyBody) -> tuple[KeyInfo, str]:
    """Make a key; return it with its secret, which is stored nowhere. Raises InvalidRequest."""
    subject = body.subject
    if body.role == "person":
        try:
            subject = person(subject)
        except ValueError as error:
            raise InvalidRequest(str(error)) from None
    now = round(time.time() * 1000)
    key = KeyInfo(
        tenant=by.tenant,
        id=ids.new_id(now),
        role=body.role,
        subject=subject,
        owner=body.owner,
        name=body.name,
        created_at=now,
    )
    secret = new_key(body.role)

    def write(tx: Tx) -> None:
        tx.add_key(key, hash_of(secret))
        record_key(tx, by, key)

    await ctx.engine.write_directory(write)
    return key, secret


def record_key(tx: Tx, by: Principal, key: KeyInfo) -> None:
    """Put into the log that a key was made."""
    said = {"role": key.role, "subject": key.subject, "owner": key.owner, "name": key.name or None}
    ledger.record(tx, by, "key.made", key.id, **said)


async def sign_in_link(request: Request) -> Response:
    """Make a link with which a person signs in to the inbox: once, within 15 minutes."""
    ctx, principal = await _admin(request)
    body = await ctx.body(request, LinkBody)
    url = await make_link(request, ctx, principal, body.person)
    return Json({"ok": True, "person": body.person, "url": url})


async def make_link(request: Request, ctx: Context, by: Principal, person: str) -> str:
    """Return the address of a new sign-in link. Raises InvalidRequest for who was deactivated."""
    directory = await ctx.engine.directory_now(by.tenant)
    if person in directory.inactive:
        raise InvalidRequest(f"{person} was deactivated")
    token = await Sessions(ctx.engine).link(by.tenant, person)
    await ctx.engine.write(lambda tx: ledger.record(tx, by, "sign_in_link.made", person))
    base = (ctx.settings.public_url or str(request.base_url)).rstrip("/")
    return f"{base}/sign-in/{token}"


async def reset_sign_in(request: Request) -> Response:
    """Forget how a person signs in (their passkeys, their account at a provider), and sign them out
    everywhere: for somebody who has lost their device. A new link lets them begin again."""
    ctx, principal = await _admin(request)
    tenant, name = principal.tenant, _name("person", request.path_params["name"])
    store, forgotten = ctx.engine.store, []
    for kind in ("passkey", "oidc"):
        forgotten += await ctx.engine.read(store.devices, tenant, kind, name)

    def forget(tx: Tx) -> int:
        gone = sum([tx.delete_device(tenant, one.kind, one.id) for one in forgotten])
        ledger.record(tx, principal, "sign_in.reset", name, forgotten=gone)
        return gone

    gone = await ctx.engine.write(forget)
    if not gone + await Sessions(ctx.engine).end_all(tenant, name):
        raise NotFound(
            f"{name} has no passkey and no account at a provider, and is nowhere signed in"
        )
    return Json({"ok": True})


async def revoke_key(request: Request) -> Response:
    """Revoke a key: in this process at once, in others within a second."""
    ctx, principal = await _admin(request)
    await end_key(ctx, principal, request.path_params["key_id"])
    return Json({"ok": True})


async def end_key(ctx: Context, by: Principal, key_id: str) -> None:
    """Revoke a key. Raises NotFound for one that is not there or was revoked."""

    def write(tx: Tx) -> None:
        if not tx.revoke_key(by.tenant, key_id, tx.now()):
            raise NotFound("there is no such key, or it was already revoked")
        ledger.record(tx, by, "key.revoked", key_id)

    await ctx.engine.write_directory(write)
    ctx.authenticate.forget()


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
