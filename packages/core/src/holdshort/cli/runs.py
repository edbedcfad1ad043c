"""`holdshort runs`: what frameworks' adapters have under way."""

from __future__ import annotations

from typing import Annotated

import typer

from holdshort.cli import output
from holdshort.cli.command import command, new_group
from holdshort.cli.output import away, line
from holdshort.cli.session import Session

group = new_group("Runs of agent frameworks: running, suspended, done or failed.")


@command(
    group,
    "list",
    acts="reader",
    examples=["holdshort runs list --status suspended", "holdshort runs list --app refunds"],
)
def list_(
    session: Session,
    app: Annotated[str | None, typer.Option(help="Only runs of this app.")] = None,
    status: Annotated[str | None, typer.Option(help="running, suspended, done or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most this many.")] = 50,
    cursor: Annotated[
        str | None, typer.Option(metavar="ID", help="Go on after this id (`next_cursor`).")
    ] = None,
) -> None:
    """List runs."""
    page = session.call("GET", "/v1/runs", app=app, run_status=status, limit=limit, cursor=cursor)
    if session.json:
        output.document(page)
        return
    if not page["runs"]:
        line("There are no such runs.")
        return
    output.table(
        ["RUN", "APP", "STATUS", "WAITS FOR", "SINCE", "WORKER", "ERROR"],
        (
            [
                one["run_id"],
                one["app"],
                one["status"],
                " ".join(one["waits"]),
                away(one["updated_at"]),
                one["worker"],
                one["error"],
            ]
            for one in page["runs"]
        ),
    )
    if page["next_cursor"]:
        line(f"There are more: --cursor {page['next_cursor']}")
