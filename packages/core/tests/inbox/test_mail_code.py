"""Signing in with a code that comes by mail: for one person, in one browser, for ten minutes."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from holdshort.ids import hash_of

from ..server.house import ANA, BO, House
from .conftest import Browser, anyio_backend, browser, house
from .test_mail_links import Mailed, mailed

__all__ = ["anyio_backend", "house", "mailed"]

pytestmark = pytest.mark.anyio


async def ask(guest: Browser, email: str, after: str = "/inbox") -> Any:
    return await guest.http.post("/sign-in/mail", data={"email": email, "next": after})


async def arrived(mailed: Mailed, count: int) -> None:
    """Wait until so many mails have come."""
    async with asyncio.timeout(5):
        while len(mailed.office.mails) < count:
            await asyncio.sleep(0.01)


async def asked(mailed: Mailed, guest: Browser, email: str = ANA, after: str = "/inbox") -> str:
    """Ask for a code; return it."""
    before = len(mailed.office.mails)
    sent = await ask(guest, email, after)
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in/code")
    await arrived(mailed, before + 1)
    return mailed.code()


async def enter(guest: Browser, code: str, **more: Any) -> Any:
    return await guest.http.post("/sign-in/code", data={"code": code}, **more)


async def is_in(guest: Browser) -> bool:
    return bool((await guest.get("/inbox")).status_code == 200)


async def test_a_code_signs_in(mailed: Mailed) -> None:
    guest = browser(mailed.house)
    assert 'action="/sign-in/mail"' in (await guest.get("/sign-in")).text
    code = await asked(mailed, guest, after="/inbox?filter=mine")
    done = await enter(guest, f" {code[:3]} {code[3:]} ")
    assert (done.status_code, done.headers["location"]) == (303, "/inbox?filter=mine")
    assert await is_in(guest)
    assert "a code by mail" in (await guest.get("/account")).text


async def test_the_mail_says_what_to_do_and_shows_no_code_on_a_locked_screen(
    mailed: Mailed,
) -> None:
    code = await asked(mailed, browser(mailed.house))
    mail = mailed.office.mails[-1]
    assert mail.recipients == [ANA]
    assert code not in str(mail.message["Subject"])
    assert "Give it to" in mail.part("plain")
    assert code in mail.part("html")
    assert f"http://holdshort/sign-in/code/{code}" in mail.part("plain")


async def test_the_link_types_the_code_and_decides_nothing_by_itself(mailed: Mailed) -> None:
    guest, scanner = browser(mailed.house), browser(mailed.house)
    code = await asked(mailed, guest)
    for method in ("HEAD", "GET", "GET"):
        seen = await scanner.http.request(method, f"/sign-in/code/{code}")
        assert seen.status_code == 200
        assert "set-cookie" not in seen.headers
    assert f'value="{code}"' in (await guest.get(f"/sign-in/code/{code}")).text
    assert "alert(1)" not in (await guest.get('/sign-in/code/"><script>alert(1)')).text
    assert not await is_in(guest)
    assert (await enter(guest, code)).status_code == 303


async def test_a_code_counts_once(mailed: Mailed) -> None:
    guest = browser(mailed.house)
    code = await asked(mailed, guest)
    cookie = guest.http.cookies["holdshort_code"]
    assert (await enter(guest, code)).status_code == 303
    again = browser(mailed.house)
    assert (
        await enter(again, code, headers={"cookie": f"holdshort_code={cookie}"})
    ).status_code == 410
    assert not await is_in(again)


async def test_a_code_counts_in_one_browser_alone(mailed: Mailed) -> None:
    """A scanner, or whoever the mail is forwarded to, has the code and not the cookie."""
    guest, thief = browser(mailed.house), browser(mailed.house)
    code = await asked(mailed, guest)
    assert (await enter(thief, code)).status_code == 410
    await ask(thief, BO)
    assert (await enter(thief, code)).status_code == 403
    assert not await is_in(thief)
    assert (await enter(guest, code)).status_code == 303


async def test_a_code_counts_for_ten_minutes(mailed: Mailed) -> None:
    guest = browser(mailed.house)
    code = await asked(mailed, guest)
    mailed.house.clock.advance(10 * 60)
    assert (await enter(guest, code)).status_code == 410
    assert not await is_in(guest)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def test_five_tries(mailed: Mailed) -> None:
    guest = browser(mailed.house)
    code = await asked(mailed, guest)
    said = [await enter(guest, wrong(code)) for _ in range(5)]
    assert [one.status_code for one in said] == [403] * 5
    assert "4 more tries" in said[0].text
    assert "1 more try." in said[3].text
    assert (await enter(guest, code)).status_code == 410, "the right one comes too late"
    assert not await is_in(guest)


async def test_tries_at_once_are_counted_each(mailed: Mailed) -> None:
    guest = browser(mailed.house)
    code = await asked(mailed, guest)
    codes = [f"{n:06d}" for n in range(30) if f"{n:06d}" != code]
    said = await asyncio.gather(*(enter(guest, one) for one in codes))
    assert sum(one.status_code == 403 for one in said) <= 5
    assert (await enter(guest, code)).status_code == 410


async def test_the_code_itself_is_not_kept(mailed: Mailed) -> None:
    guest = browser(mailed.house)
    code = await asked(mailed, guest)
    cookie = guest.http.cookies["holdshort_code"]
    kept = mailed.house.store.session(hash_of(cookie))
    assert kept is not None
    assert code not in str(kept)
    assert cookie not in str(kept)
    assert hash_of(code) not in str(kept)


async def test_nobody_learns_who_is_here(mailed: Mailed) -> None:
    answers = []
    for email in (ANA, "nobody@acme.com"):
        guest = browser(mailed.house)
        sent = await ask(guest, email)
        shown = await guest.get("/sign-in/code")
        tried = await enter(guest, "x")
        cookie = re.sub("=[^;]+", "=…", sent.headers["set-cookie"], count=1)
        answers.append((sent.status_code, sent.headers["location"], cookie, shown.text, tried.text))
    assert answers[0] == answers[1]
    await arrived(mailed, 2)
    assert [one.recipients for one in mailed.office.mails] == [[ANA], [ANA]]


async def test_too_many_codes_are_too_many_for_everybody_alike(mailed: Mailed) -> None:
    for email in (ANA, "nobody@acme.com"):
        answers = [(await ask(browser(mailed.house), email)).status_code for _ in range(7)]
        assert answers == [303] * 5 + [429] * 2
    mailed.house.clock.advance(10 * 60 + 1)
    for _ in range(3):
        assert [(await ask(browser(mailed.house), ANA)).status_code for _ in range(5)] == [303] * 5
        mailed.house.clock.advance(10 * 60 + 1)
    assert (await ask(browser(mailed.house), ANA)).status_code == 429, "twenty a day"
    mailed.house.clock.advance(24 * 3600)
    assert (await ask(browser(mailed.house), ANA)).status_code == 303


@pytest.mark.parametrize("email", ["", "ana", "team:admins", "a@b\r\nBcc: x@y.z", "x" * 400])
async def test_what_is_no_address(mailed: Mailed, email: str) -> None:
    sent = await ask(browser(mailed.house), email)
    assert sent.status_code == 400
    assert len(mailed.office.mails) == 1


async def test_who_has_left_stays_out(mailed: Mailed) -> None:
    house, guest = mailed.house, browser(mailed.house)
    code = await asked(mailed, guest)
    await house.ok("PUT", "/v1/people/{name}", house.admin, {"active": False}, name=ANA)
    assert (await enter(guest, code)).status_code == 410
    assert not await is_in(guest)
    await ask(browser(house), ANA)
    await ask(browser(house), BO)
    await arrived(mailed, 3)
    assert mailed.office.mails[-1].recipients == [BO]


async def test_a_person_of_one_tenant_signs_in_there(mailed: Mailed) -> None:
    await mailed.house.key("person", "cy@other.com", tenant="other")
    guest = browser(mailed.house)
    code = await asked(mailed, guest, "cy@other.com")
    await enter(guest, code)
    session = mailed.house.store.session(hash_of(guest.http.cookies["holdshort_session"]))
    assert session is not None
    assert (session.tenant, session.person) == ("other", "cy@other.com")


async def test_a_person_of_several_tenants_signs_in_in_none_of_them_by_chance(
    mailed: Mailed,
) -> None:
    for tenant in ("one", "two"):
        await mailed.house.key("person", "di@acme.com", tenant=tenant)
        await mailed.house.key("person", BO, tenant=tenant)
    await ask(browser(mailed.house), "di@acme.com")
    guest = browser(mailed.house)
    code = await asked(mailed, guest, BO)
    assert [one.recipients for one in mailed.office.mails[1:]] == [[BO]]
    await enter(guest, code)
    session = mailed.house.store.session(hash_of(guest.http.cookies["holdshort_session"]))
    assert session is not None
    assert session.tenant == "default"


@pytest.mark.parametrize("after", ["https://evil.example/", "//evil.example", "/inbox/../v1"])
async def test_nobody_is_sent_elsewhere(mailed: Mailed, after: str) -> None:
    """Attack 64."""
    guest = browser(mailed.house)
    code = await asked(mailed, guest, after=after)
    assert (await enter(guest, code)).headers["location"] == "/inbox"


@pytest.mark.parametrize("path", ["/sign-in/mail", "/sign-in/code"])
async def test_other_sites_send_nothing(mailed: Mailed, path: str) -> None:
    guest = browser(mailed.house)
    code = await asked(mailed, guest)
    headers = {"origin": "https://evil.example"}
    form = {"code": code, "email": BO}
    assert (await guest.http.post(path, data=form, headers=headers)).status_code == 403
    assert not await is_in(guest)


async def test_another_secret_of_ours_is_no_code(mailed: Mailed) -> None:
    guest = browser(mailed.house)
    await guest.sign_in(mailed.house)
    session = guest.http.cookies["holdshort_session"]
    sent = await enter(guest, "000000", headers={"cookie": f"holdshort_code={session}"})
    assert sent.status_code == 410
    assert mailed.house.store.session(hash_of(session)) is not None


async def test_without_mail_there_is_no_such_way(house: House) -> None:
    guest = browser(house)
    assert "/sign-in/mail" not in (await guest.get("/sign-in")).text
    assert (await ask(guest, ANA)).status_code == 409
