"""The play itself, scene by scene. Everything in it is real: processes, file, kill, clock, log."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from holdshort.cli.demo.agent import OWNER, REFUSED, REJECTED, TEAM
from holdshort.cli.demo.stage import Child, Failed, Stage

AGENT = "holdshort.cli.demo.agent"
SOURCE, EXPORT, LOG = "customers.csv", "export.csv", "audit.jsonl"
TEAM_MEMBERS = ("ben@example.com", "cleo@example.com")
REMOVED = "phone"


def play(stage: Stage, *, live: bool) -> dict[str, Any]:
    """Play all scenes; return what came out. Raises Failed where one goes otherwise."""
    shipped = resources.files("holdshort.cli.demo").joinpath(SOURCE)
    with resources.as_file(shipped) as path:
        shutil.copyfile(path, stage.folder / SOURCE)
    stage.say(f"Everything happens in {stage.folder}, on the embedded database (SQLite).")
    _people(stage)
    intent_id = _ask_and_die(stage)
    watcher = _time_passes(stage, intent_id)
    if live:
        _you_decide(stage, intent_id, watcher)
    else:
        _somebody_decides(stage, intent_id, watcher)
    intent = stage.ask("intents", "get", intent_id)
    result = intent["result"]
    if result is None:
        raise Failed(f"the intent has no answer, it is {intent['status']}")
    _check_record(intent)
    if result["approved"]:
        columns = _resume(stage, intent)
        _never_twice(stage)
    else:
        columns = _nothing_happens(stage, result)
    root = _look_back(stage, intent_id)
    return {
        "intent_id": intent_id,
        "outcome": result["outcome"],
        "decided_by": result["decided_by"],
        "exported_columns": columns,
        "audit_root": root,
    }


def _people(stage: Stage) -> None:
    stage.step(
        "Who can be asked: the owner of the data, and a team that hears of it if she is slow."
    )
    stage.holdshort("people", "add", OWNER, "--name", "Ana Lima", "--role", "data-owner")
    stage.holdshort("teams", "set", TEAM.removeprefix("team:"), *TEAM_MEMBERS)


def _ask_and_die(stage: Stage) -> str:
    stage.step("An agent reads real customers, finds personal data, asks, and waits.")
    agent = stage.start(AGENT, SOURCE, EXPORT, on_line=stage.quote)
    intent_id = agent.wait_for_line("waiting for the decision").split()[-1]
    stage.step(
        "While it waits, it is killed. No process of ours is left but the one that tells this."
    )
    stage.say(f"   $ kill -9 {agent.pid}")
    agent.kill()
    stage.say(f"   Process {agent.pid} is gone; its question is in the database.")
    return intent_id


def _time_passes(stage: Stage, intent_id: str) -> Child:
    stage.step(
        "Nobody answers. Whatever process is alive reminds after 1 s and escalates after 2 s."
    )
    watcher = stage.start("holdshort.cli", "intents", "watch", intent_id, on_line=stage.quote)
    stage.say(f"   (process {watcher.pid}; an agent or `holdshort up` would do the same)")
    wanted = [("reminded", OWNER), *(("escalated", member) for member in TEAM_MEMBERS)]
    for why, who in wanted:
        # What this process prints is what it has sent.
        watcher.wait_for_line(f" {why} {who}: ")
    watcher.wait_for_line("  escalated ")
    told = ", ".join(f"{who} ({why})" for why, who in wanted)
    stage.say(f"   Sent by process {watcher.pid}: {told}.")
    return watcher


def _somebody_decides(stage: Stage, intent_id: str, watcher: Child) -> None:
    stage.step("A person looks at exactly what would run, from another process …")
    stage.holdshort("tasks", "list", "--as", OWNER)
    stage.holdshort("tasks", "show", intent_id, "--as", OWNER)
    stage.step(f"… and approves it without the column {REMOVED!r}.")
    asked = stage.ask("intents", "get", intent_id)["arguments"]["columns"]
    kept = ",".join(column for column in asked if column != REMOVED)
    stage.holdshort(
        "tasks", "approve", intent_id, "--as", OWNER,
        "--set", f"columns={kept}", "-c", "no phone numbers, please",
    )  # fmt: skip
    if watcher.end() != 0:
        raise Failed("`holdshort intents watch` did not see the end")


def _check_record(intent: dict[str, Any]) -> None:
    """The record says the same as the processes did."""
    told = {(one["reason"], one["recipient"]) for one in intent["notified"]}
    missing = {("reminded", OWNER), *(("escalated", who) for who in TEAM_MEMBERS)} - told
    if missing:
        raise Failed(f"the record does not say that these were told: {sorted(missing)}")


def _you_decide(stage: Stage, intent_id: str, watcher: Child) -> None:
    stage.step("Your turn: a server with the inbox, on the same database.")
    # What it writes when it is ready holds keys: it is read, and not told.
    server = stage.start(
        "holdshort.cli", "up", "--port", "0", "--json", "--admin", OWNER, on_line=lambda _: None
    )
    ready = json.loads(server.wait_for_line('"ready"'))
    command = _this_command()
    columns = "name,city,plan,amount"
    for text in (
        "Open this in a browser; it signs you in once, within 15 minutes:",
        "",
        f"  {ready['link']}?next=/inbox/{intent_id}",
        "",
        "Or, in another terminal:",
        "",
        f"  export HOLDSHORT_DATABASE={stage.database}",
        f"  export HOLDSHORT_PERSON={OWNER}",
        "",
        f"  {command} tasks show {intent_id}",
        "",
        f"  {command} tasks approve {intent_id}                                # yes",
        f"  {command} tasks approve {intent_id} --set columns={columns}   # yes, but",
        f"  {command} tasks reject {intent_id} -c 'not this quarter'          # no",
    ):
        stage.say(f"   {text}".rstrip())
    stage.say("\n   Waiting for you for up to an hour; Ctrl-C ends it.")
    if watcher.end(patience=None) != 0:
        raise Failed("`holdshort intents watch` did not see the end")
    server.stop()
    stage.say(f"   The server (process {server.pid}) has stopped again.")


def _this_command() -> str:
    """Return how `holdshort` can be called from where the user is."""
    beside = Path(sys.executable).with_name("holdshort")
    if shutil.which("holdshort") == str(beside):
        return "holdshort"
    return str(beside) if beside.exists() else f"{sys.executable} -m holdshort.cli"


def _resume(stage: Stage, intent: dict[str, Any]) -> list[str]:
    stage.step(
        "A new agent process finds the same question by its key, and runs what was approved."
    )
    stage.run(AGENT, SOURCE, EXPORT)
    columns: list[str] = intent["arguments"]["columns"]
    with (stage.folder / SOURCE).open(newline="", encoding="utf-8") as file:
        wanted = [[row[column] for column in columns] for row in csv.DictReader(file)]
    with (stage.folder / EXPORT).open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    if head != columns:
        raise Failed(f"{EXPORT} has the columns {head}; approved were {columns}")
    if rows != wanted:
        raise Failed(f"{EXPORT} has {len(rows)} rows, not exactly the {len(wanted)} approved ones")
    left_out = [one for one in _columns(stage) if one not in columns]
    stage.say(
        f"   Checked: {EXPORT} holds {len(rows)} rows, with {', '.join(head)}"
        + (f"; without {', '.join(left_out)}." if left_out else ".")
    )
    return columns


def _columns(stage: Stage) -> list[str]:
    with (stage.folder / SOURCE).open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file))


def _never_twice(stage: Stage) -> None:
    stage.step("Once means once: a third agent process asks the same, and may not run it again.")
    written = stage.folder / EXPORT
    before = (written.read_bytes(), written.stat().st_mtime_ns)
    stage.run(AGENT, SOURCE, EXPORT, expect=REFUSED)
    if (written.read_bytes(), written.stat().st_mtime_ns) != before:
        raise Failed(f"{EXPORT} was written a second time")
    stage.say(f"   Checked: {EXPORT} was not touched.")


def _nothing_happens(stage: Stage, result: dict[str, Any]) -> list[str]:
    stage.step(
        f"The answer was {result['outcome']}: a new agent process hears it, and writes nothing."
    )
    stage.run(AGENT, SOURCE, EXPORT, expect=REJECTED)
    if (stage.folder / EXPORT).exists():
        raise Failed(f"{EXPORT} was written although nobody approved it")
    stage.say(f"   Checked: there is no {EXPORT}.")
    return []


def _look_back(stage: Stage, intent_id: str) -> str:
    stage.step("Who did what, and when: the intent's log.")
    stage.holdshort("intents", "log", intent_id)
    stage.step("The log is exported and verified offline; then one byte of it is changed.")
    stage.holdshort("audit", "export", "-o", LOG)
    stage.holdshort("audit", "verify", LOG)
    found = stage.ask("audit", "verify", LOG)
    forged = stage.folder / "forged.jsonl"
    text = (stage.folder / LOG).read_text(encoding="utf-8")
    forged.write_text(text.replace(OWNER, OWNER.replace("a", "e", 1), 1), encoding="utf-8")
    stage.holdshort("audit", "verify", forged.name, expect=1)
    return str(found["root"])
