"""My absences: from when, until when, and who decides meanwhile."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import InvalidRequest, NotFound
from holdshort.inbox.web import go, one, own_form, page, visitor
from holdshort.models import Directory
from holdshort.people import Contact
from holdshort.server.absences import absences, end_absence, make_absence
from holdshort.server.body import validated
from holdshort.server.context import Context
from holdshort.server.reaching import AbsenceBody
from holdshort.server.sessions import Visitor

_FIELDS = ("from", "until", "deputy", "note")


@dataclass(frozen=True)
class Standing:
    """Who is away just now, as far as it concerns one person."""

    away_until: int | None = None
    """Until when they themselves are away; None where they are here."""
    deputy: str | None = None
    """Who decides for them meanwhile; None where nobody does."""
    instead_of: tuple[tuple[str, int], ...] = ()
    """(person, until): for whom they decide."""


def standing(directory: Directory, person: str, now: int) -> Standing:
    """Return what a person's pages say of absences at a moment (milliseconds UTC)."""
    if not directory.absences:
        return Standing()
    away = directory.at(now).away
    mine = away.absence(person)
    others = [(one, away.absence(one)) for one in away.represented_by(person)]
    return Standing(
        away_until=mine.until if mine is not None else None,
        deputy=away.deputy(person) if mine is not None else None,
        instead_of=tuple((one, found.until) for one, found in others if found is not None),
    )


async def look(request: Request) -> Response:
    """Show my absences, and those in which I stand in for somebody."""
    ctx, who = await visitor(request)
    return await _shown(ctx, who)


async def add(request: Request) -> Response:
    """Say that I am away. From then on my deputy is asked, about what is open as well."""
    ctx, who = await visitor(request)
    posted = await own_form(request, who)
    said = {name: one(posted, name) for name in _FIELDS}
    try:
        body = validated(AbsenceBody, {k: v for k, v in said.items() if v is not None})
        await make_absence(ctx, who.principal, who.principal.id, body)
    except InvalidRequest as error:
        problems = {
            str(found.get("field", "")): str(found.get("problem", ""))
            for found in error.details.get("problems", [])
        }
        return await _shown(ctx, who, said=said, problems=problems or {"": error.message})
    return go("/away")


async def end(request: Request) -> Response:
    """Take an absence of mine back: I am here again."""
    ctx, who = await visitor(request)
    posted = await own_form(request, who)
    # Where it is not there any more (sent twice, or over since), all is as it was asked for.
    with suppress(NotFound):
        await end_absence(ctx, who.principal, who.principal.id, one(posted, "absence") or "")
    return go("/away")


async def _shown(
    ctx: Context,
    who: Visitor,
    *,
    said: dict[str, str | None] | None = None,
    problems: dict[str, str] | None = None,
) -> Response:
    tenant, person = who.principal.tenant, who.principal.id
    directory = await ctx.engine.directory_now(tenant)
    now = ctx.engine.store.clock.now()
    found = await absences(ctx, tenant, person)
    return page(
        "away.html",
        422 if problems else 200,
        visitor=who,
        mine=[one for one in found if one.person == person],
        others=[one for one in found if one.person != person],
        standing=standing(directory, person, now),
        people=sorted(set(directory.people) - {person}),
        timezone=directory.contacts.get(person, Contact()).timezone or directory.timezone,
        allow_deputies=directory.allow_deputies,
        said=said or {},
        problems=problems or {},
    )


PAGES = (
    ("GET", "/away", look),
    ("POST", "/away", add),
    ("POST", "/away/end", end),
)
