"""Replies to mails (field.md 3.3: attacks 14 to 16): words in a comment, and nothing else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from holdshort.errors import ConfigurationError
from holdshort.notify.email import EmailNotifier
from holdshort.notify.replies import LARGEST, MARK, Ignored, own_words, reply_in
from holdshort.notify.smtp import Smtp, SmtpServer

from ..server.conftest import anyio_backend
from ..server.house import ANA, BO, House, database_in, opened
from .post_office import Mail, PostOffice

__all__ = ["anyio_backend"]

TOKEN = "abcdefghijklmnopqrstuvwxyz234567"
TO = f"decide+{TOKEN}@acme.com"


def mail(text: str = "Why nine?", **headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in ({"From": ANA, "To": TO, "Message-ID": "<1@acme.com>"} | headers).items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def ignored(message: EmailMessage | bytes, **options: Any) -> str:
    raw = message if isinstance(message, bytes) else message.as_bytes()
    with pytest.raises(Ignored) as caught:
        reply_in(raw, **options)
    return str(caught.value)


def test_a_reply() -> None:
    found = reply_in(mail(From=f'"Ana, of Acme" <{ANA}>').as_bytes(), mailbox="decide@acme.com")
    assert (found.sender, found.token, found.text) == (ANA, TOKEN, "Why nine?")
    assert found.message_id == "<1@acme.com>"


@pytest.mark.parametrize(
    "header",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner=x"},
        {"Precedence": "auto_reply"},
        {"Precedence": "bulk"},
        {"X_Autoreply": "yes"},
        {"X_Autorespond": "x"},
        {"List_Id": "<x.acme.com>"},
        {"Return_Path": "<>"},
    ],
)
def test_15_what_was_sent_by_itself_is_nothing(header: dict[str, str]) -> None:
    assert "sent by itself" in ignored(mail("I approve everything while I am away.", **header))


def test_15_a_bounce_is_nothing() -> None:
    message = mail("approve")
    message.make_mixed()
    message.replace_header("Content-Type", 'multipart/report; report-type="delivery-status"')
    assert "report" in ignored(message)


QUOTES = {
    "top": "No idea.\n\nOn Mon, 1 Jan 2026, Holdshort\n<holdshort@acme.com> wrote:\n\n> approve\n",
    "german": "No idea.\nAm 01.01.26 um 10:00 schrieb Holdshort <x@acme.com>:\n> approve\n",
    "between": "> approve?\n\nNo idea.\n\n> approve!\n",
    "outlook": "No idea.\n\n-----Original Message-----\nFrom: Holdshort\nSubject: x\n\napprove",
    "outlook rule": "No idea.\n\n________________________________\nFrom: x\n\napprove",
    "outlook headers": "No idea.\n\nFrom: Holdshort <holdshort@acme.com>\nSent: now\n\napprove",
    "ours": f"No idea.\n\n{MARK}\n\napprove",
    "signature": "No idea.\n\n-- \nAna\napprove",
    "phone": "No idea.\n\nSent from my iPhone\n\n> approve",
    "crlf": "No idea.\r\n\r\n> approve\r\n",
}


@pytest.mark.parametrize("how", QUOTES)
def test_16_what_is_quoted_is_not_said(how: str) -> None:
    assert own_words(QUOTES[how]) == "No idea."
    assert reply_in(mail(QUOTES[how]).as_bytes()).text == "No idea."


def test_what_somebody_writes_stays_as_it_is() -> None:
    text = "Three things:\n\n- one: 10:30\n- two\n\nFrom my side: approve.\nAt 9:\nfoo"
    assert own_words(text) == text


def test_only_quotes_are_nothing() -> None:
    assert "no words of its own" in ignored(mail("> approve\n"))
    assert "no words of its own" in ignored(mail(f"{MARK}\napprove"))


@pytest.mark.parametrize("sender", [f"{ANA}, {BO}", "Ana", "", "undisclosed-recipients:;", "<>"])
def test_14_it_says_by_one_address_who_wrote_it(sender: str) -> None:
    assert "by one address" in ignored(mail(From=sender))


@pytest.mark.parametrize("other", [b"bo@acme.com", b""])
def test_14_two_senders_are_none(other: bytes) -> None:
    assert "by one address" in ignored(b"From: " + other + b"\r\n" + mail().as_bytes())


@pytest.mark.parametrize(
    "to",
    [
        "decide@acme.com",
        f"{TOKEN}@acme.com",
        f"decide+{TOKEN}x@acme.com",
        f"decide+{TOKEN[:-1]}@acme.com",
        f"other+{TOKEN}@acme.com",
        f"decide+{TOKEN}@evil.example",
        "",
    ],
)
def test_it_answers_a_mail_of_ours(to: str) -> None:
    assert "none of our mails" in ignored(mail(To=to), mailbox="Decide@ACME.com")


def test_it_answers_one_mail() -> None:
    other = f"decide+{TOKEN[::-1]}@acme.com"
    assert "several" in ignored(mail(Cc=other))
    assert reply_in(mail(To="x@acme.com", Delivered_To=TO.upper()).as_bytes()).token == TOKEN


def test_html_alone_is_not_read() -> None:
    message = mail()
    message.set_content("<p>approve</p>", subtype="html")
    assert "plain text" in ignored(message)
    message = mail("Why nine?")
    message.add_alternative("<p>approve</p>", subtype="html")
    assert reply_in(message.as_bytes()).text == "Why nine?"


def test_what_is_made_to_take_long_does_not() -> None:
    for text in (" " * 500_000 + "-", "-" * 500_000 + "x", "De: " * 100_000, "> x\n" * 100_000):
        assert len(own_words(text)) <= 500_001


def test_limits() -> None:
    assert "larger than" in ignored(b"x" * (LARGEST + 1))
    assert "at most 10000" in ignored(mail("x" * 70 + "\n" + "yy " * 4000))


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x00\xff", b"From: \xff\r\n\r\n", b"Content-Type: text/plain; charset=nope\r\n\r\nx"],
)
def test_what_is_no_mail_is_ignored(raw: bytes) -> None:
    assert ignored(raw)
    start = f"From: {ANA}\r\nTo: {TO}\r\n".encode()
    assert raw == b"" or reply_or_why(start + raw)


def reply_or_why(raw: bytes) -> str:
    try:
        return reply_in(raw).text
    except Ignored as why:
        return str(why)


VOUCHED = "mx.acme.com; spf=pass smtp.mailfrom=acme.com; dmarc=pass header.from=acme.com"


def test_14_a_mail_server_may_have_to_vouch_for_the_sender() -> None:
    good = mail(Authentication_Results=VOUCHED)
    assert reply_in(good.as_bytes(), vouched_by="mx.acme.com").text == "Why nine?"
    for said in ("", "mx.acme.com; dmarc=fail", "mx.acme.com; none", f"evil.{VOUCHED}", "x=dmarc"):
        bad = mail(Authentication_Results=said) if said else mail()
        assert ignored(bad, vouched_by="mx.acme.com")
    for said in (
        'mx.acme.com; spf=fail smtp.mailfrom="x; dmarc=pass"@evil.example; dmarc=fail',
        'mx.acme.com; spf=none smtp.mailfrom="x; dmarc=pass "@evil.example',
        "mx.acme.com; dkim=fail (no; dmarc=pass (really) header.from=acme.com); dmarc=none",
        "mx.acme.com; dkim=fail reason=x dmarc=pass",
        "mx.acme.com; dmarc=pass header.from=acme.com; dmarc=fail header.from=acme.com",
        "mx.acme.com; dmarc=pass (p=none) header.from=evil.example",
        'mx.acme.com; x="; dmarc=pass',
    ):
        bad = mail(Authentication_Results=said)
        assert "DMARC" in ignored(bad, vouched_by="mx.acme.com"), said
    for said in (
        "mx.acme.com 1; dmarc=pass",
        "mx.acme.com; DMARC = Pass (p=NONE) header.from=Acme.com",
    ):
        assert reply_in(mail(Authentication_Results=said).as_bytes(), vouched_by="mx.acme.com")
    forged = b"Authentication-Results: mx.acme.com; dmarc=fail\r\n" + good.as_bytes()
    assert "DMARC" in ignored(forged, vouched_by="mx.acme.com")


class Replies:
    """A Holdshort whose mails can be replied to, by a mail server that pipes replies to it."""

    def __init__(self, house: House, asked: str, first: Mail, patch: pytest.MonkeyPatch) -> None:
        self.house, self.asked, self.first, self._patch = house, asked, first, patch

    @property
    def to(self) -> str:
        return str(self.first.message["Reply-To"])

    async def said(self) -> list[str]:
        path = "/v1/intents/{intent_id}/events"
        found = await self.house.ok("GET", path, self.house.admin, intent_id=self.asked)
        return [
            one["details"]["text"]
            for one in found["events"]
            if one["event_type"] == "intent.commented"
        ]

    async def post(self, status: int = 200, **changes: Any) -> Any:
        token = self.to.partition("+")[2].partition("@")[0]
        body = {"token": token, "sender": ANA, "text": "approve"} | changes
        key = changes.pop("key", self.house.admin)
        body.pop("key", None)
        sent = await self.house.call("POST", "/v1/mail-replies", key, body)
        assert sent.status_code == status, sent.text
        return sent.json()


@pytest.fixture
async def replies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Replies]:
    with PostOffice() as office:
        options = office.settings | {"mail_reply_to": "decide@acme.com"}
        async with opened(database_in(tmp_path), **options) as house:
            asked = await house.ask()
            await house.holdshort.tick()
            (first,) = office.to(ANA)
            yield Replies(house, asked, first, monkeypatch)


@pytest.mark.anyio
async def test_a_mail_says_where_replies_go_and_what_they_do(replies: Replies) -> None:
    assert re.fullmatch(r"decide\+[a-z2-7]{32}@acme\.com", replies.to)
    for kind in ("plain", "html"):
        text = re.sub(r"\s+", " ", replies.first.part(kind))
        assert MARK in text
        assert "A reply to this mail becomes a comment. It decides nothing" in text


@pytest.mark.anyio
async def test_14_a_reply_is_a_comment_and_no_decision(replies: Replies) -> None:
    await replies.post(text="approve")
    assert await replies.said() == ["approve"]
    intent = await replies.house.look(replies.asked)
    assert intent["status"] == "WAITING"
    assert intent["steps"][0]["held"] is None


@pytest.mark.anyio
async def test_14_it_counts_from_the_recipient_alone(replies: Replies) -> None:
    error = await replies.post(403, sender=BO)
    assert ANA in error["error"]["message"]
    await replies.post(404, token=TOKEN)
    await replies.post(403, key=replies.house.agent)
    await replies.post(403, key=replies.house.ana)
    elsewhere = await replies.house.key("service", "admin", tenant="other")
    await replies.post(404, key=elsewhere)
    assert await replies.said() == []
    await replies.post(sender=ANA.upper())
    assert await replies.said() == ["approve"]


@pytest.mark.anyio
async def test_a_reply_comes_from_where_the_mail_went(replies: Replies) -> None:
    house, other = replies.house, {"email": "ana@home.example", "active": True}
    await house.ok("PUT", "/v1/people/{name}", house.admin, other, name=ANA)
    await replies.post(sender="ana@home.example", text="from home")
    assert await replies.said() == ["from home"]


@pytest.mark.anyio
async def test_a_mail_that_comes_twice_is_one_comment(replies: Replies) -> None:
    for _ in range(3):
        await replies.post(message_id="<1@acme.com>")
    await replies.post(message_id="<2@acme.com>", text="and another")
    assert len(await replies.said()) == 2


@pytest.mark.anyio
async def test_a_flood_ends(replies: Replies) -> None:
    for number in range(50):
        await replies.post(message_id=f"<{number}@acme.com>", text=f"remark {number}")
    await replies.post(429, message_id="<51@acme.com>")
    assert len(await replies.said()) == 50


@pytest.mark.anyio
async def test_who_has_left_or_came_too_late_says_nothing(replies: Replies) -> None:
    house = replies.house
    house.clock.advance(60 * 86400)
    await replies.post(404)
    house.clock.advance(-60 * 86400)
    await house.ok("PUT", "/v1/people/{name}", house.admin, {"active": False}, name=ANA)
    await replies.post(403)
    assert await replies.said() == []


def test_a_mailbox_with_too_long_a_name_is_told_at_once() -> None:
    long = f"{'d' * 32}@acme.com"
    with pytest.raises(ConfigurationError, match="at most 31"):
        EmailNotifier(Smtp(SmtpServer("localhost")), "a@b.c", None, reply_to=long)  # type: ignore
