"""`holdshort policies`: how tasks are handled, for all types of intent or for some."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from holdshort.cli import output
from holdshort.cli.command import command, new_group
from holdshort.cli.directory import put, remove
from holdshort.cli.output import line
from holdshort.cli.session import Session
from holdshort.cli.typed import fill, json_object

group = new_group("Policies by type of intent; `*` holds for all, `intent.pay.*` for a prefix.")
Pattern = Annotated[str, typer.Argument(metavar="TYPE", help="A type, a prefix with *, or *.")]


@command(group, "list", acts="service", examples=["holdshort policies list"])
def list_(session: Session) -> None:
    """List policies: what differs from the built-in one."""
    items = session.call("GET", "/v1/policies")["items"]
    if session.json:
        output.document(items)
    elif not items:
        line("No policies are set: the built-in one holds (docs/reference).")
    else:
        output.table(["TYPE", "SAYS"], ([item["name"], _says(item)] for item in items))


def _says(item: dict[str, Any]) -> str:
    return ", ".join(
        f"{name}={value if isinstance(value, str) else output.compact(value)}"
        for name, value in item.items()
        if name != "name" and value is not None
    )


@command(
    group,
    "set",
    acts="service",
    makes=True,
    examples=[
        "holdshort policies set 'intent.pay.*' reviewers=team:finance quorum=2 deadline=4h",
        "holdshort policies set intent.mail.v1 fallback=approve deadline=1h",
        "holdshort policies set 'intent.pay.*' --cost-from order.total",
        'holdshort policies set \'*\' --body \'{"escalate": [{"after": "2h", "to": "role:cfo"}]}\'',
    ],
)
def set_(
    session: Session,
    pattern: Pattern,
    fields: Annotated[list[str] | None, typer.Argument(metavar="FIELD=VALUE...")] = None,
    body: Annotated[
        str | None, typer.Option(metavar="JSON|@FILE", help="The policy as a JSON object.")
    ] = None,
    cost_from: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Where the arguments say what it costs: order.total."),
    ] = None,
) -> None:
    """Set a policy, in the place of the one that this type had.

    Fields: reviewers, remind_after, remind_every, max_reminders, escalate, escalate_after,
    deadline, fallback, quorum, reject_quorum, risk, allow_edit, require_comment,
    separation_of_duties, grant_ttl, execution_timeout, calendar, cost_from.
    """
    from holdshort.requests import TenantPolicy

    if not fields and body is None and cost_from is None:
        raise typer.BadParameter("say what the policy is: FIELD=VALUE or --body")
    policy = {} if body is None else json_object(body, "--body")
    if cost_from is not None:
        policy["cost_from"] = cost_from
    fill(policy, fields or [], TenantPolicy.model_json_schema(), "FIELD=VALUE")
    put(session, "policies", pattern, policy)


@command(group, "remove", acts="service", examples=["holdshort policies remove 'intent.pay.*'"])
def remove_(session: Session, pattern: Pattern) -> None:
    """Delete a policy; intents filed from now on go by the next wider one."""
    remove(session, "policies", pattern)
