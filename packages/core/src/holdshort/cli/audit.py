"""`holdshort audit`: take the log out, and check it without trusting anybody."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdshort.cli import output
from holdshort.cli.command import command, examples_of, new_group
from holdshort.cli.ids import find_intent
from holdshort.cli.output import escape, line
from holdshort.cli.session import Session
from holdshort.client.calls import Call, CouldNotReach
from holdshort.errors import Unavailable

if TYPE_CHECKING:
    from holdshort.audit import Broken, Verified

group = new_group("The log: export it, and verify an export offline.")


@command(
    group,
    "export",
    acts="service",
    examples=[
        "holdshort audit export -o audit.jsonl",
        "holdshort audit export --intent 4f21c09b > one.jsonl",
    ],
)
def export(
    session: Session,
    to: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Else standard output.")
    ] = None,
    intent: Annotated[
        str | None, typer.Option(metavar="ID", help="This intent's log only.")
    ] = None,
) -> None:
    """Write the log as JSON lines, with the hashes that `audit verify` checks.

    Keep the root that it ends with somewhere else: with it, not even a log that was rewritten as a
    whole passes.
    """
    query = {"intent_id": find_intent(session, intent)} if intent else {}
    call = Call("GET", "/v1/audit/export", query=query, timeout=60.0)
    if to is None:
        if session.json:
            raise typer.BadParameter("--json tells about a file; say which with -o FILE")
        _stream(session, call, sys.stdout.buffer)
        return
    from holdshort.audit import verify as check

    # Beside it first: a file that is there is a whole export.
    part = to.with_name(f"{to.name}.part")
    try:
        with part.open("wb") as file:
            _stream(session, call, file)
        with part.open(encoding="utf-8") as lines:
            found = check(lines)
        if found.broken is not None:
            raise Unavailable(f"the export is not whole: {_why(found.broken)}. Export it again")
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
    if session.json:
        output.document({"file": str(to), **_numbers(found)})
    else:
        line(f"{found.events} events of {found.intents} intents are in {to}")
        line(f"root {found.root}")


@command(
    group,
    "log",
    acts="service",
    examples=["holdshort audit log", "holdshort audit log --limit 200 --json"],
)
def log(
    session: Session,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many entries.")] = 50,
) -> None:
    """Show what administrators did, newest first: people, keys, policies, limits, kills."""
    found = session.call("GET", "/v1/audit/administration", limit=limit)
    if session.json:
        output.document(found)
        return
    for one in found["entries"]:
        what = one["event_type"].removeprefix("admin.").replace("_", " ").replace(".", " ")
        said = f" {json.dumps(one['details'], ensure_ascii=False)}" if one["details"] else ""
        line(escape(f"{one['at']}  {what}: {one['about']}  by {one['actor']}{said}"))
    if not found["entries"]:
        line("Nothing yet.")


def _stream(session: Session, call: Call, file: Any) -> None:
    try:
        session.stream(call, file.write)
    except CouldNotReach as error:
        raise Unavailable(f"the export was cut off: {error}. Export it again") from error
    file.flush()


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `audit export` wrote.")],
    root: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="The root that you noted down when it was exported."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document, for scripts.")
    ] = False,
) -> None:
    """Check an export offline: nothing missing, changed, moved or added. Exit 1 if there is."""
    from holdshort.audit import verify as check

    with file.open(encoding="utf-8", errors="replace") as lines:
        found = check(lines)
    other_root = found.broken is None and root is not None and root.lower() != found.root
    if as_json:
        broken = None
        if found.broken is not None:
            at = found.broken
            broken = {"line": at.line, "intent_id": at.intent_id, "seq": at.seq, "why": at.why}
        elif other_root:
            broken = {"line": None, "intent_id": None, "seq": None, "why": "another root"}
        output.document({"ok": broken is None, **_numbers(found), "broken": broken})
    elif found.broken is not None:
        output.complain(f"{file}: {_why(found.broken)}")
    elif other_root:
        output.complain(
            f"{file} holds together, but its root is {found.root}: this is not the log whose root "
            "you noted down"
        )
    else:
        line(f"Sound: {found.events} events of {found.intents} intents, root {found.root}")
    if found.broken is not None or other_root:
        raise typer.Exit(1)


group.command(
    "verify",
    epilog=examples_of(
        ["holdshort audit verify audit.jsonl", "holdshort audit verify audit.jsonl --root 9f86d0…"]
    ),
)(verify)


def _numbers(found: Verified) -> dict[str, Any]:
    return {"intents": found.intents, "events": found.events, "root": found.root}


def _why(broken: Broken) -> str:
    where = f"line {broken.line}" if broken.line else "the file"
    if broken.intent_id:
        where += f", intent {escape(broken.intent_id)}, event {broken.seq}"
    return f"{where}: {escape(broken.why)}"
