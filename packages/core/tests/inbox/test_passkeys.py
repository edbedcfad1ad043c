"""Passkeys: made while signed in, shown to sign in without a name (attacks 24, 64)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..server.house import ANA, BO, House, database_in, opened
from .authenticator import Authenticator
from .conftest import Browser
from .devices import HERE, add, begin, browser_at, person_at, sign_in

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ana(house: House) -> Browser:
    return await person_at(house)


@pytest.fixture
async def phone(ana: Browser) -> Authenticator:
    """Ana's phone, with a passkey that it has made."""
    device = Authenticator()
    assert (await add(ana, device)).headers["location"] == "/account"
    return device


async def test_a_passkey_is_made_and_signs_in_without_a_name(
    house: House, ana: Browser, phone: Authenticator
) -> None:
    page = (await ana.get("/account")).text
    assert "<strong>Phone</strong>" in page
    guest = browser_at(house)
    done = await sign_in(guest, phone, "/inbox?filter=mine")
    assert (done.status_code, done.headers["location"]) == (303, "/inbox?filter=mine")
    assert ANA in (await guest.get("/inbox")).text
    assert "by a passkey" in (await guest.get("/account")).text


async def test_what_is_asked_for(house: House, ana: Browser, phone: Authenticator) -> None:
    asked = (await browser_at(house).http.post("/sign-in/passkey/begin", data={})).json()
    assert asked["publicKey"]["allowCredentials"] == [], "nobody learns whose passkeys there are"
    assert asked["publicKey"]["userVerification"] == "required"
    assert asked["publicKey"]["rpId"] == "localhost"
    bo = await person_at(house, person=BO)
    made = (await begin(bo))["create"]
    assert made["authenticatorSelection"]["residentKey"] == "required"
    assert made["authenticatorSelection"]["userVerification"] == "required"
    assert ANA not in json.dumps(made)
    assert BO not in made["user"]["id"]


async def test_an_answer_counts_once(house: House, phone: Authenticator) -> None:
    guest = browser_at(house)
    asked = (await guest.http.post("/sign-in/passkey/begin", data={})).json()["publicKey"]
    form = {"answer": phone.show(asked)}
    cookie = guest.http.cookies["holdshort_begun"]
    assert (await guest.http.post("/sign-in/passkey", data=form)).status_code == 303
    again = browser_at(house)
    again.http.cookies.set("holdshort_begun", cookie)
    refused = await again.http.post("/sign-in/passkey", data=form)
    assert refused.status_code == 403
    assert "finished once already" in refused.text
    assert "set-cookie" not in refused.headers


async def test_an_answer_counts_in_the_browser_that_asked(
    house: House, phone: Authenticator
) -> None:
    """An answer that somebody was talked into giving signs nobody else in, and nobody in as
    somebody else (login CSRF)."""
    thief, victim = browser_at(house), browser_at(house)
    asked = (await thief.http.post("/sign-in/passkey/begin", data={})).json()["publicKey"]
    form = {"answer": phone.show(asked)}
    refused = await victim.http.post("/sign-in/passkey", data=form)
    assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)


async def test_an_answer_comes_in_time(house: House, phone: Authenticator) -> None:
    guest = browser_at(house)
    asked = (await guest.http.post("/sign-in/passkey/begin", data={})).json()["publicKey"]
    house.clock.advance(5 * 60 + 1)
    done = await guest.http.post("/sign-in/passkey", data={"answer": phone.show(asked)})
    assert done.status_code == 403


@pytest.mark.parametrize(
    "lies",
    [
        {"challenge": "AAAA"},
        {"party": "evil.example"},
        {"type": "webauthn.create"},
        {"signed": b"something else"},
        {"user": "AAAA"},
    ],
    ids=str,
)
async def test_what_is_not_true_is_refused(
    house: House, phone: Authenticator, lies: dict[str, Any]
) -> None:
    done = await sign_in(browser_at(house), phone, **lies)
    assert done.status_code == 403
    assert "set-cookie" not in done.headers


async def test_another_page_another_key_nobody_verified(house: House, phone: Authenticator) -> None:
    phone.origin = "https://evil.example"
    assert (await sign_in(browser_at(house), phone)).status_code == 403
    phone.origin, phone.verifies = HERE, False
    assert (await sign_in(browser_at(house), phone)).status_code == 403
    phone.verifies = True
    other = Authenticator(id=phone.id, user=phone.user, count=50)
    assert (await sign_in(browser_at(house), other)).status_code == 403
    assert (await sign_in(browser_at(house), Authenticator(user=phone.user))).status_code == 403
    assert (await sign_in(browser_at(house), phone)).status_code == 303


async def test_a_copy_that_counts_from_an_earlier_time_is_refused(
    house: House, phone: Authenticator
) -> None:
    for _ in range(3):
        assert (await sign_in(browser_at(house), phone)).status_code == 303
    phone.count = 1
    refused = await sign_in(browser_at(house), phone)
    assert refused.status_code == 403
    assert "sign count" in refused.text


async def test_one_that_never_counts_is_taken(house: House, ana: Browser) -> None:
    """Passkeys that are kept on several devices have no counter."""
    device = Authenticator(counts=False)
    await add(ana, device)
    for _ in range(2):
        assert (await sign_in(browser_at(house), device)).status_code == 303


@pytest.mark.parametrize("answer", ["", "x", "[]", "{}", '{"id": 1, "response": 2}', "[" * 9000])
async def test_what_is_no_answer_is_refused(house: House, answer: str) -> None:
    guest = browser_at(house)
    await guest.http.post("/sign-in/passkey/begin", data={})
    done = await guest.http.post("/sign-in/passkey", data={"answer": answer})
    assert done.status_code == 403
    assert "no answer of a passkey" in done.text


async def test_one_that_was_removed_is_over(house: House, ana: Browser) -> None:
    phone, laptop = Authenticator(), Authenticator()
    await add(ana, phone)
    proof = phone.show((await begin(ana))["prove"])
    assert (await add(ana, laptop, "Laptop", proof=proof)).status_code == 303
    thief = browser_at(house)
    assert (await sign_in(thief, phone)).status_code == 303
    name = json.loads(phone.show((await begin(ana))["prove"]))["id"]
    asked = await begin(ana, "/account/passkeys/remove/begin", id=name)
    form = {"id": name, "proof": laptop.show(asked["prove"])}
    assert (await ana.post("/account/passkeys/remove", form)).status_code == 303
    page = (await ana.get("/account")).text
    assert "<strong>Phone</strong>" not in page
    assert "<strong>Laptop</strong>" in page
    assert (await thief.get("/inbox")).status_code == 303, "what it began has ended"
    refused = await sign_in(browser_at(house), phone)
    assert "not known here any more" in refused.text
    assert (await sign_in(browser_at(house), laptop)).status_code == 303


async def test_strangers_do_not_fill_the_database(tmp_path: Any) -> None:
    async with opened(database_in(tmp_path), rate_limit=0.001, rate_burst=3) as house:
        guest, path = browser_at(house), "/sign-in/passkey/begin"
        seen = [(await guest.http.post(path, data={})).status_code for _ in range(5)]
        assert seen == [200, 200, 200, 429, 429]
        assert (await guest.get("/sign-in")).status_code == 200


async def test_who_has_left_does_not_sign_in(house: House, phone: Authenticator) -> None:
    await house.ok("PUT", "/v1/people/{name}", house.admin, {"active": False}, name=ANA)
    refused = await sign_in(browser_at(house), phone)
    assert refused.status_code == 403
    assert "deactivated" in refused.text


async def test_who_has_lost_their_device_begins_again(
    house: House, ana: Browser, phone: Authenticator
) -> None:
    path = "/v1/people/{name}/sign-in"
    await house.refused(403, "DELETE", path, house.agent, name=ANA)
    await house.refused(403, "DELETE", path, house.ana, name=ANA)
    await house.ok("DELETE", path, house.admin, name=ANA)
    assert (await ana.get("/inbox")).status_code == 303
    assert (await sign_in(browser_at(house), phone)).status_code == 403
    again, tablet = await person_at(house), Authenticator()
    assert (await add(again, tablet)).status_code == 303
    assert (await sign_in(browser_at(house), tablet)).status_code == 303
    await house.refused(404, "DELETE", path, house.admin, name=BO)


async def test_a_name_is_given(house: House, ana: Browser, phone: Authenticator) -> None:
    name = json.loads(phone.show((await begin(ana))["prove"]))["id"]
    done = await ana.post("/account/passkeys/name", {"id": name, "name": "  Old\n<b>phone</b> "})
    assert done.status_code == 303
    page = (await ana.get("/account")).text
    assert "Old &lt;b&gt;phone&lt;/b&gt;" in page
    assert (await sign_in(browser_at(house), phone)).status_code == 303


async def test_a_stolen_session_makes_no_passkey(house: House, ana: Browser) -> None:
    """Attack 24: or the thief would show their own for the yes."""
    house.clock.advance(15 * 60 + 1)
    refused = await ana.post("/account/passkeys/begin")
    assert refused.status_code == 403
    assert "sign out and in again" in refused.text
    fresh = await person_at(house)
    phone = Authenticator()
    await add(fresh, phone)
    asked = await begin(ana)
    assert "create" not in asked, "with one there, that one is shown first"
    forged = Authenticator(id=phone.id).show(asked["prove"])
    assert (await ana.post("/account/passkeys/begin", {"proof": forged})).status_code == 403


async def test_a_stolen_session_removes_none(
    house: House, ana: Browser, phone: Authenticator
) -> None:
    name = json.loads(phone.show((await begin(ana))["prove"]))["id"]
    for proof in ("", "{}", phone.show((await begin(ana))["prove"])):
        sent = await ana.post("/account/passkeys/remove", {"id": name, "proof": proof})
        assert sent.status_code == 403, "one that was shown to add another does not count either"
    assert "<strong>Phone</strong>" in (await ana.get("/account")).text


async def test_what_was_begun_in_one_session_ends_in_it(house: House, ana: Browser) -> None:
    other, device = await person_at(house), Authenticator()
    asked = (await begin(ana))["create"]
    form = {"answer": device.make(asked)}
    assert (await other.post("/account/passkeys", form)).status_code == 403
    assert (await ana.post("/account/passkeys", form)).status_code == 403, "and is used up"
    bo = await person_at(house, person=BO)
    asked = (await begin(bo))["create"]
    form = {"answer": device.make(asked)}
    assert (await ana.post("/account/passkeys", form)).status_code == 403


async def test_nobody_touches_another_persons(
    house: House, ana: Browser, phone: Authenticator
) -> None:
    name = json.loads(phone.show((await begin(ana))["prove"]))["id"]
    bo = await person_at(house, person=BO)
    for path in ("name", "remove", "remove/begin"):
        sent = await bo.post(f"/account/passkeys/{path}", {"id": name, "name": "x", "proof": "x"})
        assert sent.status_code == 404
    twice = await begin(bo)
    sent = await bo.post("/account/passkeys", {"answer": phone.make(twice["create"])})
    assert "known here already" in sent.text


@pytest.mark.parametrize(
    ("public_url", "at", "said"),
    [
        (None, "http://127.0.0.1:8100", "passkeys work at http://localhost:8100"),
        (
            "http://127.0.0.1:8100",
            "http://127.0.0.1:8100",
            "passkeys work at http://localhost:8100",
        ),
        (None, "http://192.168.1.5:8100", "HOLDSHORT_PUBLIC_URL is not set"),
        ("http://holdshort.acme.com", "http://holdshort.acme.com", "passkeys need https"),
        ("https://10.0.0.1", "https://10.0.0.1", "passkeys need a name"),
        ("https://hs.acme.com", "https://hs.internal", "passkeys work at https://hs.acme.com"),
    ],
)
async def test_where_they_do_not_work_it_is_said(
    tmp_path: Any, public_url: str | None, at: str, said: str
) -> None:
    async with opened(database_in(tmp_path), public_url=public_url) as house:
        ana = await person_at(house, at)
        page = await ana.get("/account")
        assert said.lower() in page.text.lower()
        refused = await ana.post("/account/passkeys/begin")
        assert refused.status_code == 409
        assert said.lower() in refused.text.lower()


@pytest.mark.parametrize(
    ("public_url", "at"),
    [
        ("http://127.0.0.1:8100", "http://localhost:8100"),
        ("http://[::1]:8100", "http://localhost:8100"),
        ("https://hs.acme.com/", "https://hs.acme.com"),
        ("https://hs.acme.com:8443", "https://hs.acme.com:8443"),
    ],
)
async def test_where_they_work(tmp_path: Any, public_url: str, at: str) -> None:
    async with opened(database_in(tmp_path), public_url=public_url) as house:
        ana, phone = await person_at(house, at), Authenticator(origin=at)
        assert (await add(ana, phone)).status_code == 303
        assert (await sign_in(browser_at(house, at), phone)).status_code == 303
