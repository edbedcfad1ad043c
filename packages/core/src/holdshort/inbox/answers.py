"""From what a card posts to an answer, and from what is wrong with it to the control beside it."""

from __future__ import annotations

import re
from typing import Any

from holdshort.errors import InvalidRequest
from holdshort.inbox import fields
from holdshort.inbox.uploads import Posted, Sent
from holdshort.inbox.web import one
from holdshort.kinds import kind_named
from holdshort.models import Intent
from holdshort.requests import DecisionRequest
from holdshort.server.body import parse_json, validated
from holdshort.server.context import Context
from holdshort.server.files import keep
from holdshort.server.sessions import Visitor

#: The control for files that are evidence; `kept` holds those that have arrived before.
EVIDENCE = "evidence_file"
_MISSING = re.compile(r'"(.+)" is a required property')


async def keep_files(
    ctx: Context, who: Visitor, intent: Intent, posted: Posted, sent: list[Sent]
) -> None:
    """Keep the files of a card, and put their SHA-256 into what was posted, so that they need not
    be chosen again where the answer is not taken yet. Raises what refuses one of them."""
    schema = schema_of(intent)
    controls = fields.file_controls(schema) if schema is not None else set()
    for one_sent in sent:
        if one_sent.field == EVIDENCE or one_sent.field in controls:
            data = await one_sent.file.read()
            kept = await keep(ctx, who.principal, intent, one_sent.name, data)
            name = "kept" if one_sent.field == EVIDENCE else one_sent.field
            posted.setdefault(name, []).append(kept.sha256)


def schema_of(intent: Intent) -> dict[str, Any] | None:
    """Return the schema of the form that a yes has to fill in, if there is one."""
    task = intent.current.task
    return task.form_schema or kind_named(task.task_type).data_schema


def edited_arguments(ctx: Context, posted: Posted) -> dict[str, Any] | None:
    """Return the arguments as the reviewer changed them; None where they did not."""
    text = one(posted, "arguments")
    if text is None:
        return None
    found = parse_json(text.encode(), max_depth=ctx.settings.max_depth)
    if not isinstance(found, dict):
        raise InvalidRequest("arguments are an object")
    return found


def answer(
    intent: Intent,
    outcome: str,
    posted: Posted,
    arguments: dict[str, Any] | None,
    undo_seconds: float,
) -> DecisionRequest:
    """Return the answer to the step that the card showed. Raises NotReadable or InvalidRequest."""
    kind = kind_named(intent.current.task.task_type)
    step = one(posted, "step") or "0"
    if not (step.isascii() and step.isdigit() and len(step) <= 3):
        raise InvalidRequest("this form does not say which step it answers: load the card again")
    found: dict[str, Any] = {
        "outcome": outcome,
        "comment": one(posted, "comment"),
        "digest": one(posted, "digest"),
        "step": int(step),
        "undo_seconds": undo_seconds,
    }
    schema = schema_of(intent)
    if schema is not None and kind.sign(outcome):
        files = {
            one.sha256: {"name": one.name, "sha256": one.sha256, "size": one.size}
            for one in intent.files
        }
        found["data"] = fields.answer_in(schema, posted, files=files)
    if arguments is not None and kind.sign(outcome):
        found["arguments"] = arguments
    evidence = _evidence(intent, posted)
    if evidence:
        found["evidence"] = evidence
    return validated(DecisionRequest, {k: v for k, v in found.items() if v is not None})


def _evidence(intent: Intent, posted: Posted) -> list[dict[str, str]]:
    kept = dict.fromkeys(posted.get("kept", []))
    found = [{"name": one.name, "sha256": one.sha256} for one in intent.files if one.sha256 in kept]
    name, place = one(posted, "evidence_name"), one(posted, "evidence_place")
    if place is not None:
        text = place.strip()
        is_hash = len(text) == 64 and all(c in "0123456789abcdef" for c in text)
        found.append({"name": name or "evidence", ("sha256" if is_hash else "url"): text})
    return found


def by_field(error: InvalidRequest) -> dict[str, str]:
    """Put each problem beside the control that it is about; what has none stands under ""."""
    found: dict[str, str] = {}
    for one_problem in error.details.get("problems", []):
        field, text = str(one_problem.get("field", "")), str(one_problem.get("problem", ""))
        name = f"d{field.removeprefix('data')}" if field.startswith("data") else field
        name = name.replace(".", "/")
        # JSON Schema finds what is missing in the object around it; people look beside the field.
        missing = _MISSING.fullmatch(text)
        if missing is not None and name.startswith("d"):
            name, text = f"{name}/{missing[1]}", "is needed"
        found[name] = text
    known = {name for name in found if name.startswith("d/") or name in ("comment", "evidence")}
    if len(known) < len(found) or not found:
        found[""] = error.message
    return found
