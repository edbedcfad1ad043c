"""One card: everything that somebody has to know to decide, and the controls to do it."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.inbox import fields, shown, step_up, tasks
from holdshort.inbox.talk import conversation
from holdshort.inbox.web import page
from holdshort.kinds import kind_named
from holdshort.models import Intent, Step
from holdshort.notify import said
from holdshort.policy.eligible import claimed_by, may_delegate, seat_of, why_not
from holdshort.server import views
from holdshort.server.context import Context
from holdshort.server.sessions import Visitor
from holdshort.server.similar import similar


async def card(
    request: Request,
    ctx: Context,
    who: Visitor,
    intent: Intent,
    *,
    status: int = 200,
    posted: dict[str, list[str]] | None = None,
    problems: dict[str, str] | None = None,
    confirm: str | None = None,
    edited: dict[str, Any] | None = None,
    undo: Intent | None = None,
) -> Response:
    """Return the card of an intent.

    Args:
        posted: what was filled in, where it could not be taken yet.
        problems: by field, what is wrong with it.
        confirm: the outcome that has to be confirmed first.
        edited: arguments as the reviewer changed them, to be shown as a diff and approved.
        undo: an intent whose answer was given a moment ago and can still be taken back.
    """
    store, read = ctx.engine.store, ctx.engine.read
    body = await read(store.body, intent.tenant, intent.id)
    asked = json.loads(body or "{}")
    standing = views.arguments(intent, body)
    arguments = standing if edited is None else edited
    original = (asked.get("action") or {}).get("arguments", asked.get("payload", {}))
    events = await read(store.events, intent.tenant, intent.id)
    deliveries = await read(store.deliveries, intent.tenant, intent_id=intent.id, limit=200)
    directory = await ctx.engine.directory_now(intent.tenant)
    now = store.clock.now()
    step = intent.current
    kind = kind_named(step.task.task_type)
    schema = step.task.form_schema or kind.data_schema
    outcomes = [
        {"outcome": one, "label": said.label(one), "positive": kind.sign(one)}
        for one in kind.outcomes(step.task)
    ]
    seat = None if intent.terminal else seat_of(who.principal.id, intent, directory)
    following = await tasks.waiting(ctx, who.principal.tenant, who.principal.id)
    others = [one.id for one in following.tasks if one.id != intent.id]
    about = said.more(body)
    return page(
        "card.html",
        status,
        visitor=who,
        intent=intent,
        step=step,
        now=now,
        what=said.what(intent, arguments),
        arguments=shown.shown(arguments),
        raw=shown.as_json(arguments),
        about=shown.shown(about) if about else None,
        words=said.words(body, step) + said.findings(intent),
        undo=undo,
        changed=_changes(original, standing) if intent.edited_arguments is not None else [],
        edited=edited,
        edit_json=None if edited is None else json.dumps(edited),
        diff=_changes(standing, edited) if edited is not None else [],
        figure=said.key_figure(intent, arguments),
        next=said.what_next(step, now),
        if_nobody=said.if_nobody(step),
        seats=said.seats(step),
        seat=seat,
        taken=claimed_by(step, directory),
        outcomes=outcomes,
        comment_for=sorted(kind.comment_for) if not _said_in_form(kind, step) else [],
        comment_required=step.task.required_comment or step.policy.require_comment,
        fields=fields.fields_of(schema, posted, problems) if schema else (),
        posted=posted or {},
        problems=problems or {},
        confirm=confirm,
        why_not=None if intent.terminal else why_not(who.principal, intent, directory),
        killed_by=None if intent.paused_at is None else _killed_by(events),
        step_up=await step_up.wanted(request, who, intent),
        can_edit=_can_edit(intent, step, arguments),
        can_delegate=not intent.terminal and may_delegate(who.principal.id, step, directory),
        timeline=_timeline(events, deliveries),
        talk=conversation(events),
        similar=await similar(ctx, intent, who.principal.id),
        files={one.sha256: one for one in intent.files},
        may_say=intent.terminal or seat is not None,
        most_upload=ctx.settings.max_upload,
        following=others[0] if others else None,
        left=len(others),
        undo_seconds=ctx.settings.undo_seconds,
    )


def _said_in_form(kind: Any, step: Step) -> bool:
    return bool(kind.form_replaces_comment and step.task.form_schema is not None)


def _can_edit(intent: Intent, step: Step, arguments: Any) -> bool:
    yes = any(kind_named(step.task.task_type).sign(one) for one in _outcomes(step))
    ours = step.policy.allow_edit and intent.step == 0 and not intent.terminal
    return bool(yes and ours and isinstance(arguments, dict))


def _outcomes(step: Step) -> tuple[str, ...]:
    return kind_named(step.task.task_type).outcomes(step.task)


def _changes(before: Any, after: Any) -> list[dict[str, Any]]:
    """Return how arguments differ, name by name."""
    was = before if isinstance(before, dict) else {"": before}
    now = after if isinstance(after, dict) else {"": after}
    return [
        {
            "name": name,
            "was": shown.shown(was[name]) if name in was else None,
            "now": shown.shown(now[name]) if name in now else None,
        }
        for name in {**was, **now}
        if name not in was or name not in now or was[name] != now[name]
    ]


def _killed_by(events: Any) -> str | None:
    """Return who killed the agent, by the log of what stands still since then."""
    paused = [one for one in events if one.event_type == "intent.paused"]
    return json.loads(paused[-1].line)["actor"].removeprefix("person:") if paused else None


def _timeline(events: Any, deliveries: Any) -> list[dict[str, Any]]:
    """What happened, and who was told, in the order of time."""
    found = []
    for event in events:
        line = json.loads(event.line)
        details = line.get("details") or {}
        text = details.get("comment") or details.get("text") or details.get("reason")
        said_so = details.get("outcome")
        found.append(
            {
                "at": event.at,
                "what": event.event_type.removeprefix("intent.").replace("_", " "),
                "who": line.get("actor", ""),
                "said": f"{said_so}: {text}" if said_so and text else said_so or text or "",
                "evidence": details.get("evidence") or [],
            }
        )
    for one in deliveries:
        how = {"sent": "was told", "pending": "is being told", "dead": "could not be told"}
        found.append(
            {
                "at": one.sent_at or one.created_at,
                "what": f"{how[one.state]} ({one.reason}, {one.channel})",
                "who": one.recipient,
                "said": one.last_error or "" if one.state == "dead" else "",
                "evidence": [],
            }
        )
    return sorted(found, key=lambda entry: entry["at"])
