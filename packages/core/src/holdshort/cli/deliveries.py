"""`holdshort deliveries`: messages on their way, and those that were given up."""

from __future__ import annotations

from typing import Annotated

import typer

from holdshort.cli import output
from holdshort.cli.command import command, new_group
from holdshort.cli.ids import find_intent
from holdshort.cli.keys import segment
from holdshort.cli.output import away, escape, line
from holdshort.cli.session import Session

group = new_group("Messages to people and webhooks: pending, sent, or given up (dead).")


@command(
    group,
    "list",
    acts="service",
    examples=["holdshort deliveries list --state dead", "holdshort deliveries list --intent ID"],
)
def list_(
    session: Session,
    state: Annotated[str | None, typer.Option(help="pending, sent or dead.")] = None,
    intent: Annotated[str | None, typer.Option(metavar="ID", help="About this intent.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most this many.")] = 50,
    cursor: Annotated[
        str | None, typer.Option(metavar="ID", help="Go on after this id (`next_cursor`).")
    ] = None,
) -> None:
    """List deliveries, newest first."""
    page = session.call(
        "GET",
        "/v1/deliveries",
        state=state,
        intent_id=find_intent(session, intent) if intent else None,
        limit=limit,
        cursor=cursor,
    )
    if session.json:
        output.document(page)
        return
    if not page["deliveries"]:
        line("There are no such deliveries.")
        return
    output.table(
        ["ID", "WHY", "CHANNEL", "TO", "STATE", "TRIES", "WHEN", "LAST ERROR"],
        (
            [
                one["delivery_id"],
                one["reason"],
                one["channel"],
                one["recipient"],
                one["state"],
                one["attempts"],
                away(one["sent_at"] or one["next_at"] or one["created_at"]),
                one["last_error"],
            ]
            for one in page["deliveries"]
        ),
    )
    if page["next_cursor"]:
        line(f"There are more: --cursor {page['next_cursor']}")


@command(group, "retry", acts="service", examples=["holdshort deliveries retry DELIVERY_ID"])
def retry(
    session: Session,
    delivery_id: Annotated[str, typer.Argument(metavar="DELIVERY_ID", help="See `list`.")],
) -> None:
    """Send a delivery again, from the first try on. Its id stays the same."""
    reply = session.call("POST", f"/v1/deliveries/{segment(delivery_id)}/retry")
    if session.json:
        output.document(reply["delivery"])
    else:
        line(f"It is sent again: {escape(delivery_id)}")
