"""What is said in Slack of an answer: to whoever gave it, and on the message it was given on."""

from __future__ import annotations

import logging
import time
from typing import Any

from holdshort.inbox.slack.modals import View
from holdshort.models import Principal
from holdshort.notify import slack_rules as rules
from holdshort.notify.card import Card
from holdshort.notify.reader import Reader
from holdshort.notify.slack import SlackNotifier
from holdshort.notify.slack_parts import plain
from holdshort.notify.slack_refused import SlackRefused
from holdshort.notify.slack_rules import Ref
from holdshort.server.context import Context

log = logging.getLogger("holdshort.slack")

#: How much longer than an answer is held its message is watched (seconds).
_AFTER = 10.0
_SHORT = "Holdshort has an answer for you."


class Voice:
    """Speaks after Slack was answered. What Slack does not take is logged: it decides nothing."""

    def __init__(self, ctx: Context, slack: SlackNotifier) -> None:
        self._ctx = ctx
        self._slack = slack

    async def tell(self, payload: dict[str, Any], channel: str, text: str) -> None:
        """Say something to whoever did this, and to nobody else."""
        said = [plain(text[: rules.LONGEST])]
        url, user = payload.get("response_url"), str(payload["user"]["id"])
        try:
            if isinstance(url, str) and url:
                note = {"response_type": "ephemeral", "replace_original": False}
                await self._slack.web.say(url, {**note, "text": _SHORT, "blocks": said})
            elif channel:
                await self._slack.web.call(
                    lambda client: client.chat_postEphemeral(
                        channel=channel, user=user, text=_SHORT, blocks=said
                    )
                )
        except SlackRefused as refused:
            log.warning("somebody in Slack could not be told: %s", refused.code)

    async def open(self, payload: dict[str, Any], channel: str, view: View) -> None:
        """Open a dialog for whoever pressed the button."""
        trigger = str(payload.get("trigger_id", ""))
        try:
            await self._slack.web.call(
                lambda client: client.views_open(trigger_id=trigger, view=view)
            )
        except SlackRefused as refused:
            log.warning("a dialog was not opened: %s", refused.code)
            await self.tell(payload, channel, "Slack did not open the dialog. Press it once more.")

    async def show(self, principal: Principal, ref: Ref, channel: str, ts: str) -> None:
        """Make a message show how it stands; while an answer is held, once more when it is not."""
        if not channel or not ts:
            return
        card = await self._shown(principal, ref, channel, ts)
        if card is not None and card.step.held is not None:
            self._slack.soon(self._afterwards(principal, ref, channel, ts))

    async def _afterwards(self, principal: Principal, ref: Ref, channel: str, ts: str) -> None:
        """Wait until a held answer has taken effect. Where others have to answer as well nothing
        else would change this message."""
        ends = time.monotonic() + self._ctx.settings.undo_seconds + _AFTER
        with self._ctx.engine.wake.on((ref.tenant, ref.intent_id)) as subscription:
            card = await self._slack.desk.card(ref.tenant, ref.intent_id)
            while card is not None and card.step.held is not None:
                left = ends - time.monotonic()
                if left <= 0:
                    return
                await subscription.wait(left)
                card = await self._slack.desk.card(ref.tenant, ref.intent_id)
        await self._shown(principal, ref, channel, ts)

    async def _shown(self, principal: Principal, ref: Ref, channel: str, ts: str) -> Card | None:
        card = await self._slack.desk.card(ref.tenant, ref.intent_id)
        if card is None:
            return None
        reader = Reader(principal.id)
        if card.open:
            directory = await self._ctx.engine.directory_now(ref.tenant)
            reader = Reader.now(principal, card.intent, directory)
        try:
            await self._slack.show(channel, ts, card, reader)
        except SlackRefused as refused:
            log.warning("a card of %s was not changed: %s", ref.intent_id, refused.code)
        return card
