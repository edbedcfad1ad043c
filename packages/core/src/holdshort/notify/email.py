"""E-mail: what is asked, in full, with one link for each recipient."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import secrets
import time
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, parseaddr
from typing import Any

from holdshort.errors import ConfigurationError
from holdshort.notify import mail_text
from holdshort.notify.base import SendFailed
from holdshort.notify.card import Card
from holdshort.notify.desk import Desk
from holdshort.notify.mail_text import Written
from holdshort.notify.reader import Reader
from holdshort.notify.routing import ASKS
from holdshort.notify.smtp import Smtp
from holdshort.store.base import Delivery
from holdshort.visible import visible

log = logging.getLogger("holdshort.mail")

#: What one mailbox is called. Narrower than the standard: no quotes, no comments, no spaces.
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
)
_LONGEST_USER, _LONGEST = 64, 254
#: Reasons that are told whether the intent is open or over.
_TALK = frozenset({"mentioned", "answered", "limit_exceeded"})


class EmailNotifier:
    """Writes to people, at `endpoint["email"]`. The receipt is the Message-ID.

    Reminders and escalations to one recipient stand in one conversation with the first mail. An ask
    whose step has ended meanwhile is not sent.

    Args:
        smtp: who takes the mails.
        sender: From: `holdshort@acme.com` or `Holdshort <holdshort@acme.com>`.
        desk: what a mail says is looked up there when it is sent.
        reply_to: the mailbox that replies go to, which `holdshort mail receive` reads; None where
            nobody reads replies.

    Raises ConfigurationError for addresses that are none.
    """

    name = "email"

    def __init__(self, smtp: Smtp, sender: str, desk: Desk, *, reply_to: str | None = None) -> None:
        self.smtp = smtp
        self._from = _configured(sender, "HOLDSHORT_MAIL_FROM")
        self.reply_to = None
        if reply_to is not None:
            self.reply_to = _configured(reply_to, "HOLDSHORT_MAIL_REPLY_TO").addr_spec
            user = self.reply_to.rpartition("@")[0]
            if len(user) + 33 > _LONGEST_USER:
                raise ConfigurationError(
                    "HOLDSHORT_MAIL_REPLY_TO: at most 31 characters before the @"
                )
        self._desk = desk
        self._soon: set[asyncio.Task[None]] = set()

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> str | None:
        """Send the mail, or raise SendFailed; None where there is nothing to tell any more."""
        data = _data(delivery)
        recipient = _recipient(endpoint)
        if delivery.reason == "digest":
            message = self._digest(delivery, recipient, data)
        else:
            card = await self._desk.card(delivery.tenant, delivery.intent_id)
            if card is None:
                raise SendFailed("the intent is not there any more", permanent=True)
            if not _counts(delivery.reason, card, data.get("step")):
                return None
            reader = _reader(delivery, data)
            message = await self._about(delivery, endpoint or {}, recipient, card, reader)
        await self.smtp.send(message, recipient)
        return str(message["Message-ID"])

    async def send_code(self, recipient: str, code: str, *, link: str | None, minutes: int) -> None:
        """Send somebody what they sign in with. Raises SendFailed."""
        written = mail_text.written_code(code, link=link, minutes=minutes)
        mark, to = secrets.token_hex(16), _address(recipient)
        message = self._mail(written, to, mark, round(time.time() * 1000))
        await self.smtp.send(message, to)

    def send_code_soon(self, recipient: str, code: str, **more: Any) -> None:
        """The same, without letting anybody wait; a failure is logged."""

        async def quietly() -> None:
            try:
                await self.send_code(recipient, code, **more)
            except SendFailed as failed:
                log.warning("a code to sign in was not sent to %s: %s", recipient, failed)

        task = asyncio.create_task(quietly(), name="holdshort-mail-code")
        self._soon.add(task)
        task.add_done_callback(self._soon.discard)

    async def close(self) -> None:
        """Let what is being sent finish."""
        if self._soon:
            await asyncio.wait(self._soon, timeout=self.smtp.server.timeout)

    async def _about(
        self,
        delivery: Delivery,
        endpoint: dict[str, Any],
        recipient: str,
        card: Card,
        reader: Reader,
    ) -> EmailMessage:
        desk, to = self._desk, delivery.recipient
        link = await desk.link(delivery.tenant, to, delivery.intent_id)
        earlier = await desk.receipts(delivery.tenant, delivery.intent_id, self.name, to)
        reply = None
        if self.reply_to is not None:
            reply = await desk.reply_token(delivery.tenant, to, delivery.intent_id)
        written = mail_text.written(
            delivery.reason,
            card,
            reader,
            link=link,
            timezone=endpoint.get("timezone"),
            replies=reply is not None,
        )
        again = [one for one in earlier if one.startswith("<")]
        subject = f"Re: {written.subject}" if again else written.subject
        message = self._mail(written, recipient, delivery.id, delivery.created_at, subject)
        # A root that follows from intent and recipient: it holds the conversation together where
        # the first mail got lost, or waits still.
        root = self._id(_short(f"{delivery.intent_id}\0{to}"))
        message["References"] = " ".join([root, *again])
        message["In-Reply-To"] = again[-1] if again else root
        if reply is not None and self.reply_to is not None:
            user, _, domain = self.reply_to.rpartition("@")
            message["Reply-To"] = f"{user}+{reply}@{domain}"
        return message

    def _digest(self, delivery: Delivery, recipient: str, data: dict[str, Any]) -> EmailMessage:
        try:
            written = mail_text.written_digest(data)
        except (KeyError, TypeError, ValueError) as error:
            raise SendFailed("the digest cannot be read", permanent=True) from error
        return self._mail(written, recipient, delivery.id, delivery.created_at)

    def _mail(
        self, written: Written, to: str, mark: str, at: int, subject: str | None = None
    ) -> EmailMessage:
        """Return a mail that is the same on every try.

        Args:
            mark: what no other mail has.
            at: when it is written (milliseconds UTC).
        """
        message = EmailMessage(policy=WIRE)
        message["From"] = self._from
        message["To"] = to
        message["Subject"] = subject or written.subject
        message["Date"] = format_datetime(datetime.fromtimestamp(at // 1000, UTC))
        message["Message-ID"] = self._id(mark)
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(written.text, cte="quoted-printable")
        message.add_alternative(written.html, subtype="html", cte="quoted-printable")
        message.set_boundary(f"=_{_short(mark)}")
        return message

    def _id(self, mark: str) -> str:
        return f"<{mark}@{self._from.domain}>"


def _counts(reason: str, card: Card, step: Any) -> bool:
    """Whether there is something to tell: an ask only while its step waits, an end never."""
    if reason in ASKS:
        return card.open and step in (None, card.intent.step)
    return reason in _TALK


def _reader(delivery: Delivery, data: dict[str, Any]) -> Reader:
    try:
        return Reader.told(delivery.recipient, data)
    except (ValueError, TypeError) as error:
        raise SendFailed("the body is not a notification", permanent=True) from error


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _configured(text: str, setting: str) -> Address:
    name, address = parseaddr(text)
    if not _ADDRESS.fullmatch(address) or "\n" in text or "\r" in text:
        raise ConfigurationError(f"{setting}: {text!r} is no mail address")
    user, _, domain = address.rpartition("@")
    return Address(name, user, domain)


def _address(text: Any) -> str:
    """Raises SendFailed for what is no address that mail goes to."""
    found = str(text or "")
    user = found.rpartition("@")[0]
    if not _ADDRESS.fullmatch(found) or len(user) > _LONGEST_USER or len(found) > _LONGEST:
        why = f"{visible(found[:80])!r} is no mail address" if found else "no mail address is known"
        raise SendFailed(why, permanent=True)
    return found


def _recipient(endpoint: dict[str, Any] | None) -> str:
    if endpoint is None or endpoint.get("active") is False:
        raise SendFailed("this person was deactivated", permanent=True)
    return _address(endpoint.get("email") or endpoint.get("person"))


def _data(delivery: Delivery) -> dict[str, Any]:
    """Return what the body says. Raises SendFailed for a body that is no notification."""
    try:
        data = json.loads(delivery.body)["data"]
        if not isinstance(data, dict):
            raise TypeError("data is no object")
        return data
    except (ValueError, KeyError, TypeError) as error:
        raise SendFailed("the body is not a notification", permanent=True) from error
