"""Links in mails (field.md 3.3: attacks 1 to 8): looking decides nothing, and so does pressing."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from holdshort.cli.up.access import WithoutTokens
from holdshort.ids import hash_of

from ..notify.post_office import PostOffice
from ..server.house import ANA, BO, House, database_in, opened
from .conftest import Browser, anyio_backend, browser

__all__ = ["anyio_backend"]

pytestmark = pytest.mark.anyio

#: What fetches links before people do, by what it calls itself.
SCANNERS = [
    "Mozilla/5.0 (Windows NT 10.0) SafeLinks",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Slackbot 1.0",
    "Mozilla/5.0 SkypeUriPreview Preview/0.5",
    "Microsoft Office/16.0",
    "BingPreview/1.0b",
    "facebookexternalhit/1.1",
    "Twitterbot/1.0",
    "LinkedInBot/1.0",
    "WhatsApp/2.23",
    "TelegramBot (like TwitterBot)",
    "Discordbot/2.0",
    "Googlebot/2.1",
    "GoogleImageProxy",
    "YahooMailProxy",
    "Barracuda Sentinel (EE)",
    "Proofpoint URL Defense",
    "Mimecast",
    "curl/8.0",
    "",
]
TOOL = {"action": {"tool": "pay", "arguments": {"amount": 450, "to": "ACME"}}}


class Mailed:
    """A Holdshort that sends mail, with one decision that is asked of Ana by mail."""

    def __init__(self, house: House, office: PostOffice) -> None:
        self.house, self.office = house, office
        self.asked = self.url = ""

    async def ask(self, **fields: Any) -> str:
        """File an intent; return the path of the link that Ana is mailed."""
        self.asked = await self.house.ask(**(TOOL | fields))
        await self.house.holdshort.tick()
        found = re.search(r"http://holdshort(/m/[\w-]+)", self.office.to(ANA)[-1].part("plain"))
        assert found is not None
        self.url = found[1]
        return self.url

    async def state(self) -> Any:
        """All that could have changed."""
        intent = await self.house.look(self.asked)
        session = self.house.store.session(hash_of(self.url.rpartition("/")[2]))
        return intent, await self.house.events(self.asked), session

    def code(self) -> str:
        """The code in the newest mail."""
        found = re.search(r"^ +(\d{6})\s*$", self.office.mails[-1].part("plain"), re.MULTILINE)
        assert found is not None
        return found[1]


@pytest.fixture
async def mailed(tmp_path: Path) -> AsyncIterator[Mailed]:
    with PostOffice() as office:
        options = office.settings | {"public_url": "http://holdshort"}
        async with opened(database_in(tmp_path), **options) as house:
            found = Mailed(house, office)
            await found.ask()
            yield found


@pytest.mark.parametrize("agent", SCANNERS)
async def test_1_scanners_change_nothing(mailed: Mailed, agent: str) -> None:
    before, guest = await mailed.state(), browser(mailed.house)
    for method, status in (("HEAD", 200), ("GET", 200), ("OPTIONS", 405)) * 2:
        seen = await guest.http.request(method, mailed.url, headers={"user-agent": agent})
        assert seen.status_code == status
        assert "set-cookie" not in seen.headers
    assert await mailed.state() == before
    assert len(mailed.office.mails) == 1
    ana = browser(mailed.house)
    await ana.sign_in(mailed.house)
    used = await ana.get(mailed.url)
    assert used.headers["location"] == f"/inbox/{mailed.asked}"


async def test_2_there_is_nothing_to_press_that_decides(mailed: Mailed) -> None:
    page = (await browser(mailed.house).get(mailed.url)).text
    assert re.findall(r'action="([^"]*)"', page) == [mailed.url]
    assert "450" not in page, "what exactly is for those who are signed in"
    assert "ACME" not in page
    assert "pay" in page


async def test_3_a_scanner_that_sends_every_form_has_one_code_mailed(mailed: Mailed) -> None:
    intent, events, session = await mailed.state()
    scanner = browser(mailed.house)
    page = await scanner.get(mailed.url)
    for _ in range(40):  # it follows what it is sent to, and sends all that it finds
        for action in re.findall(r'<form[^>]*action="([^"]*)"', page.text):
            if "passkey" in action:
                continue
            page = await scanner.http.post(
                action, data={"code": "123456", "email": ANA, "key": "x"}
            )
            if page.is_redirect:
                page = await scanner.get(page.headers["location"])
    assert await mailed.state() == (intent, events, session)
    mails = [one for one in mailed.office.to(ANA) if "code" in str(one.message["Subject"])]
    assert 1 <= len(mails) <= 5
    assert (await scanner.get("/inbox")).status_code == 303, "it is not signed in"
    refused = await scanner.http.post(
        f"/inbox/{mailed.asked}/decide", data={"outcome": "approved", "held": "1"}
    )
    assert refused.status_code == 401


async def test_4_a_link_used_again_says_what_was_decided(mailed: Mailed) -> None:
    await mailed.house.decide(mailed.asked)
    before = await mailed.state()
    ana = browser(mailed.house)
    await ana.sign_in(mailed.house)
    for _ in range(2):
        page = await ana.get(mailed.url)
        assert page.status_code == 200
        assert re.search(rf"Already decided by {ANA} at \d{{4}}-\S+Z: approved\.", page.text)
    assert (await mailed.state())[:2] == before[:2]


@pytest.mark.parametrize("how", ["decided", "canceled", "timed out", "superseded", "expired"])
async def test_5_a_link_after_the_end_says_how_it_ended(mailed: Mailed, how: str) -> None:
    house, key = mailed.house, mailed.house.agent
    if how == "decided":
        await house.decide(mailed.asked, "rejected")
        expected = f"Already decided by {ANA} at"
    elif how == "canceled":
        path = "/v1/intents/{intent_id}/cancel"
        await house.ok("POST", path, key, {}, intent_id=mailed.asked)
        expected = "This was withdrawn."
    elif how == "timed out":
        house.clock.advance(30 * 86400)
        await house.holdshort.tick()
        expected = "Nobody decided in time."
    elif how == "superseded":
        await house.ask(supersedes=mailed.asked)
        expected = "The agent asked anew"
    else:
        policy = {"deadline": 90 * 86400}
        await house.ok("PUT", "/v1/policies/{name}", house.admin, policy, name="*")
        await mailed.ask()
        house.clock.advance(60 * 86400)
        expected = "Links in mails count for 60 days"
    guest = browser(house)
    before = await mailed.state()
    for method in ("GET", "POST"):
        seen = await guest.http.request(method, mailed.url)
        assert seen.status_code == 410
        assert expected in seen.text
    assert (await mailed.state())[:2] == before[:2]
    if how != "expired":
        bo = browser(house)
        await bo.sign_in(house, BO)
        assert (await bo.get(mailed.url)).status_code == 403


async def test_6_a_forwarded_link_is_refused_and_logged(
    mailed: Mailed, caplog: pytest.LogCaptureFixture
) -> None:
    before, bo = await mailed.state(), browser(mailed.house)
    await bo.sign_in(mailed.house, BO)
    for method in ("GET", "POST"):
        caplog.clear()
        seen = await bo.http.request(method, mailed.url)
        assert seen.status_code == 403
        assert f"It was sent to {ANA}; you are signed in as {BO}" in seen.text
        (logged,) = [one.getMessage() for one in caplog.records if one.name == "holdshort.inbox"]
        assert ANA in logged
        assert BO in logged
        assert mailed.asked in logged
        assert mailed.url.rpartition("/")[2] not in logged
    assert await mailed.state() == before
    assert len(mailed.office.mails) == 1


async def test_6_a_person_of_the_same_name_elsewhere_is_another(mailed: Mailed) -> None:
    other = await mailed.house.key("person", ANA, tenant="other")
    guest = browser(mailed.house)
    done = await guest.http.post("/sign-in", data={"key": other})
    assert done.status_code == 303
    assert (await guest.get(mailed.url)).status_code == 403


async def test_7_a_changed_token_leads_nowhere(mailed: Mailed) -> None:
    guest, pages = browser(mailed.house), set()
    token = mailed.url.rpartition("/")[2]
    link = await mailed.house.ok("POST", "/v1/sign-in-links", mailed.house.admin, {"person": ANA})
    ana = browser(mailed.house)
    await ana.sign_in(mailed.house)
    forged = [
        token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :] for n in range(0, 43, 6)
    ]
    others = [link["url"].rpartition("/")[2], ana.http.cookies["holdshort_session"]]
    for one in (*forged, *others, token[:-1], token + "A", token.swapcase(), "x", "%00"):
        for method in ("GET", "POST"):
            seen = await guest.http.request(method, f"/m/{one}")
            assert seen.status_code == 404
            pages.add(seen.text)
    assert len(pages) == 1
    assert mailed.house.store.session(hash_of(others[0])) is not None, "it is not used up"


async def test_8_the_token_is_told_to_nobody(mailed: Mailed) -> None:
    page = await browser(mailed.house).get(mailed.url)
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    for path in (mailed.url, "/sign-in/code/123456", f"{mailed.url}?x=1"):
        args = ("127.0.0.1:1", "GET", path, "1.1", 200)
        record = logging.LogRecord(
            "uvicorn.access", 20, "", 0, '%s - "%s %s HTTP/%s" %d', args, None
        )
        WithoutTokens().filter(record)
        assert mailed.url.rpartition("/")[2] not in record.getMessage()
        assert "123456" not in record.getMessage()


async def test_nobody_finds_the_token_in_the_database(mailed: Mailed) -> None:
    token = mailed.url.rpartition("/")[2].encode()
    folder = Path(mailed.house.database.removeprefix("sqlite:///")).parent
    for file in folder.iterdir():
        assert token not in file.read_bytes()


async def sign_in(guest: Browser, mailed: Mailed) -> Any:
    """Ask for a code by the link, and type it."""
    sent = await guest.http.post(mailed.url)
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in/code")
    assert "six digits" in (await guest.get("/sign-in/code")).text
    return await guest.http.post("/sign-in/code", data={"code": mailed.code()})


async def test_the_way_from_a_mail_to_a_decision(mailed: Mailed) -> None:
    guest = browser(mailed.house)
    assert "Mail me a code" in (await guest.get(mailed.url)).text
    done = await sign_in(guest, mailed)
    assert (done.status_code, done.headers["location"]) == (303, f"/inbox/{mailed.asked}")
    card = await guest.get(f"/inbox/{mailed.asked}")
    assert card.status_code == 200
    found = re.search(r'name="csrf" value="(\w+)"', card.text)
    assert found is not None
    form = {"csrf": found[1], "outcome": "approved", "held": "1", "step": "0"}
    await guest.http.post(f"/inbox/{mailed.asked}/decide", data=form)
    mailed.house.clock.advance(11)
    await mailed.house.holdshort.tick()
    intent = await mailed.house.look(mailed.asked)
    assert intent["result"]["decided_by"] == f"person:{ANA}"


async def test_a_mail_server_that_is_down_is_told_on_the_page(mailed: Mailed) -> None:
    mailed.office.fail()
    sent = await browser(mailed.house).http.post(mailed.url)
    assert sent.status_code == 503
    assert "could not be sent" in sent.text


async def test_who_has_left_gets_no_code(mailed: Mailed) -> None:
    gone = {"active": False}
    await mailed.house.ok("PUT", "/v1/people/{name}", mailed.house.admin, gone, name=ANA)
    assert (await browser(mailed.house).http.post(mailed.url)).status_code == 404
    assert len(mailed.office.mails) == 1


async def test_other_sites_have_no_code_sent(mailed: Mailed) -> None:
    headers = {"origin": "https://evil.example"}
    sent = await browser(mailed.house).http.post(mailed.url, headers=headers)
    assert sent.status_code == 403
    assert len(mailed.office.mails) == 1
