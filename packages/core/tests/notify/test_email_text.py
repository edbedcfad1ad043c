"""What stands in a mail (field.md 3.3: attacks 38 to 42, 46, 47)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from ..server.conftest import anyio_backend
from ..server.house import ANA, BO, House, database_in, opened
from .post_office import Mail, PostOffice

__all__ = ["anyio_backend"]

pytestmark = pytest.mark.anyio

URL = "https://hold.acme.com"
PAY = {"action": {"tool": "pay", "arguments": {"amount": 450.5, "to": "ACME", "note": "x"}}}


class Post:
    """A Holdshort that sends mail, and the server that takes it."""

    def __init__(self, house: House, office: PostOffice) -> None:
        self.house, self.office = house, office

    async def ask(self, **fields: Any) -> tuple[str, Mail]:
        """File an intent and let the mails go; return its id and Ana's mail."""
        asked = await self.house.ask(**(PAY | fields))
        await self.house.holdshort.tick()
        return asked, self.office.to(ANA)[-1]

    async def states(self, asked: str) -> list[str]:
        found = await self.house.deliveries(asked)
        return [one["state"] for one in found if one["channel"] == "email"]


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    with PostOffice() as office:
        sender = {"mail_from": "Holdshort <holdshort@acme.com>", "public_url": URL}
        options = office.settings | sender
        async with opened(database_in(tmp_path), **options) as house:
            yield Post(house, office)


async def test_a_mail_says_all_that_is_asked(post: Post) -> None:
    words = {"human_task": {"task_type": "approval", "title": "Pay the bill"}}
    asked, mail = await post.ask(environment="production", description="It is due.", **words)
    assert mail.recipients == [ANA]
    for kind in ("plain", "html"):
        text = re.sub(r"\s+", " ", mail.part(kind).replace("&#34;", '"'))
        for part in (
            "A decision is asked of you.",
            "Run pay",
            '"amount": 450.5',
            '"to": "ACME"',
            "agent://acme/production/analyst",
            "By when",
            "If nobody decides in time, it does not run.",
            "Approve, Reject",
            "The agent says",
            "Pay the bill",
            "Replies to this mail are not read.",
        ):
            assert part in text, (kind, part)
    link = re.search(rf"{URL}/m/[\w-]{{43}}", mail.part("plain"))
    assert link is not None
    assert link[0] in mail.part("html")
    assert await post.states(asked) == ["sent"]


async def test_the_headers(post: Post) -> None:
    asked, mail = await post.ask()
    message = mail.message
    delivery = next(d for d in await post.house.deliveries(asked) if d["channel"] == "email")
    assert str(message["Message-ID"]) == f"<{delivery['delivery_id']}@acme.com>"
    assert str(message["From"]) == "Holdshort <holdshort@acme.com>"
    assert str(message["To"]) == ANA
    assert str(message["Auto-Submitted"]) == "auto-generated"
    assert str(message["X-Auto-Response-Suppress"]) == "All"
    assert message["Date"].datetime.timestamp() == post.house.clock.now() // 1000
    assert message["Reply-To"] is None
    assert message.get_content_type() == "multipart/alternative"


async def test_reminders_and_escalations_stand_below_the_first_mail(post: Post) -> None:
    policy = {"remind_after": 60, "escalate": [{"after": 120, "to": [BO]}]}
    await post.house.ok("PUT", "/v1/policies/{name}", post.house.admin, policy, name="*")
    _, first = await post.ask()
    post.house.clock.advance(61)
    await post.house.holdshort.tick()
    reminded = post.office.to(ANA)[1]
    root = str(first.message["In-Reply-To"])
    assert str(reminded.message["In-Reply-To"]) == str(first.message["Message-ID"])
    assert str(reminded.message["References"]).split() == [root, str(first.message["Message-ID"])]
    assert str(reminded.message["Subject"]) == f"Re: {first.message['Subject']}"
    assert "A reminder: this still waits" in reminded.part("plain")
    post.house.clock.advance(61)
    await post.house.holdshort.tick()
    (escalated,) = post.office.to(BO)
    assert "This was escalated to you" in escalated.part("plain")
    assert str(escalated.message["In-Reply-To"]) != root, "Bo has a conversation of his own"


async def test_an_ask_that_was_answered_meanwhile_is_not_sent(post: Post) -> None:
    asked = await post.house.ask(**PAY)
    await post.house.decide(asked)
    await post.house.holdshort.tick()
    assert post.office.mails == []
    assert await post.states(asked) == ["sent"]


async def test_a_mail_that_is_refused_for_now_goes_out_later(post: Post) -> None:
    post.office.answers["RCPT"] = ["450 4.2.0 greylisted"]
    asked = await post.house.ask(**PAY)
    await post.house.holdshort.tick()
    assert (post.office.mails, await post.states(asked)) == ([], ["pending"])
    post.house.clock.advance(6)
    await post.house.holdshort.tick()
    assert len(post.office.mails) == 1
    assert await post.states(asked) == ["sent"]


async def test_secrets_are_masked(post: Post) -> None:
    """Attack 47."""
    secret = "sk_live_abcdefghijklmnop1234"
    arguments = {"api_key": "k-123456", "card": "4111 1111 1111 1111", "note": f"use {secret}"}
    _, mail = await post.ask(action={"tool": "pay", "arguments": arguments}, description=secret)
    whole = mail.part("plain") + mail.part("html") + mail.raw.decode()
    for text in ("k-123456", "4111 1111", secret):
        assert text not in whole
    assert "masked (8 bytes)" in mail.part("plain")
    assert "What looks like a secret is masked in mails" in mail.part("html")


async def test_the_subject_gives_nothing_away(post: Post) -> None:
    """Attacks 41 and 46: it is shown on locked screens, and is never in the agent's words."""
    task = {"task_type": "approval", "title": "✅ Pre-approved by CISO"}
    _, mail = await post.ask(human_task=task)
    subject = str(mail.message["Subject"])
    assert subject == "Approval: pay, asked by agent://acme/production/analyst"
    assert "✅ Pre-approved" in mail.part("plain")


EVIL = [
    "https://evil.example/a?b=c",
    "http://192.168.0.1/x",
    "www.evil.example",
    "evil.zip",
    "mailto:ceo@evil.example",
    "javascript://evil.example/%0aalert(1)",
    "<a href='https://evil.example'>Approve</a>",
    "<img src=https://evil.example/pixel.png>",
    "![x](https://evil.example/p.png)",
    "<script>alert(1)</script>",
    "<style>body{display:none}</style>",
    "</pre></div></body>",
]


async def test_what_an_agent_writes_is_no_link_and_no_markup(post: Post) -> None:
    """Attack 40."""
    arguments = {f"a{n}": text for n, text in enumerate(EVIL)}
    words = "\n".join(EVIL)
    _, mail = await post.ask(action={"tool": "pay", "arguments": arguments}, description=words)
    html, text = mail.part("html"), mail.part("plain")
    (link,) = set(re.findall(r'(?:href|src|action)="([^"]*)"', html))
    assert link.startswith(f"{URL}/m/")
    assert not re.search(r"<(script|style|img|form|input|iframe)\b", html)
    for part in (html.replace(link, ""), text.replace(link, "")):
        assert not re.search(r"(?<!agent)(?<!\[)://|www\.|evil\.|\w@\w", part)
    assert "https[://]evil[.]example/a?b=c" in text
    assert "example[.]com, so that no mail program makes a link" in re.sub(r"\s+", " ", text)


async def test_nothing_is_fetched_by_opening_it(post: Post) -> None:
    _, mail = await post.ask()
    html = mail.part("html")
    assert not re.search(r"<img|<link|@import|url\(|background=|<object|<video", html)


async def test_what_does_not_show_is_spelled_out(post: Post) -> None:
    """Attack 38."""
    hidden = "a\u202eb\u200bc\x1b[31md\U000e0041"
    action = {"tool": "p\u202ey", "arguments": {"note": hidden}}
    _, mail = await post.ask(action=action, description=hidden)
    for part in (mail.part("plain"), mail.part("html"), str(mail.message["Subject"])):
        for one in "\u202e\u200b\x1b\U000e0041":
            assert one not in part
    assert "\\u202e" in mail.part("plain")
    assert "p\\u202ey" in str(mail.message["Subject"])


async def test_nobody_writes_headers_of_their_own(post: Post) -> None:
    action = {"tool": "pay\r\nBcc: x@evil.example", "arguments": {}}
    task = {"task_type": "approval", "title": "t"}
    _, mail = await post.ask(action=action, environment="e\nX-Evil: 1", human_task=task)
    assert isinstance(mail.message, EmailMessage)
    assert mail.message["Bcc"] is None
    assert mail.message["X-Evil"] is None
    assert mail.recipients == [ANA]
    assert "\\r\\nBcc" in str(mail.message["Subject"])


async def test_what_is_too_large_is_said_to_be_elsewhere_and_never_cut(post: Post) -> None:
    """Attack 39."""
    note = "x" * 120_000 + "the end"
    _, mail = await post.ask(action={"tool": "pay", "arguments": {"note": note}})
    for kind in ("plain", "html"):
        text = re.sub(r"\s+", " ", mail.part(kind))
        assert "the end" not in text
        assert "x" * 100 not in text
        assert re.search(r"has 120\d\d\d bytes, too many for a mail", text)
        assert "They stand on the page, and have to be read there" in text
    _, mail = await post.ask(action={"tool": "pay", "arguments": {"note": "y" * 60_000 + "END"}})
    assert "yyyEND" in mail.part("plain")
    assert "yyyEND" in mail.part("html")


async def test_a_storm_is_one_mail(post: Post) -> None:
    for number in range(20):
        await post.house.ask(**PAY, title=f"{number} https://evil.example")
    await post.house.holdshort.tick()
    post.house.clock.advance(61)
    await post.house.holdshort.tick()
    mails = post.office.to(ANA)
    assert len(mails) <= 4
    digest = mails[-1]
    assert "decisions are asked of you" in str(digest.message["Subject"])
    assert f"{URL}/inbox" in digest.part("plain")
    assert "evil.example" not in digest.part("plain")


async def test_times_are_where_the_recipient_lives(post: Post) -> None:
    where = {"timezone": "Asia/Tokyo", "active": True}
    await post.house.ok("PUT", "/v1/people/{name}", post.house.admin, where, name=ANA)
    _, mail = await post.ask()
    assert "(Asia/Tokyo)" in mail.part("plain")


async def test_a_deputy_reads_for_whom_they_answer(post: Post) -> None:
    house = post.house
    away = {"from": "2027-01-15", "until": "2027-01-17", "deputy": BO}
    await house.ok("POST", "/v1/absences", house.ana, away)
    await house.ask(**PAY)
    await house.holdshort.tick()
    mail = post.office.to(BO)[-1]
    says = "You answer for ana[@]acme[.]com, who is away until Monday 2027-01-18 00:00 UTC."
    for kind in ("plain", "html"):
        assert says in re.sub(r"\s+", " ", mail.part(kind))
    await house.ask(**PAY, to=BO)
    await house.holdshort.tick()
    assert "You answer for" not in post.office.to(BO)[-1].part("plain")


async def test_what_the_agent_adds_stands_in_it(post: Post) -> None:
    more = {"reason": "see https://evil.example", "invoice": 77, "password": "hunter2"}
    _, mail = await post.ask(payload=more)
    for kind in ("plain", "html"):
        text = mail.part(kind).replace("&#34;", '"')
        assert '"invoice": 77' in text
        assert "https[://]evil[.]example" in text
        assert "hunter2" not in text
        assert "masked in mails" in re.sub(r"\s+", " ", text)
