"""`holdshort webhooks`: other systems that are told."""

from __future__ import annotations

from typing import Annotated

import typer

from holdshort.cli import output
from holdshort.cli.command import command, new_group
from holdshort.cli.directory import put, remove, show
from holdshort.cli.output import line
from holdshort.cli.session import Session

group = new_group("Webhooks: signed messages to other systems (Standard Webhooks).")
Name = Annotated[str, typer.Argument(metavar="NAME")]


@command(group, "list", acts="service", examples=["holdshort webhooks list"])
def list_(session: Session) -> None:
    """List webhooks, without their secrets."""
    columns = {"name": "NAME", "url": "URL", "events": "EVENTS", "active": "ACTIVE"}
    show(session, "webhooks", columns, "No webhooks yet: holdshort webhooks add NAME URL")


@command(
    group,
    "add",
    acts="service",
    makes=True,
    examples=[
        "holdshort webhooks add ops https://ops.acme.com/holdshort --event intent.decided",
        "holdshort webhooks add ops https://ops.acme.com/holdshort --rotate",
    ],
)
def add(
    session: Session,
    name: Name,
    endpoint: Annotated[str, typer.Argument(metavar="URL")],
    event: Annotated[
        list[str] | None,
        typer.Option(help="intent.asked, intent.decided, …; all without it. Repeatable."),
    ] = None,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="A new secret; the old one still signs for overlap.")
    ] = False,
    inactive: Annotated[bool, typer.Option("--inactive", help="Keep it, send nothing.")] = False,
) -> None:
    """Add a webhook, or change one. A new secret is shown now and never again."""
    body = {
        "url": endpoint,
        "events": event or ["*"],
        "active": not inactive,
        "rotate_secret": rotate,
    }
    reply = put(session, "webhooks", name, body)
    if "secret" in reply and not session.json:
        output.note("The secret that its messages are signed with, shown this once:")
        line(str(reply["secret"]))


@command(group, "remove", acts="service", examples=["holdshort webhooks remove ops"])
def remove_(session: Session, name: Name) -> None:
    """Delete a webhook; what it has not been told is not told any more."""
    remove(session, "webhooks", name)
