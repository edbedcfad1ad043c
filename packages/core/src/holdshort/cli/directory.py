"""`holdshort people` and `holdshort teams`: who can be asked."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from holdshort.cli import output
from holdshort.cli.command import command, new_group
from holdshort.cli.keys import segment
from holdshort.cli.output import escape, line
from holdshort.cli.session import Session

people = new_group("People, with their roles. Who is asked by address need not be listed.")
teams = new_group("Teams: addresses that stand for several people.")


def show(session: Session, collection: str, columns: dict[str, str], empty: str) -> None:
    """List a collection; `columns` says what each field is called on the screen."""
    items = session.call("GET", f"/v1/{collection}")["items"]
    if session.json:
        output.document(items)
    elif not items:
        line(empty)
    else:
        output.table(
            list(columns.values()), ([_cell(item.get(name)) for name in columns] for item in items)
        )


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return value if isinstance(value, str) else "" if value is None else output.compact(value)


def put(session: Session, collection: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Write one item; say so, or show the server's answer to a script."""
    reply = session.call("PUT", f"/v1/{collection}/{segment(name)}", body)
    if session.json:
        shown = dict(reply["item"])
        output.document(shown | ({"secret": reply["secret"]} if "secret" in reply else {}))
    else:
        line(f"Saved: {escape(reply['item']['name'])}")
    return reply


def remove(session: Session, collection: str, name: str) -> None:
    """Delete one item."""
    reply = session.call("DELETE", f"/v1/{collection}/{segment(name)}")
    if session.json:
        output.document(reply)
    else:
        line(f"Removed: {escape(name)}")


@command(
    people,
    "link",
    acts="service",
    examples=["holdshort people link ana@acme.com"],
)
def link(session: Session, address: Annotated[str, typer.Argument(metavar="ADDRESS")]) -> None:
    """Print a link with which a person signs in to the inbox: once, within 15 minutes."""
    made = session.call("POST", "/v1/sign-in-links", {"person": address})
    if session.json:
        output.document({"person": made["person"], "url": made["url"]})
    else:
        line(made["url"])


@command(people, "reset", acts="service", examples=["holdshort people reset ana@acme.com"])
def reset(session: Session, address: Annotated[str, typer.Argument(metavar="ADDRESS")]) -> None:
    """Forget somebody's passkeys and their account at a provider, and sign them out everywhere."""
    reply = session.call("DELETE", f"/v1/people/{segment(address)}/sign-in")
    if session.json:
        output.document(reply)
    else:
        line(f"Forgotten. A way in again: holdshort people link {escape(address)}")


@command(people, "list", acts="service", examples=["holdshort people list"])
def list_people(session: Session) -> None:
    """List people."""
    columns = {"name": "ADDRESS", "title": "NAME", "roles": "ROLES", "active": "ACTIVE"}
    show(session, "people", columns, "Nobody is listed yet: holdshort people add ana@acme.com")


@command(
    people,
    "add",
    acts="service",
    makes=True,
    examples=[
        "holdshort people add ana@acme.com --name 'Ana Lima' --role cfo",
        "holdshort people add ben@acme.com --inactive",
    ],
)
def add_person(
    session: Session,
    address: Annotated[str, typer.Argument(metavar="ADDRESS")],
    name: Annotated[str, typer.Option(help="How they are called.")] = "",
    role: Annotated[
        list[str] | None,
        typer.Option(help="A role, for example cfo; `admin` sees everything. Repeatable."),
    ] = None,
    inactive: Annotated[bool, typer.Option("--inactive", help="Has left; may not decide.")] = False,
) -> None:
    """Add a person, or change one: name and roles are set to what is said here."""
    put(session, "people", address, {"name": name, "roles": role or [], "active": not inactive})


@command(people, "remove", acts="service", examples=["holdshort people remove ana@acme.com"])
def remove_person(
    session: Session, address: Annotated[str, typer.Argument(metavar="ADDRESS")]
) -> None:
    """Take a person off the list. Revoke their key as well; `add --inactive` bars them."""
    remove(session, "people", address)


@command(teams, "list", acts="service", examples=["holdshort teams list"])
def list_teams(session: Session) -> None:
    """List teams."""
    columns = {"name": "TEAM", "members": "MEMBERS"}
    show(session, "teams", columns, "No teams yet: holdshort teams set finance ana@acme.com")


@command(
    teams,
    "set",
    acts="service",
    makes=True,
    examples=["holdshort teams set finance ana@acme.com ben@acme.com"],
)
def set_team(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="TEAM")],
    members: Annotated[list[str], typer.Argument(metavar="ADDRESS...", help="All its members.")],
) -> None:
    """Say who is in a team; it is asked as team:NAME."""
    put(session, "teams", name.removeprefix("team:"), {"members": members})


@command(teams, "remove", acts="service", examples=["holdshort teams remove finance"])
def remove_team(session: Session, name: Annotated[str, typer.Argument(metavar="TEAM")]) -> None:
    """Delete a team."""
    remove(session, "teams", name.removeprefix("team:"))
