"""`holdshort rotas`: people who take turns in being on call."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from holdshort.cli import output
from holdshort.cli.command import command, new_group
from holdshort.cli.directory import put, remove, show
from holdshort.cli.keys import segment
from holdshort.cli.output import escape, line, when
from holdshort.cli.session import Session

group = new_group("Rotas: people who take turns in being on call, asked as oncall:NAME.")
Name = Annotated[str, typer.Argument(metavar="ROTA")]


@command(
    group,
    "set",
    acts="service",
    makes=True,
    examples=[
        "holdshort rotas set ops ana@acme.com bo@acme.com --starts 2026-11-16",
        "holdshort rotas set ops ana@acme.com bo@acme.com --starts 2026-11-16 --day fri "
        "--time 17:00 --timezone Europe/Lisbon --weeks 2",
        "holdshort rotas set ops ana@acme.com bo@acme.com --starts 2026-11-16 "
        "--override 2026-12-24/2026-12-26/bo@acme.com",
    ],
)
def set_(
    session: Session,
    name: Name,
    members: Annotated[list[str], typer.Argument(metavar="ADDRESS...", help="In their order.")],
    starts: Annotated[str, typer.Option(metavar="DATE", help="A day in the first one's turn.")],
    day: Annotated[str, typer.Option(help="The weekday of the hand-over: mon … sun.")] = "mon",
    time: Annotated[str, typer.Option(help="Its time of day.")] = "09:00",
    timezone: Annotated[str, typer.Option(help="Where that is.")] = "UTC",
    weeks: Annotated[int, typer.Option(help="How many weeks a turn has.")] = 1,
    override: Annotated[
        list[str] | None,
        typer.Option(metavar="FROM/UNTIL/ADDRESS", help="Who takes a part of it. Repeatable."),
    ] = None,
) -> None:
    """Say who takes turns, in the place of what this rota said before."""
    body = {
        "members": members,
        "starts": starts,
        "handover": {"day": day, "time": time},
        "timezone": timezone,
        "every": weeks,
        "overrides": [_override(text) for text in override or ()],
    }
    put(session, "rotas", name.removeprefix("oncall:"), body)


def _override(text: str) -> dict[str, Any]:
    parts = text.split("/")
    if len(parts) != 3:
        raise typer.BadParameter(f"--override is FROM/UNTIL/ADDRESS, not {text!r}")
    return {"from": parts[0], "until": parts[1], "person": parts[2]}


@command(group, "show", acts="service", examples=["holdshort rotas show"])
def show_(session: Session) -> None:
    """List rotas."""
    columns = {
        "name": "ROTA",
        "members": "MEMBERS",
        "starts": "STARTS",
        "handover": "HAND-OVER",
        "timezone": "WHERE",
        "every": "WEEKS",
    }
    empty = "No rotas yet: holdshort rotas set ops ana@acme.com bo@acme.com --starts 2026-11-16"
    show(session, "rotas", columns, empty)


@command(
    group,
    "who",
    acts="task_reader",
    examples=["holdshort rotas who ops", "holdshort rotas who ops --at 2026-12-24"],
)
def who(
    session: Session,
    name: Name,
    at: Annotated[str | None, typer.Option(help="A date or time, instead of now.")] = None,
) -> None:
    """Say who is on call."""
    path = f"/v1/rotas/{segment(name.removeprefix('oncall:'))}/on-call"
    found = session.call("GET", path, at=at)
    if session.json:
        output.document({name: value for name, value in found.items() if name != "ok"})
        return
    line(f"{escape(found['on_call'] or 'nobody')}, until {when(found['until'])}")
    if found["on_call"] != found["turn"]:
        line(f"It is the turn of {escape(found['turn'])}, who is away.")


@command(group, "remove", acts="service", examples=["holdshort rotas remove ops"])
def remove_(session: Session, name: Name) -> None:
    """Delete a rota."""
    remove(session, "rotas", name.removeprefix("oncall:"))
