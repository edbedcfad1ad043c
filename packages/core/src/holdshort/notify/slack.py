"""Slack: a direct message with the card, changed when the intent ends."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import OrderedDict
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from holdshort.clock import Clock
from holdshort.notify import slack_blocks
from holdshort.notify.base import SendFailed
from holdshort.notify.card import Card
from holdshort.notify.desk import Desk
from holdshort.notify.reader import Reader
from holdshort.notify.slack_refused import BLOCKS_REFUSED, SlackRefused
from holdshort.store.base import Delivery

if TYPE_CHECKING:
    from holdshort.notify.slack_web import SlackWeb

log = logging.getLogger("holdshort.slack")

_MEMBER = re.compile(r"(?:(T[A-Z0-9]{1,30})/)?([UW][A-Z0-9]{1,30})")
#: Of these somebody is told below the card that they have already.
_NEWS = frozenset({"mentioned", "answered", "limit_exceeded"})
_AGAIN = frozenset({"reminded", "escalated"}) | _NEWS
#: Nothing of a message can be changed any more: it is gone, or out of our reach.
_LOST = frozenset({"message_not_found", "channel_not_found", "is_archived"})
_REMEMBERED = 5000


class SlackNotifier:
    """Writes to people, known by `endpoint["slack"]`: a member id, `U…` or `T…/U…`.

    The receipt of a card is `channel/ts`. Slack has no key that makes a message come once only:
    where a process dies between Slack's taking it and our noting so, the card comes twice. Each
    button carries what it is about, so an answer on either counts once.

    Args:
        desk: what the card says is looked up there when it is sent.
        clock: what time it is, for answers that can still be taken back.
    """

    name = "slack"
    updates = True

    def __init__(self, web: SlackWeb, desk: Desk, clock: Clock) -> None:
        self.web = web
        self.desk = desk
        self._clock = clock
        self._channels: OrderedDict[str, str] = OrderedDict()
        self._soon: set[asyncio.Task[None]] = set()

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> str | None:
        """Post the card, say something below it, or change it; return the receipt of a new card."""
        reason, data, reader = _notification(delivery)
        if reason == "digest":
            await self._post_digest(delivery, endpoint, data)
            return None
        card = await self.desk.card(delivery.tenant, delivery.intent_id)
        if card is None:
            raise SendFailed("the intent is not there any more", permanent=True)
        receipts = await self.desk.receipts(
            delivery.tenant, delivery.intent_id, self.name, delivery.recipient
        )
        cards = [one for one in receipts if "/" in one]  # others went out inside of a digest
        try:
            if reason == "asked" or (reason in _AGAIN and not cards):
                return await self._post(delivery, endpoint, card, reader, cards)
            await self._change(reader, card, cards)
            if reason in _NEWS or (reason in _AGAIN and card.open):
                await self._add(delivery, card, cards[-1])
        except SlackRefused as refused:
            raise refused.as_failure() from None
        return None

    async def close(self) -> None:
        """End the threads that call Slack, and what was to be done soon."""
        for task in self._soon:
            task.cancel()
        await asyncio.gather(*self._soon, return_exceptions=True)
        self.web.close()

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside everything else; it ends with the channel."""
        task = asyncio.create_task(work)
        self._soon.add(task)
        task.add_done_callback(self._soon.discard)

    async def show(self, channel: str, ts: str, card: Card, reader: Reader) -> None:
        """Make a message show the card as it stands now. Raises SlackRefused."""
        blocks = slack_blocks.message(card, reader, self._clock.now())
        await self._put(channel, ts, card, blocks)

    async def _put(self, channel: str, ts: str, card: Card, blocks: list[Any]) -> None:
        text = slack_blocks.notification("", card)
        await self.web.call(
            lambda client: client.chat_update(channel=channel, ts=ts, text=text, blocks=blocks)
        )

    async def _post(
        self,
        delivery: Delivery,
        endpoint: dict[str, Any] | None,
        card: Card,
        reader: Reader,
        before: list[str],
    ) -> str:
        member = await self._member(endpoint)
        channel = await self._channel(member)
        try:
            receipt = await self._posted(delivery, card, reader, channel)
        except SlackRefused as refused:
            if refused.code in _LOST:
                self._channels.pop(member, None)
            raise
        # From here on nothing may fail: it would be posted once more.
        # It may have ended while it was sent: then nobody else knows of this message yet.
        now = await self.desk.card(delivery.tenant, delivery.intent_id)
        if now is not None and now.intent.version != card.intent.version:
            with suppress(SlackRefused):
                await self._change(reader, now, [receipt])
        # The earlier ones are of steps that are done.
        for channel, _, ts in (one.partition("/") for one in before):
            with suppress(SlackRefused):
                await self._put(channel, ts, card, slack_blocks.earlier(card))
        return receipt

    async def _post_digest(
        self, delivery: Delivery, endpoint: dict[str, Any] | None, data: dict[str, Any]
    ) -> None:
        """Post many tasks as one message. Each has a card in the inbox."""
        try:
            text, blocks = slack_blocks.digest(data)
        except (ValueError, KeyError, TypeError) as error:
            raise SendFailed("the digest cannot be read", permanent=True) from error
        try:
            channel = await self._channel(await self._member(endpoint))
            await self._say(delivery, channel, text, blocks)
        except SlackRefused as refused:
            raise refused.as_failure() from None

    async def _posted(self, delivery: Delivery, card: Card, reader: Reader, channel: str) -> str:
        text = slack_blocks.notification(delivery.reason, card)
        blocks = slack_blocks.message(card, reader, self._clock.now())
        try:
            found = await self._say(delivery, channel, text, blocks)
        except SlackRefused as refused:
            if refused.code not in BLOCKS_REFUSED:
                raise
            log.warning("Slack did not take the card of %s: %s", card.intent.id, refused.code)
            found = await self._say(delivery, channel, text, slack_blocks.short(card))
        return f"{channel}/{found['ts']}"

    async def _add(self, delivery: Delivery, card: Card, receipt: str) -> None:
        """Say something below a card, and in the conversation as well: threads alone are quiet."""
        channel, _, ts = receipt.partition("/")
        text = slack_blocks.notification(delivery.reason, card)
        blocks = slack_blocks.reply(delivery.reason, card)
        await self._say(delivery, channel, text, blocks, thread_ts=ts, reply_broadcast=True)

    async def _change(self, reader: Reader, card: Card, receipts: list[str]) -> None:
        """Make these messages show how it stands. One that cannot be changed holds up no other."""
        failed: SlackRefused | None = None
        for receipt in receipts:
            channel, _, ts = receipt.partition("/")
            try:
                await self.show(channel, ts, card, reader)
            except SlackRefused as refused:
                log.warning("a card of %s was not changed: %s", card.intent.id, refused.code)
                if refused.passing or refused.retry_after is not None:
                    failed = refused
                elif refused.code not in _LOST:
                    failed = await self._told_instead(card, channel, ts) or failed
        if failed is not None:
            raise failed

    async def _told_instead(self, card: Card, channel: str, ts: str) -> SlackRefused | None:
        """Say below a card that cannot be changed how it stands; return why that failed."""
        text, blocks = slack_blocks.notification("", card), slack_blocks.reply("", card)
        try:
            await self.web.call(
                lambda client: client.chat_postMessage(
                    channel=channel, thread_ts=ts, text=text, blocks=blocks
                )
            )
        except SlackRefused as refused:
            return refused
        return None

    async def _say(
        self, delivery: Delivery, channel: str, text: str, blocks: list[Any], **more: Any
    ) -> dict[str, Any]:
        about = {"delivery": delivery.id, "intent": delivery.intent_id}
        metadata = {"event_type": "holdshort_card", "event_payload": about}
        return await self.web.call(
            lambda client: client.chat_postMessage(
                channel=channel,
                text=text,
                blocks=blocks,
                metadata=metadata,
                parse="none",
                link_names=False,
                unfurl_links=False,
                unfurl_media=False,
                **more,
            )
        )

    async def _member(self, endpoint: dict[str, Any] | None) -> str:
        """Return the member id to write to, of our own workspace."""
        text = str((endpoint or {}).get("slack") or "")
        found = _MEMBER.fullmatch(text)
        if found is None:
            why = "is no Slack member id" if text else "this person has no Slack member id"
            raise SendFailed(f"{text[:40]!r} {why}" if text else why, permanent=True)
        team, member = found.groups()
        if team is not None and team != await self.web.team():
            raise SendFailed("this person is in another Slack workspace", permanent=True)
        return str(member)

    async def _channel(self, member: str) -> str:
        known = self._channels.get(member)
        if known is None:
            found = await self.web.call(lambda client: client.conversations_open(users=member))
            known = str(found["channel"]["id"])
            self._channels[member] = known
            if len(self._channels) > _REMEMBERED:
                self._channels.popitem(last=False)
        return known


def _notification(delivery: Delivery) -> tuple[str, dict[str, Any], Reader]:
    """Return why it is sent, its data, and who reads it. Raises SendFailed for a body that is no
    notification."""
    try:
        body = json.loads(delivery.body)
        reason, data = str(body["type"]).removeprefix("intent."), body["data"]
        reader = Reader.told(delivery.recipient, data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SendFailed("the body is not a notification", permanent=True) from error
    return reason, data, reader
