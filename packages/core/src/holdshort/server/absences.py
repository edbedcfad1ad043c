"""Routes of absences and of who is on call. People say themselves when they are away."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort import ids, localtime
from holdshort.engine import ledger
from holdshort.errors import Forbidden, InvalidRequest, NotFound
from holdshort.models import Directory, Principal, iso
from holdshort.people import Absence, Contact
from holdshort.server.auth import require
from holdshort.server.context import Context, context
from holdshort.server.reaching import AbsenceBody
from holdshort.server.replies import Json
from holdshort.store.base import Entry, Tx
from holdshort.store.rows import absence_of

#: How long an absence may last (milliseconds), and for how long after its end it is kept.
LONGEST = 400 * 86_400_000
KEPT = 90 * 86_400_000
#: Absences of one person that may lie ahead.
MOST = 50


async def list_(request: Request) -> Response:
    """List absences: a person's own and those they stand in for; with a service key, all."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "person", "service")
    person = None if principal.kind == "service" else principal.id
    found = await absences(ctx, principal.tenant, person)
    return Json({"ok": True, "absences": [shown(one) for one in found]})


async def create(request: Request) -> Response:
    """Say that somebody is away: oneself, or with a service key anybody."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "person", "service")
    body = await ctx.body(request, AbsenceBody)
    if principal.kind == "person" and body.person not in (None, principal.id):
        raise Forbidden("people say for themselves that they are away; an administrator for others")
    who = principal.id if principal.kind == "person" else body.person
    if who is None:
        raise InvalidRequest(
            "with a service key say who is away",
            problems=[{"field": "person", "problem": "missing"}],
        )
    made = await make_absence(ctx, principal, who, body)
    return Json({"ok": True, "absence": shown(made)})


async def delete(request: Request) -> Response:
    """Take an absence back: from now on its person is there again."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "person", "service")
    person = None if principal.kind == "service" else principal.id
    await end_absence(ctx, principal, person, request.path_params["absence_id"])
    return Json({"ok": True})


async def on_call(request: Request) -> Response:
    """Say who is on call by a rota, now or `at` another moment."""
    ctx = context(request)
    principal = await ctx.authenticate(request.headers)
    require(principal, "person", "service")
    directory = await ctx.engine.directory_now(principal.tenant)
    rota = directory.rotas.get(request.path_params["name"])
    if rota is None:
        raise NotFound("there is no such rota")
    at = ctx.engine.store.clock.now()
    if (text := request.query_params.get("at")) is not None:
        at = _moment(text, rota.timezone, "at")
    return Json(
        {
            "ok": True,
            "at": iso(at),
            "on_call": directory.at(at).on_call(request.path_params["name"]),
            "turn": rota.order(at)[0],
            "until": iso(rota.handed_over_at(rota.turn(at) + 1)),
        }
    )


async def absences(ctx: Context, tenant: str, person: str | None) -> list[Absence]:
    """Return absences that are not over, the next first.

    Args:
        person: only theirs and those they were named as the deputy for; None for everybody's.
    """
    now = ctx.engine.store.clock.now()
    entries = await ctx.engine.read(ctx.engine.store.entries, tenant, "absence")
    found = [absence_of(entry) for entry in entries]
    mine = [one for one in found if person in (None, one.person, one.deputy) and one.until > now]
    return sorted(mine, key=lambda one: (one.since, one.id))


async def make_absence(ctx: Context, by: Principal, person: str, body: AbsenceBody) -> Absence:
    """Write that a person is away. Raises InvalidRequest where that cannot be.

    From the beginning on, who stands in is asked in their place, about what is open already too.
    """
    tenant = by.tenant
    directory = await ctx.engine.directory_now(tenant)
    now = ctx.engine.store.clock.now()
    where = directory.contacts.get(person, Contact()).timezone or directory.timezone
    since = _moment(body.since, where, "from")
    until = _moment(body.until, where, "until", end=True)
    if not since < until or until <= now:
        raise _bad("until", "an absence ends after it begins, and not in the past")
    if until - since > LONGEST:
        raise _bad("until", "an absence lasts 400 days at most; deactivate who has left")
    _check_deputy(person, body.deputy, directory)
    ahead = [one for one in await absences(ctx, tenant, person) if one.person == person]
    if len(ahead) >= MOST:
        raise _bad("from", f"there are {MOST} absences of {person} already; take one back")
    doc: dict[str, Any] = {
        "person": person,
        "from": iso(since),
        "until": iso(until),
        "deputy": body.deputy,
        "note": body.note,
    }
    entry = Entry(kind="absence", name=ids.new_id(now), doc=doc)
    entries = await ctx.engine.read(ctx.engine.store.entries, tenant, "absence")
    over = [one.name for one in entries if absence_of(one).until < now - KEPT]

    def write(tx: Tx) -> None:
        tx.put_entry(tenant, entry)
        for name in over:
            tx.delete_entry(tenant, "absence", name)
        said = {name: doc[name] for name in ("from", "until", "deputy")}
        ledger.record(tx, by, "absence.set", person, **said)

    await ctx.engine.write_directory(write)
    return absence_of(entry)


async def end_absence(ctx: Context, by: Principal, person: str | None, absence_id: str) -> None:
    """Take an absence back. Raises NotFound for one that is not there or is not this person's.

    Args:
        person: whose it has to be; None for anybody's.
    """
    entries = await ctx.engine.read(ctx.engine.store.entries, by.tenant, "absence")
    found = next((one for one in entries if one.name == absence_id), None)
    if found is None or person not in (None, found.doc["person"]):
        raise NotFound("there is no such absence")
    away: str = found.doc["person"]

    def write(tx: Tx) -> None:
        tx.delete_entry(by.tenant, "absence", absence_id)
        ledger.record(tx, by, "absence.deleted", away)

    await ctx.engine.write_directory(write)


def shown(absence: Absence) -> dict[str, Any]:
    """Return an absence as it is answered."""
    return {
        "absence_id": absence.id,
        "person": absence.person,
        "from": iso(absence.since),
        "until": iso(absence.until),
        "deputy": absence.deputy,
        "note": absence.note,
    }


def _check_deputy(person: str, deputy: str | None, directory: Directory) -> None:
    if deputy is None:
        return
    if not directory.allow_deputies:
        raise _bad("deputy", "here nobody may be stood in for; leave the deputy out")
    if deputy == person:
        raise _bad("deputy", "nobody stands in for themselves")
    if deputy in directory.inactive:
        raise _bad("deputy", f"{deputy} was deactivated")


def _moment(text: str, timezone: str, field: str, *, end: bool = False) -> int:
    try:
        return localtime.parsed(text, localtime.zone(timezone), end=end)
    except ValueError as error:
        raise _bad(field, str(error)) from None


def _bad(field: str, problem: str) -> InvalidRequest:
    return InvalidRequest(f"{field}: {problem}", problems=[{"field": field, "problem": problem}])
