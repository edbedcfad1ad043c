"""Slack's dialogs: for a comment, a form, a change. Pure, both ways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from holdshort.inbox.fields import Field, fields_of
from holdshort.notify import slack_blocks as blocks
from holdshort.notify import slack_rules as rules
from holdshort.notify.card import Card
from holdshort.notify.slack_parts import (
    Block,
    button,
    json_lines,
    plain,
    plain_text,
    pre,
    rich,
    strong,
    words,
)
from holdshort.notify.slack_rules import Ref
from holdshort.visible import visible

View = dict[str, Any]

ANSWERED, EDITED, CHANGED = "hs:answered", "hs:edited", "hs:changed"
#: What is chosen in the place of an answer by who only wants to say something.
SAY = "hs:say"
#: What Slack lets a dialog carry along, and a field and a choice hold (characters, items).
LONGEST_META = 3000
_LONGEST_TEXT, _LONGEST_CHOICE, _MOST_CHOICES, _MOST_FIELDS = 2000, 75, 100, 40
_LONGEST_BUTTON = 24
_TEXTS = {"text": "plain_text_input", "email": "email_text_input", "url": "url_text_input"}


@dataclass(frozen=True)
class Meta:
    """What a dialog carries along: what it is about, and which message it came from."""

    ref: Ref
    channel: str
    ts: str
    arguments: dict[str, Any] | None = None

    def dump(self) -> str:
        return json.dumps([self.ref.dump(), self.channel, self.ts, self.arguments])

    @classmethod
    def load(cls, text: str) -> Meta:
        """Raises ValueError for what no dialog of ours carries."""
        found = json.loads(text)
        if not isinstance(found, list) or len(found) != 4:
            raise ValueError("not ours")
        ref, channel, ts, arguments = found
        if not all(isinstance(one, str) for one in (ref, channel, ts)):
            raise ValueError("not ours")
        if not (arguments is None or isinstance(arguments, dict)):
            raise ValueError("not ours")
        return cls(Ref.load(ref), channel, ts, arguments)


def simple(schema: Mapping[str, Any] | None) -> list[Field] | None:
    """Return the fields of a form that Slack has a control for each of; None for a richer form."""
    if schema is None:
        return []
    found: list[Field] = []
    for field in fields_of(schema):
        found += _flat(field, "")
    return found if len(found) <= _MOST_FIELDS and all(map(_fits, found)) else None


def answer(card: Card, meta: Meta, fields: list[Field], *, comment_needed: bool) -> View:
    """Return the dialog for one answer, or, where the meta names none, for choosing one."""
    parts = blocks.whole(card)
    outcome = meta.ref.outcome
    label = "Send"
    if outcome is None and rules.is_tap(card):
        labels = [(o, name) for o, name, sign in card.outcomes if rules.may_answer(card, sign)]
        labels.append((SAY, "Only the comment; it decides nothing"))
        choices = [{"text": plain_text(text), "value": value} for value, text in labels]
        element = {"type": "static_select", "options": choices}
        parts.append(_input("outcome", "Your answer", element, optional=False))
    elif outcome is not None:
        label = next((text for o, text, _ in card.outcomes if o == outcome), label)
    parts += [_control(field) for field in fields]
    area = {"type": "plain_text_input", "multiline": True, "max_length": rules.LONGEST}
    needed = comment_needed or (outcome is None and not rules.is_tap(card))
    parts.append(_input("comment", "Comment for the agent", area, optional=not needed))
    return _view(ANSWERED, "Your answer", label, meta, parts)


def edit(card: Card, meta: Meta) -> View:
    """Return the dialog for changing the arguments, as JSON."""
    area = {
        "type": "plain_text_input",
        "multiline": True,
        "max_length": rules.LONGEST,
        "initial_value": rules.editable(card.arguments),
    }
    note = "What you change is shown to you once more before it counts."
    parts = [*blocks.whole(card)[:2], _input("arguments", "Arguments, as JSON", area, hint=note)]
    return _view(EDITED, "Change it first", "Show the change", meta, parts)


def changed(card: Card, meta: Meta, *, comment_needed: bool) -> View | None:
    """Return the dialog that shows a change and asks for the yes; None where it is too long."""
    after = meta.arguments or {}
    texts = [json_lines(after)]
    parts: list[Block] = [plain("You change what was asked. The agent is told.")]
    for name in {**card.arguments, **after}:
        if name in card.arguments and name in after and card.arguments[name] == after[name]:
            continue
        was = json_lines(card.arguments[name]) if name in card.arguments else "(not there)"
        now = json_lines(after[name]) if name in after else "(left out)"
        heading = [strong(visible(name)), words(", before and after:")]
        parts.append(rich(heading, pre(was), pre(now)))
        texts += [was, now]
    parts.append(rich([strong("All of it, as changed")], pre(texts[0])))
    if max(map(len, texts)) > rules.LONGEST or len(meta.dump()) > LONGEST_META or len(parts) > 50:
        return None
    area = {"type": "plain_text_input", "multiline": True, "max_length": rules.LONGEST}
    parts.append(_input("comment", "Comment for the agent", area, optional=not comment_needed))
    label = next((f"{text} as changed" for _, text, positive in card.outcomes if positive), "Send")
    return _view(CHANGED, "What you change", label, meta, parts)


def too_rich(card: Card) -> View:
    """Return the dialog that says where this is answered instead."""
    parts = [plain("This form is richer than Slack's dialogs. Answer it in the inbox.")]
    if card.url:
        link = button("Open the card", rules.OPEN, url=card.url)
        parts.append({"type": "actions", "elements": [link]})
    title = plain_text("Answer in the inbox")
    return {"type": "modal", "title": title, "close": plain_text("Close"), "blocks": parts}


def text_in(view: View, name: str) -> str | None:
    """Return what was typed or chosen in a control of a dialog; None where it was left empty."""
    value = _state(view, name)
    chosen = value.get("selected_option")
    found = chosen.get("value") if isinstance(chosen, dict) else value.get("value")
    return found if isinstance(found, str) and found.strip() else None


def posted(view: View, fields: list[Field]) -> dict[str, list[str]]:
    """Return a dialog's form as the inbox's pages post it. Raises ValueError for what Slack cannot
    have been offered."""
    return {field.name: _posted(field, _state(view, field.name)) for field in fields}


def _posted(field: Field, value: dict[str, Any]) -> list[str]:
    if field.control in ("select", "multiple"):
        one, many = value.get("selected_option"), value.get("selected_options")
        picked = many if field.control == "multiple" else [one] if one else []
        return [field.choices[int(option["value"])][0] for option in picked or []]
    if field.control == "check":
        return ["true"] if value.get("selected_options") else []
    if field.control == "date":
        found = value.get("selected_date")
    elif field.control == "datetime":
        at = value.get("selected_date_time")
        found = None if at is None else datetime.fromtimestamp(int(at), UTC).isoformat()
        found = found and found.replace("+00:00", "Z")
    else:
        found = value.get("value")
    return [str(found)] if found is not None else []


def _state(view: View, name: str) -> dict[str, Any]:
    values = (view.get("state") or {}).get("values") or {}
    found = (values.get(name) or {}).get("v")
    return found if isinstance(found, dict) else {}


def _flat(field: Field, before: str) -> list[Field]:
    label = f"{before}{field.label}"
    if field.control == "group":
        return [one for child in field.fields for one in _flat(child, f"{label}: ")]
    values = {**field.__dict__, "label": label, "fields": ()}
    return [Field(**values)]


def _fits(field: Field) -> bool:
    known = (*_TEXTS, "area", "lines", "number", "integer", "check", "select", "multiple", "date")
    choices = field.choices
    return (
        field.control in (*known, "datetime")
        and len(field.name) <= 255
        and len(visible(field.label)) <= _LONGEST_TEXT
        and len(visible(field.help)) <= _LONGEST_TEXT
        and len(field.value) <= rules.LONGEST
        and len(choices) <= _MOST_CHOICES
        and all(0 < len(visible(text)) <= _LONGEST_CHOICE for _, text in choices)
    )


def _control(field: Field) -> Block:
    optional = not field.required or field.control == "check"
    label = visible(field.label) or field.name
    return _input(field.name, label, _element(field), optional=optional, hint=visible(field.help))


def _element(field: Field) -> dict[str, Any]:
    control = field.control
    start = {"initial_value": field.value} if field.value else {}
    if control in _TEXTS:
        return {"type": _TEXTS[control], **start}
    if control in ("area", "lines"):
        return {"type": "plain_text_input", "multiline": True, **start}
    if control in ("number", "integer"):
        return {"type": "number_input", "is_decimal_allowed": control == "number", **start}
    if control == "date":
        return {"type": "datepicker"} | ({"initial_date": field.value} if field.value else {})
    if control == "datetime":
        return {"type": "datetimepicker"}
    if control == "check":
        yes = [{"text": plain_text("Yes"), "value": "true"}]
        picked = {"initial_options": yes} if field.value == "true" else {}
        return {"type": "checkboxes", "options": yes, **picked}
    options = [
        {"text": plain_text(visible(text)), "value": str(n)}
        for n, (_, text) in enumerate(field.choices)
    ]
    picked_ones = [
        options[n] for n, (value, _) in enumerate(field.choices) if value in field.chosen
    ]
    if control == "multiple":
        more: dict[str, Any] = {"initial_options": picked_ones} if picked_ones else {}
        return {"type": "multi_static_select", "options": options, **more}
    more = {"initial_option": picked_ones[0]} if picked_ones else {}
    return {"type": "static_select", "options": options, **more}


def _input(
    name: str, label: str, element: dict[str, Any], *, optional: bool = False, hint: str = ""
) -> Block:
    found: Block = {
        "type": "input",
        "block_id": name,
        "label": plain_text(label),
        "optional": optional,
        "element": {**element, "action_id": "v"},
    }
    return found | ({"hint": plain_text(hint)} if hint else {})


def _view(callback: str, title: str, submit: str, meta: Meta, parts: list[Block]) -> View:
    return {
        "type": "modal",
        "callback_id": callback,
        "private_metadata": meta.dump(),
        "title": plain_text(title),
        "submit": plain_text(submit if len(submit) <= _LONGEST_BUTTON else "Send"),
        "close": plain_text("Cancel"),
        "blocks": parts,
    }
