"""What comes of a button or a dialog in Slack: by the same commands as on the pages."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from holdshort.errors import (
    Forbidden,
    HoldshortError,
    InvalidRequest,
    NotPending,
    StaleDigest,
)
from holdshort.ids import hash_of
from holdshort.inbox import fields
from holdshort.inbox.answers import by_field, schema_of
from holdshort.inbox.slack import modals
from holdshort.inbox.slack.voice import Voice
from holdshort.inbox.slack.who import Caller, Stranger, person_of
from holdshort.kinds import kind_named
from holdshort.lifecycle import Command, Comment, Decide, Undo
from holdshort.models import Intent, Principal
from holdshort.notify import slack_rules as rules
from holdshort.notify.card import Card
from holdshort.notify.slack import SlackNotifier
from holdshort.notify.slack_rules import Ref
from holdshort.requests import CommentRequest, DecisionRequest
from holdshort.server.body import parse_json, validated
from holdshort.server.context import Context
from holdshort.server.similar import similar
from holdshort.store.base import Session
from holdshort.visible import visible

log = logging.getLogger("holdshort.slack")

Payload = dict[str, Any]
Later = Callable[[], Awaitable[None]]

#: For how long a press that has been done is known by its id (seconds): longer than Slack's
#: signature on it counts.
REMEMBERED = 900
_DONE = "slack-press"


@dataclass
class Reply:
    """What Slack is answered at once, and what is done after that."""

    body: dict[str, Any] | None = None
    later: list[Later] = field(default_factory=list)
    problem: str = ""
    """What kept it from being done, where the body says so only to a dialog that still waits."""


class Interactions:
    """Takes payloads whose signature (or connection) was verified. Raises ValueError for what is
    no interaction with a message of ours."""

    def __init__(self, ctx: Context, slack: SlackNotifier) -> None:
        self._ctx = ctx
        self._slack = slack
        self.voice = Voice(ctx, slack)

    async def take(self, payload: Payload) -> Reply:
        """Do what was asked for; what is said in Slack of it follows by the reply."""
        kind = payload.get("type")
        if kind == "block_actions":
            return await self._pressed(payload)
        if kind == "view_submission":
            return await self._submitted(payload)
        return Reply()

    async def _pressed(self, payload: Payload) -> Reply:
        caller = Caller.of(payload)
        actions = payload.get("actions")
        if not isinstance(actions, list) or not actions or not isinstance(actions[0], dict):
            raise ValueError("no action")
        name = str(actions[0].get("action_id", "")).rpartition(":")
        name_is = name[0] if name[2].isdigit() else str(actions[0].get("action_id", ""))
        if name_is not in (rules.ANSWER, rules.MORE, rules.EDIT, rules.UNDO):
            return Reply()  # a link, or a message of a Holdshort that is newer or older
        ref = Ref.load(str(actions[0].get("value", "")))
        place = payload.get("container") or {}
        channel, ts = str(place.get("channel_id", "")), str(place.get("message_ts", ""))
        try:
            principal = await person_of(self._ctx, self._slack, caller, ref.tenant)
        except Stranger as stranger:
            return self._refused(payload, caller, ref, channel, stranger)
        meta = modals.Meta(ref, channel, ts)
        shown = self._shown(principal, meta)
        try:
            view = await self._done(payload, principal, name_is, meta)
        except HoldshortError as error:
            text = error.message
            return Reply(later=[lambda: self.voice.tell(payload, channel, text), shown])
        if view is not None:
            return Reply(later=[lambda: self.voice.open(payload, channel, view)])
        return Reply(later=[shown])

    async def _done(
        self, payload: Payload, principal: Principal, name: str, meta: modals.Meta
    ) -> modals.View | None:
        """Do it, or return the dialog that asks for the rest."""
        ref = meta.ref
        if name == rules.UNDO:
            await self._once(payload, ref, Undo(principal))
            return None
        intent, card = await self._looked_at(principal, ref)
        if name == rules.ANSWER and card.open and not rules.is_tap(card):
            return self._dialog(intent, card, meta)
        if name == rules.ANSWER:
            await self._decide(payload, principal, ref, {"outcome": ref.outcome})
            return None
        if not card.open:
            raise NotPending(card.stands)
        _require_as_shown(ref, intent)
        if name == rules.EDIT:
            if not rules.may_edit(card):
                raise Forbidden("this cannot be changed here; open the card in the inbox")
            return modals.edit(card, meta)
        return self._dialog(intent, card, meta)

    def _dialog(self, intent: Intent, card: Card, meta: modals.Meta) -> modals.View:
        _require_as_shown(meta.ref, intent)
        outcome = meta.ref.outcome
        kind = kind_named(card.step.task.task_type)
        form = modals.simple(schema_of(intent) if outcome and kind.sign(outcome) else None)
        if form is None:
            return modals.too_rich(card)
        needed = _comment_needed(card) or outcome in kind.comment_for
        return modals.answer(card, meta, form, comment_needed=needed)

    async def _submitted(self, payload: Payload) -> Reply:
        caller, view = Caller.of(payload), payload.get("view")
        if not isinstance(view, dict):
            raise ValueError("no view")
        meta = modals.Meta.load(str(view.get("private_metadata", "")))
        try:
            principal = await person_of(self._ctx, self._slack, caller, meta.ref.tenant)
        except Stranger as stranger:
            return self._refused(payload, caller, meta.ref, meta.channel, stranger)
        dialogs = {
            modals.ANSWERED: self._answered,
            modals.EDITED: self._edited,
            modals.CHANGED: self._changed,
        }
        take = dialogs.get(str(view.get("callback_id", "")))
        if take is None:
            return Reply()
        try:
            reply = await take(payload, principal, meta, view)
        except fields.NotReadable as error:
            return _wrong(view, {error.name: str(error)})
        except InvalidRequest as error:
            return _wrong(view, by_field(error))
        except HoldshortError as error:
            found = _wrong(view, {"": error.message})
            found.later = [self._shown(principal, meta)]
            return found
        if reply.body is None or reply.body["response_action"] == "clear":
            reply.later = [self._shown(principal, meta)]
        return reply

    def _shown(self, principal: Principal, meta: modals.Meta) -> Later:
        """Return what makes the message that was answered show how it stands."""
        return lambda: self.voice.show(principal, meta.ref, meta.channel, meta.ts)

    async def _answered(
        self, payload: Payload, principal: Principal, meta: modals.Meta, view: modals.View
    ) -> Reply:
        intent, card = await self._looked_at(principal, meta.ref)
        outcome = meta.ref.outcome or modals.text_in(view, "outcome") or modals.SAY
        comment = modals.text_in(view, "comment")
        if outcome == modals.SAY:
            said = validated(CommentRequest, {"text": comment or ""})
            await self._once(payload, meta.ref, Comment(principal, said.text))
            return Reply()
        answer: dict[str, Any] = {"outcome": outcome, "comment": comment}
        schema = schema_of(intent)
        if schema is not None and kind_named(card.step.task.task_type).sign(outcome):
            form = modals.simple(schema)
            if form is None:
                raise InvalidRequest("this form is answered in the inbox")
            answer["data"] = fields.answer_in(schema, modals.posted(view, form))
        await self._decide(payload, principal, meta.ref, answer)
        return Reply()

    async def _edited(
        self, payload: Payload, principal: Principal, meta: modals.Meta, view: modals.View
    ) -> Reply:
        intent, card = await self._looked_at(principal, meta.ref)
        _require_as_shown(meta.ref, intent)
        text = modals.text_in(view, "arguments") or ""
        found = parse_json(text.encode(), max_depth=self._ctx.settings.max_depth)
        if not isinstance(found, dict):
            raise InvalidRequest("arguments are an object: { … }")
        if found == card.arguments:
            raise InvalidRequest("Nothing was changed.")
        after = modals.Meta(meta.ref, meta.channel, meta.ts, found)
        following = modals.changed(card, after, comment_needed=_comment_needed(card))
        if following is None:
            raise InvalidRequest("this change is too long to be shown here; make it in the inbox")
        return Reply({"response_action": "push", "view": following})

    async def _changed(
        self, payload: Payload, principal: Principal, meta: modals.Meta, view: modals.View
    ) -> Reply:
        _, card = await self._looked_at(principal, meta.ref)
        if card.open and not rules.may_edit(card):
            raise Forbidden("this cannot be changed here; open the card in the inbox")
        yes = next((outcome for outcome, _, positive in card.outcomes if positive), "")
        comment = modals.text_in(view, "comment")
        answer = {"outcome": yes, "comment": comment, "arguments": meta.arguments}
        await self._decide(payload, principal, meta.ref, answer)
        return Reply({"response_action": "clear"})

    async def _decide(
        self, payload: Payload, principal: Principal, ref: Ref, said: dict[str, Any]
    ) -> None:
        intent, card = await self._looked_at(principal, ref)
        sign = kind_named(card.step.task.task_type).sign(str(said["outcome"]))
        if card.open and ref.step == intent.step and not rules.may_answer(card, sign):
            raise Forbidden("this answer is given in the inbox: open the card there")
        if sign and not intent.terminal:
            await self._require_new(intent, principal)
        more = {
            "digest": ref.digest,
            "step": ref.step,
            "undo_seconds": self._ctx.settings.undo_seconds,
        }
        values = {name: value for name, value in {**said, **more}.items() if value is not None}
        await self._once(payload, ref, Decide(principal, validated(DecisionRequest, values)))

    async def _require_new(self, intent: Intent, principal: Principal) -> None:
        """Raise Forbidden for a yes to what was refused before: who refused it stands in the inbox
        alone (attack 36)."""
        if (await similar(self._ctx, intent, principal.id)).refused:
            raise Forbidden(
                "Exactly this was refused before: open the card in the inbox, which says by whom"
            )

    async def _once(self, payload: Payload, ref: Ref, command: Command) -> None:
        """Apply a command; the same press again, however it comes, does nothing: what was taken
        back since is not given once more."""
        engine = self._ctx.engine
        now = engine.store.clock.now()
        mark = Session(
            hash=hash_of(f"slack:{payload['user']['id']}:{_press(payload)}"),
            tenant=ref.tenant,
            purpose=_DONE,
            person="",
            created_at=now,
            expires_at=now + REMEMBERED * 1000,
        )
        if await engine.read(engine.store.session, mark.hash) is not None:
            return
        await engine.submit(ref.tenant, ref.intent_id, command)
        with suppress(HoldshortError):  # another of our processes has noted it already
            await engine.write(lambda tx: tx.add_session(mark))

    async def _looked_at(self, principal: Principal, ref: Ref) -> tuple[Intent, Card]:
        """Return what this is about. Raises NotFound where it is not this person's to see."""
        intent = await self._ctx.intent(principal, ref.intent_id)
        card = await self._slack.desk.card(ref.tenant, ref.intent_id)
        assert card is not None
        return intent, card

    def _refused(
        self, payload: Payload, caller: Caller, ref: Ref, channel: str, stranger: Stranger
    ) -> Reply:
        log.warning(
            "refused an answer to %s from Slack member %s of %s: %s",
            visible(ref.intent_id), visible(caller.user), visible(caller.team), stranger,
        )  # fmt: skip
        view = payload.get("view")
        if isinstance(view, dict):
            return _wrong(view, {"": stranger.told})
        return Reply(later=[lambda: self.voice.tell(payload, channel, stranger.told)])


def _require_as_shown(ref: Ref, intent: Intent) -> None:
    """Raise StaleDigest where the card has changed since the button was made."""
    if not intent.terminal and (ref.step, ref.digest) != (intent.step, intent.digest):
        raise StaleDigest(shown=ref.digest, stored=intent.digest)


def _comment_needed(card: Card) -> bool:
    return card.step.task.required_comment or card.step.policy.require_comment


def _wrong(view: modals.View, problems: dict[str, str]) -> Reply:
    """Say in a dialog what is wrong: beside its control, or beside the first that there is."""
    inputs = [one["block_id"] for one in view.get("blocks", []) if one.get("type") == "input"]
    found: dict[str, str] = {}
    for name, text in problems.items():
        place = name if name in inputs else inputs[-1] if inputs else "comment"
        found[place] = f"{found[place]}; {text}" if place in found else text
    errors = {name: visible(text)[:500] for name, text in found.items()}
    body = {"response_action": "errors", "errors": errors}
    return Reply(body, problem="; ".join(errors.values()))


def _press(payload: Payload) -> str:
    """What makes this press another than every other one. A retry of Slack's carries the same."""
    trigger = payload.get("trigger_id")
    if isinstance(trigger, str) and trigger:
        return trigger
    return repr(payload.get("actions") or (payload.get("view") or {}).get("id"))
