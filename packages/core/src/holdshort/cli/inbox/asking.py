"""Asking for an answer's parts: a comment, a form field by field, evidence, arguments in an
editor."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import typer

from holdshort.cli.inbox.terminal import Terminal
from holdshort.cli.output import escape
from holdshort.cli.typed import json_value
from holdshort.inbox.fields import Field, NotReadable, answer_in, fields_of
from holdshort.kinds.schema import problems_in


class Left(Exception):
    """The person has thought better of it; nothing was sent."""


def yes_or_no(terminal: Terminal, question: str) -> bool:
    """Ask; only a written yes is one."""
    return terminal.line(f"{question} [y/N] ").lower() in ("y", "yes")


def choose(terminal: Terminal, title: str, choices: list[str]) -> int:
    """Ask for one of several; return its place. Raises Left for an empty line."""
    terminal.say(title)
    for number, text in enumerate(choices, 1):
        terminal.say(f"  {number}  {escape(text)}")
    while True:
        text = terminal.line(f"Which (1 to {len(choices)}, Enter for none)? ")
        if not text:
            raise Left
        if text.isascii() and text.isdigit() and 1 <= int(text) <= len(choices):
            return int(text) - 1


def comment(terminal: Terminal, *, needed: bool) -> str | None:
    """Ask for a comment; None where it may be left out and was. Raises Left."""
    if not needed:
        return terminal.line("Comment (Enter for none): ") or None
    text = terminal.line("Comment, needed here (Enter to go back): ")
    if not text:
        raise Left
    return text


def evidence(terminal: Terminal) -> dict[str, str]:
    """Ask for a piece of evidence: with `file`, where one is that has to be sent first. Raises
    Left."""
    place = terminal.line("Evidence, needed here: a file of yours, a link, or a SHA-256: ")
    if not place:
        raise Left
    path = Path(place).expanduser()
    if path.is_file():
        return {"name": path.name, "file": str(path)}
    name = terminal.line("What it is called: ") or "evidence"
    is_hash = len(place) == 64 and all(one in "0123456789abcdef" for one in place.lower())
    return {"name": name, "sha256": place.lower()} if is_hash else {"name": name, "url": place}


def form(terminal: Terminal, schema: dict[str, Any]) -> dict[str, Any]:
    """Ask for a form, field by field; what breaks its schema is asked again. Raises Left."""
    fields = _flat(fields_of(schema))
    posted: dict[str, list[str]] = {}
    if not fields or fields[0].name == "d":
        return _whole(terminal, schema)
    terminal.say("Fill in the form. Enter leaves out what is not needed; Ctrl-C goes back.")
    wrong: dict[str, str] = {}
    while True:
        for field in fields:
            if not posted.get(field.name) or field.name in wrong:
                if field.name in wrong:
                    terminal.say(f"! {escape(field.label)}: {escape(wrong[field.name])}")
                posted[field.name] = _ask(terminal, field)
        wrong = {}
        try:
            answer = answer_in(schema, posted)
        except NotReadable as error:
            wrong = {error.name: error.problem}
            continue
        for path, problem in problems_in(schema, answer):
            name = _named(path, problem, fields)
            if name is None:
                terminal.say(f"! {escape(problem)}")
                wrong = {field.name: problem for field in fields}
                break
            wrong.setdefault(name, problem)
        if not wrong:
            return dict(answer)


def _flat(fields: tuple[Field, ...]) -> list[Field]:
    return [
        leaf
        for field in fields
        for leaf in (_flat(field.fields) if field.control == "group" else [field])
    ]


def _named(path: str, problem: str, fields: list[Field]) -> str | None:
    """Return the name of the field that a problem is about."""
    place = "d" + path.replace(".", "/")
    names = {field.name for field in fields}
    if place in names:
        return place
    # What is missing is found in the object around it.
    for name in names:
        if problem == f'"{name.rpartition("/")[2]}" is a required property':
            return name
    return next((name for name in names if place.startswith(name)), None)


def _ask(terminal: Terminal, field: Field) -> list[str]:
    """Ask for one field; return what a browser would send for it."""
    label = escape(field.label) + (" (needed)" if field.required else "")
    if field.help:
        terminal.say(f"  {escape(field.help)}")
    if field.control in ("file", "files"):
        terminal.say(f"{label}: files are given on the card's page in the browser.")
        raise Left
    if field.control == "check":
        return ["true"] if yes_or_no(terminal, label) else []
    if field.control in ("select", "multiple"):
        for number, (_, text) in enumerate(field.choices, 1):
            terminal.say(f"  {number}  {escape(text)}")
        many = field.control == "multiple"
        text = terminal.line(f"{label}, {'numbers, with commas' if many else 'its number'}: ")
        places = [one.strip() for one in text.split(",")] if many else [text]
        codes = [code for code, _ in field.choices]
        return [
            codes[int(one) - 1]
            for one in places
            if one.isascii() and one.isdigit() and 1 <= int(one) <= len(codes)
        ]
    hint = {"lines": ", with commas between", "json": ", as JSON", "date": ", 2026-12-31"}
    default = f" [{escape(field.value)}]" if field.value else ""
    text = terminal.line(f"{label}{hint.get(field.control, '')}{default}: ") or field.value
    if field.control == "lines":
        return ["\n".join(part.strip() for part in text.split(","))]
    return [text]


def _whole(terminal: Terminal, schema: dict[str, Any]) -> dict[str, Any]:
    """Ask for a form that has no fields of its own as one JSON object, in the editor."""
    start: Any = {}
    while True:
        answer = edited(terminal, start)
        problems = problems_in(schema, answer)
        if not problems:
            return answer
        for path, problem in problems:
            terminal.say(f"! {escape(path or 'the whole')}: {escape(problem)}")
        if not yes_or_no(terminal, "Change it again?"):
            raise Left
        start = answer


def edited(terminal: Terminal, value: Any) -> dict[str, Any]:
    """Let the person change a JSON object in their editor; return it. Raises Left."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    with tempfile.TemporaryDirectory(prefix="holdshort-") as folder:
        file = Path(folder) / "arguments.json"
        file.write_text(text, encoding="utf-8")
        while True:
            _open_editor(terminal, file)
            try:
                found = json_value(file.read_text(encoding="utf-8"), "what you wrote")
            except (typer.BadParameter, UnicodeDecodeError) as error:
                terminal.say(f"! {escape(error)}")
            else:
                if isinstance(found, dict):
                    return found
                terminal.say("! It has to be an object: { … }")
            if not yes_or_no(terminal, "Go on editing?"):
                raise Left


def _open_editor(terminal: Terminal, file: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        done = subprocess.run([*shlex.split(editor), str(file)], check=False)
    except (OSError, ValueError) as error:
        terminal.say(f"! {escape(editor)} cannot be started ({escape(error)}); set EDITOR")
        raise Left from None
    if done.returncode:
        terminal.say(f"! {escape(editor)} ended with {done.returncode}; nothing was changed")
        raise Left
