"""Teams: addresses that stand for several people."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import HoldshortError, InvalidRequest
from holdshort.inbox.admin.door import admin_page, administrator, administrators_form
from holdshort.inbox.web import one
from holdshort.server.access import ADMIN_ROLE, ADMIN_TEAM
from holdshort.server.body import validated
from holdshort.server.context import Context
from holdshort.server.directory import TeamBody, delete_entry, put_entry
from holdshort.server.sessions import Visitor


async def show(request: Request) -> Response:
    """Show every team."""
    ctx, who = await administrator(request)
    return await _page(request, ctx, who)


async def save(request: Request) -> Response:
    """Make a team, or say anew who is in it."""
    ctx, who, posted = await administrators_form(request)
    name = (one(posted, "team") or "").strip().removeprefix("team:")
    members = (one(posted, "members") or "").replace(",", " ").split()
    try:
        body = validated(TeamBody, {"members": list(dict.fromkeys(members))})
        await _keep_the_door_open(ctx, who, name, body.members)
        await put_entry(ctx, who.principal, "team", name, body)
    except HoldshortError as error:
        return await _page(request, ctx, who, status=error.status, problem=error.message)
    return await _page(request, ctx, who, done=f"team:{name} is saved.")


async def delete(request: Request) -> Response:
    """Delete a team. What waits for it alone waits for nobody then."""
    ctx, who, posted = await administrators_form(request)
    name = one(posted, "team") or ""
    try:
        await _keep_the_door_open(ctx, who, name, [])
        await delete_entry(ctx, who.principal, "team", name)
    except HoldshortError as error:
        return await _page(request, ctx, who, status=error.status, problem=error.message)
    return await _page(request, ctx, who, done=f"team:{name} is deleted.")


async def _keep_the_door_open(ctx: Context, who: Visitor, name: str, members: list[str]) -> None:
    """Refuse to leave the team that lets one in here, where no role does."""
    if name != ADMIN_TEAM or who.principal.id in members:
        return
    directory = await ctx.engine.directory_now(who.principal.tenant)
    if ADMIN_ROLE not in directory.people.get(who.principal.id, ()):
        raise InvalidRequest("without you in it, you could not come back here: another "
                             "administrator can take you out")  # fmt: skip


async def _page(
    request: Request, ctx: Context, who: Visitor, status: int = 200, **more: Any
) -> Response:
    directory = await ctx.engine.directory_now(who.principal.tenant)
    teams = [
        {
            "name": name,
            "members": list(members),
            "away": [member for member in members if member in directory.inactive],
        }
        for name, members in sorted(directory.teams.items())
    ]
    return admin_page(request, "teams", who, status, teams=teams, **more)


PAGES = (
    ("GET", "/admin/teams", show),
    ("POST", "/admin/teams", save),
    ("POST", "/admin/teams/delete", delete),
)
