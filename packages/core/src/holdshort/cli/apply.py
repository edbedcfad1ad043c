"""`holdshort apply`: make it as a file says, and say first what would change."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from holdshort.cli import declared, output
from holdshort.cli.command import command
from holdshort.cli.output import compact, escape, line
from holdshort.cli.session import Session
from holdshort.client import flows
from holdshort.client.calls import Call


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(
        app,
        "apply",
        acts="service",
        makes=True,
        examples=[
            "holdshort apply holdshort.yaml --dry-run",
            "holdshort apply holdshort.yaml",
            "holdshort apply scenario.json",
        ],
    )(apply)


def apply(
    session: Session,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", exists=True, dir_okay=False, help="holdshort.yaml or scenario.json."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
) -> None:
    """Make people, teams, agents with their limits, routes and policies as a file says; or apply a
    scenario.

    Applying a file a second time changes nothing. What the file does not name is left as it is.
    """
    said = declared.load(file)
    if "scenario_id" in said or "workflow" in said:
        _scenario(session, said, dry_run=dry_run)
        return
    declared.check_parts(said)
    found = declared.changes(said, _present(session))
    if not dry_run:
        for change in found:
            _make(session, change)
    if session.json:
        output.document({"dry_run": dry_run, "changes": [_shown(one) for one in found]})
        return
    for change in found:
        line(f"{_done(change.verb, dry_run)} {escape(change.what)}")
        for name, (before, after) in change.fields.items():
            line(f"  {escape(name)}: {escape(_said(before))} -> {escape(_said(after))}")
    if not found:
        line("Nothing to change.")


def _present(session: Session) -> dict[str, dict[str, dict[str, Any]]]:
    found = {
        name: {item["name"]: item for item in session.call("GET", f"/v1/{name}")["items"]}
        for name in ("people", "teams", "policies")
    }
    agents = session.call("GET", "/v1/service-accounts")["service_accounts"]
    found["agents"] = {one["address"]: one for one in agents}
    limits = session.call("GET", "/v1/limits")["limits"]
    found["limits"] = {one.pop("agent"): one for one in limits}
    found["settings"] = {"settings": session.call("GET", "/v1/settings")["settings"]}
    return found


def _make(session: Session, change: declared.Change) -> None:
    if change.method == "POST":
        # Safe to send again: an agent that is registered already is given as it is.
        session.run(flows.call(Call("POST", change.path, change.body)))
        return
    session.call(change.method, change.path, change.body)


def _scenario(session: Session, said: dict[str, Any], *, dry_run: bool) -> None:
    checked = session.call("POST", "/v1/scenarios/validate", said)
    if checked["errors"]:
        raise typer.BadParameter("; ".join(checked["errors"]))
    known = {one["name"] for one in session.call("GET", "/v1/service-accounts")["service_accounts"]}
    agents = [one["address"] for one in said.get("agents") or [] if one.get("create_if_missing")]
    new = [one for one in agents if one.rpartition("/")[2] not in known]
    applied: dict[str, Any] = {}
    if not dry_run:
        # The file is its own key: applied again, it is the same intent.
        text = json.dumps(said, sort_keys=True)
        body = {"idempotency_key": f"apply:{hashlib.sha256(text.encode()).hexdigest()[:64]}"}
        applied = session.call("POST", "/v1/scenarios/apply", body | said)
    if session.json:
        warnings = checked["warnings"]
        output.document({"dry_run": dry_run, "new_agents": new, "warnings": warnings, **applied})
        return
    for warning in checked["warnings"]:
        line(f"Note: {escape(warning)}")
    for one in new:
        line(f"{_done('add', dry_run)} agent {escape(one)}")
    if dry_run:
        line("Would file its intent, unless it was filed before.")
    else:
        verb = "There already" if applied["existed"] else "Filed"
        line(f"{verb}: {applied['intent_id']} ({applied['status']})")


def _done(verb: str, dry_run: bool) -> str:
    return f"Would {verb}" if dry_run else {"add": "Added", "change": "Changed"}[verb]


def _said(value: Any) -> str:
    return "nothing" if value is None else value if isinstance(value, str) else compact(value)


def _shown(change: declared.Change) -> dict[str, Any]:
    return {
        "what": change.what,
        "verb": change.verb,
        "fields": {name: {"from": one, "to": two} for name, (one, two) in change.fields.items()},
    }
