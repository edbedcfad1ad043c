"""`holdshort settings`: what holds for the whole organisation."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from holdshort.cli import output
from holdshort.cli.command import command, new_group
from holdshort.cli.output import escape, line
from holdshort.cli.session import Session
from holdshort.cli.typed import json_object

group = new_group("What holds for everybody: who is asked by default, how, and calendars.")


@command(group, "show", acts="service", examples=["holdshort settings show"])
def show(session: Session) -> None:
    """Show the settings."""
    _print(session, session.call("GET", "/v1/settings")["settings"])


@command(
    group,
    "set",
    acts="service",
    makes=True,
    examples=[
        "holdshort settings set --reviewer team:finance --channel email --timezone Europe/Lisbon",
        "holdshort settings set --no-deputies --two-people-resume",
        "holdshort settings set --calendar office "
        '\'{"timezone": "Europe/Lisbon", "from": "09:00", "until": "17:30"}\'',
    ],
)
def set_(
    session: Session,
    reviewer: Annotated[
        list[str] | None, typer.Option(help="Who is asked by default. Repeatable.")
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(help="By which people are told, in order; `default` is what the server has."),
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="Where most people live.")] = None,
    deputies: Annotated[
        bool | None,
        typer.Option("--deputies/--no-deputies", help="Whether those away may be stood in for."),
    ] = None,
    two_people_resume: Annotated[
        bool | None,
        typer.Option(
            "--two-people-resume/--no-two-people-resume",
            help="Whether two administrators let a killed agent go on.",
        ),
    ] = None,
    calendar: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="NAME JSON|@FILE", help="Working hours that policies may count by."),
    ] = None,
    remove_calendar: Annotated[str | None, typer.Option(metavar="NAME")] = None,
) -> None:
    """Change settings. What is not said here stays as it is."""
    now: dict[str, Any] = session.call("GET", "/v1/settings")["settings"]
    said = {
        "default_reviewers": reviewer,
        "channels": channel,
        "timezone": timezone,
        "allow_deputies": deputies,
        "two_people_resume": two_people_resume,
    }
    body = now | {name: value for name, value in said.items() if value is not None}
    if channel == ["default"]:
        body["channels"] = None
    if calendar is not None:
        name, text = calendar
        body["calendars"] = body["calendars"] | {name: json_object(text, "--calendar")}
    if remove_calendar is not None:
        kept = {n: c for n, c in body["calendars"].items() if n != remove_calendar}
        if kept == body["calendars"]:
            raise typer.BadParameter(f"there is no calendar {remove_calendar!r}")
        body["calendars"] = kept
    _print(session, session.call("PUT", "/v1/settings", body)["settings"])


def _print(session: Session, settings: dict[str, Any]) -> None:
    if session.json:
        output.document(settings)
        return
    for name, value in settings.items():
        if name == "channels" and value is None:
            shown = "(what this server has)"
        elif isinstance(value, list):
            shown = ", ".join(value)
        else:
            shown = value if isinstance(value, str) else output.compact(value)
        line(f"{escape(name)}: {escape(shown)}")
