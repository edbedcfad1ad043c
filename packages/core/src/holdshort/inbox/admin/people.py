"""People: who may be asked, what they may see, and how they come in for the first time."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import Conflict, HoldshortError, InvalidRequest
from holdshort.inbox.admin.door import admin_page, administrator, administrators_form
from holdshort.inbox.fresh import require_fresh
from holdshort.inbox.web import one
from holdshort.server.access import is_admin
from holdshort.server.body import validated
from holdshort.server.context import Context
from holdshort.server.directory import LinkBody, PersonBody, make_link, put_entry
from holdshort.server.sessions import Sessions, Visitor


async def show(request: Request) -> Response:
    """Show everybody."""
    ctx, who = await administrator(request)
    return await _page(request, ctx, who)


async def save(request: Request) -> Response:
    """Add a person, or change one. How they are reached stays as it is."""
    ctx, who, posted = await administrators_form(request)
    name = (one(posted, "person") or "").strip()
    roles = (one(posted, "roles") or "").replace(",", " ").split()
    active = one(posted, "active") == "1"
    try:
        if one(posted, "new") and await _is_listed(ctx, who, name):
            raise Conflict(f"{name} is listed already: change them below")
        said = {"name": one(posted, "name") or "", "roles": list(dict.fromkeys(roles))}
        body = validated(PersonBody, said | {"active": active})
        _keep_the_door_open(who, name, body)
        await put_entry(ctx, who.principal, "person", name, body)
    except HoldshortError as error:
        return await _page(request, ctx, who, status=error.status, problem=error.message)
    done = f"{name} is saved." if active else f"{name} is deactivated, and signed out everywhere."
    return await _page(request, ctx, who, done=done)


async def link(request: Request) -> Response:
    """Make a link with which a person signs in. It is shown on this page and nowhere else."""
    ctx, who, posted = await administrators_form(request)
    try:
        await require_fresh(request, who, "make a link with which somebody signs in")
        person = validated(LinkBody, {"person": one(posted, "person") or ""}).person
        url = await make_link(request, ctx, who.principal, person)
    except HoldshortError as error:
        return await _page(request, ctx, who, status=error.status, problem=error.message)
    return await _page(request, ctx, who, link=(person, url))


async def sign_out(request: Request) -> Response:
    """End every session of a person, and every link that was made for them."""
    ctx, who, posted = await administrators_form(request)
    person = one(posted, "person") or ""
    ended = await Sessions(ctx.engine).end_all(who.principal.tenant, person)
    done = f"{ended} session{'' if ended == 1 else 's'} and links of {person} ended."
    return await _page(request, ctx, who, done=done)


async def _is_listed(ctx: Context, who: Visitor, name: str) -> bool:
    entries = await ctx.engine.read(ctx.engine.store.entries, who.principal.tenant, "person")
    return any(entry.name == name for entry in entries)


def _keep_the_door_open(who: Visitor, name: str, body: PersonBody) -> None:
    """Refuse to lock oneself out: somebody else has to do that."""
    if name == who.principal.id and not body.active:
        raise InvalidRequest("you cannot deactivate yourself: another administrator can")


async def _page(
    request: Request, ctx: Context, who: Visitor, status: int = 200, **more: Any
) -> Response:
    tenant = who.principal.tenant
    entries = await ctx.engine.read(ctx.engine.store.entries, tenant, "person")
    directory = await ctx.engine.directory_now(tenant)
    listed = {entry.name for entry in entries}
    members = {member for team in directory.teams.values() for member in team}
    people = [
        {
            "address": entry.name,
            "name": entry.doc.get("name", ""),
            "roles": " ".join(entry.doc.get("roles", ())),
            "active": entry.doc.get("active", True),
            "teams": [name for name, team in directory.teams.items() if entry.name in team],
            "admin": is_admin(entry.name, directory),
            "me": entry.name == who.principal.id,
        }
        for entry in sorted(entries, key=lambda entry: entry.name)
    ]
    values = {"link": None, "people": people, "unlisted": sorted(members - listed), **more}
    return admin_page(request, "people", who, status, **values)


PAGES = (
    ("GET", "/admin/people", show),
    ("POST", "/admin/people", save),
    ("POST", "/admin/people/link", link),
    ("POST", "/admin/people/sign-out", sign_out),
)
