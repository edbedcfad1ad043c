"""`holdshort keys`: who may speak to the server."""

from __future__ import annotations

from typing import Annotated

import typer

from holdshort.cli import output
from holdshort.cli.command import command, new_group
from holdshort.cli.output import escape, line
from holdshort.cli.session import Session

group = new_group("API keys of agents, people and services.")


@command(group, "list", acts="service", examples=["holdshort keys list"])
def list_(session: Session) -> None:
    """List keys, without their secrets."""
    reply = session.call("GET", "/v1/keys")
    if session.json:
        output.document(reply["keys"])
        return
    output.table(
        ["ID", "ROLE", "WHOSE", "OWNER", "NAME", "MADE", "REVOKED"],
        (
            [
                one["key_id"],
                one["role"],
                one["subject"],
                one["owner"],
                one["name"],
                one["created_at"],
                one["revoked_at"],
            ]
            for one in reply["keys"]
        ),
    )


@command(
    group,
    "create",
    acts="service",
    makes=True,
    examples=[
        "holdshort keys create --agent agent://acme/prod/exporter --owner ana@acme.com",
        "holdshort keys create --person ana@acme.com",
        "holdshort keys create --service ci",
    ],
)
def create(
    session: Session,
    agent: Annotated[
        str | None, typer.Option(metavar="AGENT", help="Asks, waits, acts; decides nothing.")
    ] = None,
    person: Annotated[str | None, typer.Option(metavar="PERSON", help="Decides.")] = None,
    service: Annotated[str | None, typer.Option(metavar="NAME", help="Administers.")] = None,
    owner: Annotated[
        str | None,
        typer.Option(help="Who answers for the agent, and so may not decide what it asks."),
    ] = None,
    name: Annotated[str, typer.Option(help="To recognise it by.")] = "",
) -> None:
    """Make a key. Its secret is shown now and never again."""
    said = {"agent": agent, "person": person, "service": service}
    given = {role: subject for role, subject in said.items() if subject}
    if len(given) != 1:
        raise typer.BadParameter("say whose key it is, with one of --agent, --person, --service")
    [(role, subject)] = given.items()
    body = {"role": role, "subject": subject, "name": name} | ({"owner": owner} if owner else {})
    reply = session.call("POST", "/v1/keys", body)
    if session.json:
        output.document({**reply["key"], "token": reply["token"]})
        return
    variable = {"agent": "API", "person": "PERSON", "service": "SERVICE"}[role]
    output.note(f"The key of {escape(subject)}, shown this once:")
    line(f"export HOLDSHORT_{variable}_KEY={reply['token']}")


@command(group, "revoke", acts="service", examples=["holdshort keys revoke KEY_ID"])
def revoke(
    session: Session, key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="See `list`.")]
) -> None:
    """Make a key useless: at once, or within a second where there are several servers."""
    reply = session.call("DELETE", f"/v1/keys/{segment(key_id)}")
    if session.json:
        output.document(reply)
    else:
        line(f"Revoked: {escape(key_id)}")


def segment(text: str) -> str:
    """Return a name as one segment of a path."""
    from urllib.parse import quote

    return quote(text, safe="")
