"""`holdshort intents`: ask, look, withdraw."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from holdshort.cli import output
from holdshort.cli.command import command, new_group
from holdshort.cli.ids import find_intent
from holdshort.cli.output import away, escape, line
from holdshort.cli.session import Session
from holdshort.cli.typed import json_object, json_value
from holdshort.client import flows

group = new_group("What agents ask: file one, look at it, follow it, withdraw it.")
IntentId = Annotated[str, typer.Argument(metavar="ID", help="In full, or its end.")]


@command(
    group,
    "send",
    acts="agent",
    makes=True,
    examples=[
        "holdshort intents send intent.data.export.v1 --to ana@acme.com --payload rows=200",
        "holdshort intents send intent.pay.v1 --to team:finance --payload sum:=12.5 --deadline 8h",
        "holdshort intents send intent.form.v1 --to ana@acme.com --task form --form @schema.json",
    ],
)
def send(
    session: Session,
    intent_type: Annotated[str, typer.Argument(metavar="TYPE", help="For example intent.pay.v1.")],
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="WHO", help="ana@acme.com, team:finance or role:cfo; repeatable."),
    ] = None,
    payload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="JSON|@FILE|KEY=TEXT|KEY:=JSON",
            help="What it is about: an object, a file with one, or single fields. Repeatable.",
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="What people see first.")] = None,
    description: Annotated[str | None, typer.Option(help="What people should know.")] = None,
    task: Annotated[
        str | None, typer.Option(metavar="KIND", help="approval (default), review, form, …")
    ] = None,
    form: Annotated[
        str | None, typer.Option(metavar="JSON|@FILE", help="JSON Schema of the answer.")
    ] = None,
    remind_after: Annotated[str | None, typer.Option(metavar="5m")] = None,
    deadline: Annotated[
        str | None, typer.Option(metavar="8h", help="Until when, from now.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Asking again under the same key finds the same intent.")
    ] = None,
) -> None:
    """File an intent; print its id."""
    fields = {
        "to": to,
        "title": title,
        "description": description,
        "task": task,
        "remind_after": _duration(remind_after, "--remind-after"),
        "deadline": _duration(deadline, "--deadline"),
    }
    flow = flows.send_intent(
        {"intent_type": intent_type, "payload": _payload(payload or [])},
        key=key,
        form=None if form is None else json_object(form, "--form"),
        **fields,
    )
    intent_id = session.run(flow)
    intent = session.run(flows.get_intent(intent_id))
    if session.json:
        output.document(
            {"intent_id": intent_id, "status": intent["status"], "assigned": intent["assigned"]}
        )
        return
    line(intent_id)
    if intent["assigned"]:
        output.note(
            f"asked: {escape(', '.join(intent['assigned']))}; follow it with: "
            f"holdshort intents watch {intent_id}"
        )


def _duration(text: str | None, option: str) -> str | None:
    from holdshort.durations import seconds

    try:
        seconds(text or 0)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None
    return text


def _payload(parts: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        if part.startswith(("{", "@")):
            found |= json_object(part, "--payload")
            continue
        key, equals, text = part.partition("=")
        if not equals or not key.rstrip(":"):
            raise typer.BadParameter(f"--payload takes JSON, @file or key=text, not {part!r}")
        if key.endswith(":"):
            found[key[:-1]] = json_value(text, f"--payload {key[:-1]}")
        else:
            found[key] = text
    return found


@command(
    group,
    "list",
    acts="reader",
    examples=["holdshort intents list", "holdshort intents list --status WAITING --json"],
)
def list_(
    session: Session,
    status: Annotated[str | None, typer.Option(help="For example WAITING or COMPLETED.")] = None,
    intent_type: Annotated[str | None, typer.Option("--type", help="This type only.")] = None,
    agent: Annotated[str | None, typer.Option("--from", help="This agent's only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most this many.")] = 50,
    cursor: Annotated[
        str | None, typer.Option(metavar="ID", help="Go on after this id (`next_cursor`).")
    ] = None,
) -> None:
    """List intents, newest first: an agent's own, or with a service key all of them."""
    page = session.call(
        "GET",
        "/v1/intents",
        status=status.upper() if status else None,
        intent_type=intent_type,
        agent=agent,
        limit=limit,
        cursor=cursor,
    )
    if session.json:
        output.document(page)
        return
    if not page["intents"]:
        line("There are no such intents.")
        return
    output.table(
        ["ID", "TITLE", "STATUS", "ANSWER", "FROM", "ASKED"],
        (
            [
                one["intent_id"],
                one["title"],
                one["status"],
                _answer(one),
                one["from_agent"],
                away(one["created_at"]),
            ]
            for one in page["intents"]
        ),
    )
    if page["next_cursor"]:
        line(f"There are more: --cursor {page['next_cursor']}")


def _answer(intent: dict[str, Any]) -> str:
    result = intent["result"]
    if result is None:
        return "waits for " + ", ".join(intent["assigned"])
    by = f" by {result['decided_by']}" if result["decided_by"] else ""
    return f"{result['outcome']}{by}"


@command(group, "get", acts="reader", examples=["holdshort intents get 4f21c09b --json"])
def get(session: Session, intent_id: IntentId) -> None:
    """Show an intent as it is now, all of it."""
    intent = session.run(flows.get_intent(find_intent(session, intent_id)))
    if session.json:
        output.document(intent)
        return
    output.quote(f"Intent {intent['intent_id']}", output.pretty(intent))


@command(
    group,
    "log",
    acts="reader",
    examples=["holdshort intents log 4f21c09b", "holdshort intents log ID --since 3 --json"],
)
def log(
    session: Session,
    intent_id: IntentId,
    since: Annotated[int, typer.Option(min=0, metavar="N", help="After event N.")] = 0,
) -> None:
    """Show who did what, and when."""
    full = find_intent(session, intent_id)
    events: list[dict[str, Any]] = []
    while page := session.run(flows.list_intent_events(full, since=since)):
        events += page
        since = page[-1]["seq"]
    if session.json:
        output.document(events)
        return
    for event in events:
        line(event_line(event))


def event_line(event: dict[str, Any]) -> str:
    """Return an event for people: number, time, what, who, details."""
    details = event.get("details", {})
    # How it ended stands in full in the event before.
    shown = {"outcome": details["result"]["outcome"]} if "result" in details else details
    said = ", ".join(
        f"{name}: {value if isinstance(value, str) else output.compact(value)}"
        for name, value in shown.items()
        if name != "step" or value
    )
    at = event["at"].replace("T", " ")
    what = event["event_type"].removeprefix("intent.")
    return escape(f"{event['seq']:>3}  {at}  {what:<19}  {event['actor']}  {said}".rstrip())


@command(
    group,
    "cancel",
    acts="reader",
    examples=["holdshort intents cancel 4f21c09b --reason 'no longer needed'"],
)
def cancel(
    session: Session,
    intent_id: IntentId,
    reason: Annotated[str, typer.Option(help="Why; it is in the log.")] = "",
) -> None:
    """Withdraw an intent: nobody has to answer it any more, and nothing may run."""
    full = find_intent(session, intent_id)
    reply = session.run(flows.post(full, "cancel", {"reason": reason}))
    if session.json:
        output.document(reply["intent"])
    else:
        line(f"Withdrawn: {full}")
