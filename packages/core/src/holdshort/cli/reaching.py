"""`holdshort people set`, `away`, `absences`, `back`: how people are reached, and when not."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from holdshort.cli import output
from holdshort.cli.command import command
from holdshort.cli.directory import people as people
from holdshort.cli.directory import put
from holdshort.cli.output import escape, line, when
from holdshort.cli.session import Session

Address = Annotated[str, typer.Argument(metavar="ADDRESS")]


@command(
    people,
    "set",
    acts="service",
    makes=True,
    examples=[
        "holdshort people set ana@acme.com --channel slack --channel email --tell first",
        "holdshort people set ana@acme.com --timezone Europe/Lisbon --quiet 22:00-07:00",
        "holdshort people set ana@acme.com --service ntfys://ntfy.acme.com/ana",
        "holdshort people set ana@acme.com --clear channels --clear quiet",
    ],
)
def set_person(
    session: Session,
    address: Address,
    email: Annotated[str | None, typer.Option(help="Where mail goes, if not there.")] = None,
    slack: Annotated[str | None, typer.Option(help="Their member id in Slack.")] = None,
    service: Annotated[
        list[str] | None,
        typer.Option(help="An address for apprise; all of them together. Repeatable. Secret."),
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option(help="A channel, in the order of preference. Repeatable.")
    ] = None,
    tell: Annotated[
        str | None, typer.Option(metavar="all|first", help="By all channels, or the first to work.")
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="For example Europe/Lisbon.")] = None,
    quiet: Annotated[
        str | None, typer.Option(metavar="FROM-UNTIL", help="When what can wait waits.")
    ] = None,
    quiet_day: Annotated[
        list[str] | None, typer.Option(help="mon … sun, when quiet hours begin. Repeatable.")
    ] = None,
    clear: Annotated[
        list[str] | None,
        typer.Option(help="email, slack, urls, channels, timezone or quiet. Repeatable."),
    ] = None,
) -> None:
    """Say how a person is reached. What is not said here stays as it is."""
    items = session.call("GET", "/v1/people")["items"]
    name = address.strip().lower()
    known: dict[str, Any] = next((one for one in items if one["name"] == name), {})
    body: dict[str, Any] = {
        "name": known.get("title", ""),
        "roles": known.get("roles", []),
        "active": known.get("active", True),
    }
    said = {
        "email": email,
        "slack": slack,
        "urls": service,
        "channels": channel,
        "tell": tell,
        "timezone": timezone,
        "quiet": _quiet(quiet, quiet_day),
    }
    body |= {name: value for name, value in said.items() if value is not None}
    for field in clear or ():
        if field not in said or field == "tell":
            raise typer.BadParameter(f"--clear {field}: that cannot be taken back")
        body[field] = None
    put(session, "people", address, body)


def _quiet(hours: str | None, days: list[str] | None) -> dict[str, Any] | None:
    if hours is None:
        if days:
            raise typer.BadParameter("--quiet-day goes with --quiet 22:00-07:00")
        return None
    since, _, until = hours.partition("-")
    return {"from": since.strip(), "until": until.strip()} | ({"days": days} if days else {})


@command(
    people,
    "away",
    acts="task_reader",
    makes=True,
    examples=[
        "holdshort people away ana@acme.com --from 2026-12-24 --until 2027-01-02 "
        "--deputy bo@acme.com",
        "holdshort people away ana@acme.com --from 2026-12-01T13:00+01:00 "
        "--until 2026-12-01T18:00+01:00",
    ],
)
def away(
    session: Session,
    address: Address,
    since: Annotated[str, typer.Option("--from", help="A date, or a time with its offset.")],
    until: Annotated[str, typer.Option(help="The last day, or the time of being back.")],
    deputy: Annotated[str | None, typer.Option(help="Who is asked in their place.")] = None,
    note: Annotated[str, typer.Option(help="Why, for the deputy.")] = "",
) -> None:
    """Say that somebody is away. Dates are whole days where they live."""
    body = {"person": address, "from": since, "until": until, "deputy": deputy, "note": note}
    made = session.call("POST", "/v1/absences", body)["absence"]
    if session.json:
        output.document(made)
        return
    stands_in = f"; {escape(deputy)} is asked" if deputy else ""
    line(f"Away: {escape(made['person'])} until {when(made['until'])}{stands_in}")


@command(people, "absences", acts="task_reader", examples=["holdshort people absences"])
def list_absences(session: Session) -> None:
    """List who is or will be away: with a person's key their own and those they stand in for."""
    items = session.call("GET", "/v1/absences")["absences"]
    if session.json:
        output.document(items)
    elif not items:
        line("Nobody is away.")
    else:
        output.table(
            ["ID", "WHO", "FROM", "UNTIL", "DEPUTY"],
            (
                [i["absence_id"], i["person"], when(i["from"]), when(i["until"]), i["deputy"] or ""]
                for i in items
            ),
        )


@command(people, "back", acts="task_reader", examples=["holdshort people back 0190…"])
def back(
    session: Session,
    absence_id: Annotated[str, typer.Argument(metavar="ID", help="As `absences` shows it.")],
) -> None:
    """Take an absence back: from now on its person is asked again."""
    reply = session.call("DELETE", f"/v1/absences/{absence_id}")
    if session.json:
        output.document(reply)
    else:
        line("They are asked again.")
