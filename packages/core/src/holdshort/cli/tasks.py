"""`holdshort tasks list` and `show`: what waits for people."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from holdshort.cli import output
from holdshort.cli.command import command, new_group
from holdshort.cli.ids import find_task
from holdshort.cli.output import away, escape, line, when
from holdshort.cli.session import Session
from holdshort.client import flows
from holdshort.durations import spell

group = new_group("What waits for people: look at it and decide it.")


@command(
    group,
    "list",
    acts="task_reader",
    examples=[
        "holdshort tasks list",
        "holdshort tasks list --as ana@acme.com",
        "holdshort tasks list --json | jq -r '.tasks[].intent_id'",
    ],
)
def list_(
    session: Session,
    everybody: Annotated[
        bool, typer.Option("--all", help="Everybody's; for administrators.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most this many.")] = 50,
    cursor: Annotated[
        str | None, typer.Option(metavar="ID", help="Go on after this id (`next_cursor`).")
    ] = None,
) -> None:
    """List open tasks, oldest first.

    With a person's key or --as: those that this person may decide. In an embedded database without
    --as: all of them.
    """
    page = session.call(
        "GET", "/v1/tasks", all="true" if everybody else None, limit=limit, cursor=cursor
    )
    if session.json:
        output.document(page)
        return
    if not page["tasks"]:
        line("Nothing waits for a decision here.")
        return
    output.table(
        ["ID", "TITLE", "KIND", "FROM", "ASKED", "DUE, THEN", "WAITS FOR"],
        (
            [
                task["intent_id"],
                task["title"],
                task["task_type"],
                task["from_agent"],
                away(task["assigned_at"]),
                f"{away(task['due_at'])}, then {task['fallback']}",
                task["claimed_by"] or ", ".join(task["assigned"]),
            ]
            for task in page["tasks"]
        ),
    )
    if page["next_cursor"]:
        line(f"There are more: --cursor {page['next_cursor']}")


@command(
    group,
    "show",
    acts="task_reader",
    examples=["holdshort tasks show 4f21c09b", "holdshort tasks show ID --json"],
)
def show(
    session: Session,
    task_id: Annotated[str, typer.Argument(metavar="ID", help="In full, or its end.")],
) -> None:
    """Show a task in full: what exactly would run, and what may be answered. Nothing is cut."""
    intent = session.run(flows.get_intent(find_task(session, task_id)))
    if session.json:
        output.document(intent)
        return
    task = intent["human_task"]
    line(f"Task {intent['intent_id']}: {escape(task['task_type'])}, {escape(_state(intent))}")
    for label, value in _facts(intent):
        line(f"  {label:<10} {escape(value)}")
    output.quote(f"Written by {intent['from_agent']}", _words(intent))
    schema = task["form_schema"]
    if schema:
        _show_form(schema)
    if intent["result"] is None:
        _show_answers(intent)


def _state(intent: dict[str, Any]) -> str:
    if intent["result"]:
        by = intent["result"]["decided_by"]
        return f"{intent['status']}, {intent['result']['outcome']}" + (f" by {by}" if by else "")
    holder = intent["steps"][intent["step"]]["claimed_by"]
    return f"taken by {holder}" if holder else f"waiting for {', '.join(intent['assigned'])}"


def _facts(intent: dict[str, Any]) -> list[tuple[str, str]]:
    step = intent["steps"][intent["step"]]
    policy = step["policy"]
    facts = [
        ("type", intent["intent_type"]),
        ("asked", f"{when(step['asked_at'] or intent['created_at'])} by {intent['from_agent']}"),
    ]
    if step["deadline_at"]:
        facts.append(("due", f"{when(step['deadline_at'])}, then {policy['fallback']}"))
    if len(intent["steps"]) > 1:
        facts.append(("step", f"{intent['step'] + 1} of {len(intent['steps'])}: {step['name']}"))
    if policy["quorum"] > 1:
        facts.append(("needs", f"{policy['quorum']} people"))
    facts += [
        ("answered", f"{vote['outcome']} by {vote['by']} at {vote['at']}"
            + (f": {vote['comment']}" if vote["comment"] else "")
            + (" (void: the arguments were edited since)" if vote["void"] else ""))
        for one in intent["steps"]
        for vote in one["votes"]
    ]  # fmt: skip
    facts.append(("risk", policy["risk"]))
    if intent["environment"]:
        facts.append(("in", intent["environment"]))
    if intent["grant"]:
        facts.append(("permit", intent["grant"]["state"]))
    facts.append(("digest", intent["digest"]))
    return facts


def _words(intent: dict[str, Any]) -> list[str]:
    """Return everything that the agent wrote and that a decision lets happen."""
    task = intent["human_task"]
    words = output.paragraphs(task["title"])
    if task["description"]:
        words += ["", *output.paragraphs(task["description"])]
    words += ["", f"runs {intent['tool']} with" + (" (edited)" if intent["edited"] else "")]
    words += output.pretty(intent["arguments"])
    if intent["payload"] and intent["payload"] != intent["arguments"]:
        words += ["", "said beside it (runs nothing):", *output.pretty(intent["payload"])]
    return words


def _show_form(schema: dict[str, Any]) -> None:
    properties = schema.get("properties", {})
    required = schema.get("required", ())
    if not properties:
        output.quote("The answer has to fit this JSON Schema", output.pretty(schema))
        return
    output.table(
        ["FIELD", "TYPE", "", "ABOUT"],
        (
            [name, _type(field), "required" if name in required else "", _about(field)]
            for name, field in properties.items()
        ),
    )


def _type(field: Any) -> str:
    if not isinstance(field, dict):
        return ""
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    kind = field.get("type") or " | ".join(_type(one) for one in field.get("anyOf", ()))
    return " | ".join(kind) if isinstance(kind, list) else str(kind)


def _about(field: Any) -> str:
    return (
        str(field.get("description") or field.get("title") or "") if isinstance(field, dict) else ""
    )


def _show_answers(intent: dict[str, Any]) -> None:
    task, short = intent["human_task"], intent["intent_id"]
    policy = intent["steps"][intent["step"]]["policy"]
    line("Decide:")
    if task["positive_outcomes"] and not task["form_schema"]:
        line(f"  holdshort tasks approve {short} --digest {intent['digest']}")
    if task["negative_outcomes"]:
        line(f"  holdshort tasks reject {short} -c 'why'")
    if task["task_type"] == "assignment":
        line(f"  holdshort tasks assign {short} WHO")
    words = escape(" | ".join(task["allowed_outcomes"]))
    line(f"  holdshort tasks submit {short} --outcome OUTCOME   ({words})")
    if intent["assigned"] and intent["deadline_at"]:
        after = spell(policy["deadline"])
        line(f"Unanswered, it ends in {policy['fallback']}, {after} after asking.")
