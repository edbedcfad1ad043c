"""`holdshort tasks approve`, `reject`, `submit`, …: what a person does with a task."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Annotated, Any

import typer

from holdshort.cli import output
from holdshort.cli.command import command
from holdshort.cli.ids import find_task
from holdshort.cli.output import escape, line
from holdshort.cli.session import Session
from holdshort.cli.typed import fill, json_object, schema_of
from holdshort.client import flows
from holdshort.errors import InvalidRequest

TaskId = Annotated[str, typer.Argument(metavar="ID", help="In full, or its end.")]
Comment = Annotated[
    str | None, typer.Option("--comment", "-c", metavar="TEXT", help="What the agent is told.")
]
Digest = Annotated[
    str | None,
    typer.Option(metavar="SHA256", help="The digest you were shown; refused if it has changed."),
]
Edits = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="ARG=VALUE", help="Change an argument; may be repeated."),
]
Arguments = Annotated[
    str | None,
    typer.Option(metavar="JSON|@FILE", help="Replace all arguments."),
]


def register(group: typer.Typer) -> None:
    """Add the commands to `holdshort tasks`."""
    command(
        group,
        "approve",
        acts="person",
        examples=[
            "holdshort tasks approve 4f21c09b -c 'fine for this quarter'",
            "holdshort tasks approve ID --set columns=name,city --set limit=100",
            "holdshort tasks approve ID --arguments @edited.json",
        ],
    )(approve)
    command(
        group,
        "reject",
        acts="person",
        examples=["holdshort tasks reject 4f21c09b -c 'leave the phone numbers out'"],
    )(reject)
    command(
        group,
        "submit",
        acts="person",
        examples=[
            "holdshort tasks submit ID --outcome submitted --data amount=12.50 --data tags=a,b",
            "holdshort tasks submit ID --outcome changes_requested -c 'shorter, please'",
            "holdshort tasks submit ID --outcome submitted --data-json @answer.json",
        ],
    )(submit)
    command(
        group, "assign", acts="person", examples=["holdshort tasks assign 4f21c09b team:support"]
    )(assign)
    command(group, "claim", acts="person", examples=["holdshort tasks claim 4f21c09b"])(claim)
    command(group, "release", acts="person", examples=["holdshort tasks release 4f21c09b"])(release)
    command(
        group,
        "delegate",
        acts="person",
        examples=["holdshort tasks delegate 4f21c09b ben@acme.com -c 'you know this customer'"],
    )(delegate)
    command(
        group,
        "comment",
        acts="person",
        examples=["holdshort tasks comment 4f21c09b 'asked legal, answer on Monday'"],
    )(comment)
    command(
        group,
        "ask",
        acts="person",
        examples=["holdshort tasks ask 4f21c09b 'which invoice is this for?'"],
    )(ask)


def approve(
    session: Session,
    task_id: TaskId,
    comment: Comment = None,
    edits: Edits = None,
    arguments: Arguments = None,
    digest: Digest = None,
) -> None:
    """Say yes. With --set or --arguments: yes to the action as you change it."""
    intent_id = find_task(session, task_id)
    edited = None
    if edits or arguments is not None:
        intent = session.run(flows.get_intent(intent_id))
        edited = _edited(intent, edits, arguments)
        # What was looked at while editing is what the edit is of.
        digest = digest or intent["digest"]
    _answered(
        session,
        session.run(
            flows.answer(intent_id, positive=True, comment=comment, arguments=edited, digest=digest)
        ),
    )


def _edited(
    intent: dict[str, Any], edits: list[str] | None, arguments: str | None
) -> dict[str, Any] | None:
    """Return the arguments as changed, each of the type that it had; None where nothing is said."""
    if not edits and arguments is None:
        return None
    whole = intent["arguments"] if arguments is None else json_object(arguments, "--arguments")
    edited = copy.deepcopy(whole)
    fill(edited, edits or [], schema_of(whole), "--set")
    return edited


def reject(
    session: Session, task_id: TaskId, comment: Comment = None, digest: Digest = None
) -> None:
    """Say no. It sends the task's negative outcome and can send nothing else."""
    found = flows.answer(
        find_task(session, task_id), positive=False, comment=comment, digest=digest
    )
    _answered(session, session.run(found))


def submit(
    session: Session,
    task_id: TaskId,
    outcome: Annotated[str, typer.Option(metavar="OUTCOME", help="One that the task allows.")],
    comment: Comment = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="A field of the form, typed by its schema; a.b=1 for nested ones. Repeatable.",
        ),
    ] = None,
    data_json: Annotated[
        str | None, typer.Option(metavar="JSON|@FILE", help="The form as a JSON object.")
    ] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=URL|NAME=@FILE",
            help="A piece of evidence: a link, or a file that is put beside it. Repeatable.",
        ),
    ] = None,
    edits: Edits = None,
    arguments: Arguments = None,
    digest: Digest = None,
) -> None:
    """Give any outcome that the task allows, with the data that it asks for."""
    intent = session.run(flows.get_intent(find_task(session, task_id)))
    filled: dict[str, Any] | None = None
    if data or data_json is not None:
        filled = {} if data_json is None else json_object(data_json, "--data-json")
        fill(filled, data or [], intent["human_task"]["form_schema"], "--data")
    body = {
        "outcome": outcome,
        "comment": comment,
        "data": filled,
        "evidence": [_evidence(session, intent["intent_id"], one) for one in evidence or ()]
        or None,
        "arguments": _edited(intent, edits, arguments),
        "digest": digest or intent["digest"],
        "step": intent["step"],
    }
    _answered(session, session.run(flows.post(intent["intent_id"], "decision", body)))


def _evidence(session: Session, intent_id: str, text: str) -> dict[str, Any]:
    name, equals, place = text.partition("=")
    if not (name and equals and place):
        raise typer.BadParameter(f"--evidence takes name=url or name=@file, not {text!r}")
    if not place.startswith("@"):
        return {"name": name, "url": place}
    try:
        data = Path(place[1:]).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"cannot read {place[1:]}: {error.strerror}") from error
    return session.run(flows.attach(intent_id, name, data))


def assign(
    session: Session,
    task_id: TaskId,
    assignee: Annotated[str, typer.Argument(help="The person or team that takes it on.")],
    comment: Comment = None,
) -> None:
    """Answer an assignment: say who takes it on."""
    intent = session.run(flows.get_intent(find_task(session, task_id)))
    kind = intent["human_task"]["task_type"]
    if kind != "assignment":
        raise InvalidRequest(
            f"this task is of kind {kind}, not an assignment. To hand it to somebody else: "
            f"holdshort tasks delegate {intent['intent_id']} {assignee}"
        )
    body = {
        "outcome": "assigned",
        "comment": comment,
        "data": {"assignee": assignee},
        "digest": intent["digest"],
        "step": intent["step"],
    }
    _answered(session, session.run(flows.post(intent["intent_id"], "decision", body)))


def claim(session: Session, task_id: TaskId) -> None:
    """Take a task, so that others leave it alone."""
    _changed(session, find_task(session, task_id), "claim", None, "It is yours now.")


def release(session: Session, task_id: TaskId) -> None:
    """Give a task that you took back to everybody who is asked."""
    _changed(
        session, find_task(session, task_id), "release", None, "Everybody asked may decide it."
    )


def delegate(
    session: Session,
    task_id: TaskId,
    to: Annotated[str, typer.Argument(metavar="PERSON", help="Who may decide it as well.")],
    comment: Comment = None,
) -> None:
    """Hand a task to somebody else; both names are in the log."""
    body = {"to": to, "comment": comment}
    _changed(session, find_task(session, task_id), "delegate", body, f"{escape(to)} was asked.")


def comment(
    session: Session, task_id: TaskId, text: Annotated[str, typer.Argument(metavar="TEXT")]
) -> None:
    """Add a remark; it decides nothing."""
    intent_id = find_task(session, task_id)
    _changed(session, intent_id, "comments", {"text": text}, "The remark is in the log.")


def ask(
    session: Session, task_id: TaskId, text: Annotated[str, typer.Argument(metavar="TEXT")]
) -> None:
    """Ask the agent something before you decide; the task's time runs on."""
    intent_id = find_task(session, task_id)
    body = {"text": text, "ask": True}
    _changed(session, intent_id, "comments", body, "The agent is asked; you hear of its answer.")


def _changed(
    session: Session, intent_id: str, action: str, body: dict[str, Any] | None, done: str
) -> None:
    reply = session.run(flows.post(intent_id, action, body))
    if session.json:
        output.document(reply)
    else:
        line(done)


def _answered(session: Session, reply: dict[str, Any]) -> None:
    """Say what the answer did; it need not have been the last one that is needed."""
    if session.json:
        output.document(reply)
        return
    decision, intent_id = reply["decision"], reply["intent_id"]
    if decision is None or (reply["status"] == "WAITING" and reply["votes"]):
        line(f"Recorded: {reply['votes']} of {reply['quorum']} answers to {intent_id}.")
        return
    edited = ", as you edited it" if decision["edited"] else ""
    line(f"{decision['outcome']} by {escape(decision['decided_by'])}{edited}: {intent_id}")
    if reply["status"] == "WAITING":
        line(f"Step {decision['step'] + 1} is done; step {reply['step'] + 1} is asked now.")
