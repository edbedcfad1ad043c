"""Who is signed in where, and what no form, header or address gets around (attacks 17 to 23, 57,
64)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from holdshort.inbox.browsers import browser_name
from holdshort.inbox.routes import PAGES
from holdshort.store.base import Session, Tx

from ..server.house import AGENT, ANA, BO, House
from .authenticator import Authenticator
from .conftest import Browser
from .devices import HERE, add, browser_at, person_at, sign_in
from .test_deciding import PAY, form, settled

pytestmark = pytest.mark.anyio

#: Forms of those who are not signed in yet; they carry no token of a session.
STRANGERS = {
    "/sign-in", "/sign-in/{token}", "/sign-in/passkey", "/sign-in/passkey/begin",
    "/sign-in/mail", "/sign-in/code", "/m/{token}",
}  # fmt: skip
#: Not a form: what it takes is signed by whoever sends it.
SIGNED = {"/slack/interactions"}
FORMS = [path for method, path, _ in PAGES if method == "POST" and path not in SIGNED]
OWN_FORMS = [path for path in FORMS if path not in STRANGERS]
FOREIGN: list[dict[str, str]] = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://localhost:8100.evil.example"},
    {"origin": "http://localhost:9999"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": HERE},
]
_FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.fixture
async def ana(house: House) -> Browser:
    """Ana, who is an administrator."""
    await house.ok("PUT", "/v1/people/{name}", house.admin, {"roles": ["admin"]}, name=ANA)
    return await person_at(house)


def filled(path: str, asked: str) -> str:
    names = {"intent_id": asked, "sha256": "0" * 64, "token": "x", "name": "inbox.css"}
    return re.sub(r"{(\w+)}", lambda found: names.get(found[1], "x"), path)


async def listed(who: Browser) -> list[tuple[str, str]]:
    """Return (browser, id) of the sessions that my account shows."""
    page = (await who.get("/account")).text
    found = page.partition("Where you are signed in")[2]
    names = re.findall(r"<strong>(.*?)</strong>", found)
    return [*zip(names, re.findall(r'name="session" value="(\w+)"', found), strict=True)]


async def test_where_i_am_signed_in(house: House, ana: Browser) -> None:
    other = browser_at(house)
    other.http.headers["user-agent"] = _FIREFOX
    house.clock.advance(1)
    await other.http.post("/sign-in", data={"key": house.ana})
    page = (await ana.get("/account")).text
    assert [name for name, _ in await listed(ana)] == ["Firefox on Windows", "Chrome on Linux"]
    assert page.count("(this one)") == 1
    assert "by a key" in page
    assert "by a link" in page
    bo = await person_at(house, person=BO)
    assert len(await listed(bo)) == 1, "and nobody else"


async def test_links_in_many_mails_hide_no_session(house: House, ana: Browser) -> None:
    house.clock.advance(1)
    now = house.clock.now()

    def mails(tx: Tx) -> None:
        for number in range(250):
            tx.add_session(
                Session(
                    hash=f"mail-{number}",
                    tenant="default",
                    purpose="mail",
                    person=ANA,
                    created_at=now,
                    expires_at=now + 1_000_000,
                )
            )

    await house.engine.write(mails)
    assert len(await listed(ana)) == 1


async def test_ending_one_works_at_once(house: House, ana: Browser) -> None:
    phone = await person_at(house)
    own = await mine(ana)
    assert {id for _, id in await listed(ana)} == {own, await mine(phone)}
    done = await ana.post("/account/sessions/end", {"session": await mine(phone)})
    assert done.headers["location"] == "/account"
    assert (await phone.get("/inbox")).status_code == 303
    again = await ana.post("/account/sessions/end", {"session": "0" * 64})
    assert again.status_code == 404
    done = await ana.post("/account/sessions/end", {"session": own})
    assert done.headers["location"] == "/sign-in"
    assert (await ana.get("/inbox")).status_code == 303


async def mine(who: Browser) -> str:
    page = (await who.get("/account")).text
    return re.findall(r'name="session" value="(\w+)"', page.partition("(this one)")[2])[0]


async def test_ending_all_others(house: House, ana: Browser) -> None:
    others = [await person_at(house) for _ in range(3)]
    bo = await person_at(house, person=BO)
    assert (await ana.post("/account/sessions/end-others")).status_code == 303
    assert [(await one.get("/inbox")).status_code for one in others] == [303] * 3
    assert (await ana.get("/inbox")).status_code == 200
    assert (await bo.get("/inbox")).status_code == 200


async def test_who_was_signed_in_is_told_what_happened(house: House, ana: Browser) -> None:
    assert "has ended" not in (await browser_at(house).get("/sign-in")).text
    assert "has ended" not in (await ana.get("/sign-in")).text
    house.clock.advance(12 * 3600 + 1)
    sent = await ana.get("/account")
    page = (await ana.get(sent.headers["location"])).text
    assert "Your session has ended" in page
    assert "Sign in again" in page
    forged = {"cookie": "holdshort_session=forged"}
    assert "has ended" in (await browser_at(house).get("/sign-in", headers=forged)).text
    fresh = await person_at(house)
    await fresh.post("/sign-out")
    assert "has ended" not in (await fresh.get("/sign-in")).text


async def test_nobody_ends_another_persons(house: House, ana: Browser) -> None:
    bo = await person_at(house, person=BO)
    done = await bo.post("/account/sessions/end", {"session": await mine(ana)})
    assert done.status_code == 404
    assert (await ana.get("/inbox")).status_code == 200


async def test_signing_in_again_ends_the_session_of_before(house: House, ana: Browser) -> None:
    """Attack 64, session fixation: a new secret each time, and the old one is worth nothing."""
    before = ana.http.cookies["holdshort_session"]
    await ana.http.post("/sign-in", data={"key": house.ana})
    after = ana.http.cookies["holdshort_session"]
    assert before != after
    thief = browser_at(house)
    thief.http.cookies.set("holdshort_session", before)
    assert (await thief.get("/inbox")).status_code == 303


async def test_a_secret_for_something_else_is_no_session(house: House, ana: Browser) -> None:
    made = await house.ok("POST", "/v1/sign-in-links", house.admin, {"person": ANA})
    phone = Authenticator()
    await add(ana, phone)
    asked = (await ana.http.post("/sign-in/passkey/begin", data={})).json()["publicKey"]
    from_challenge = Authenticator().show(asked)
    for secret in (made["url"].rpartition("/")[2], asked["challenge"], from_challenge, "", "x"):
        guest = browser_at(house)
        done = await guest.get("/inbox", headers={"cookie": f"holdshort_session={secret}"})
        assert done.status_code == 303
        assert (await guest.http.post(f"/sign-in/{secret[:60] or 'x'}", data={})).status_code in (
            303 if secret in made["url"] and len(secret) > 10 else 410,
            404,
        )


async def test_how_long_one_stays_is_a_setting(house: House, tmp_path: Any) -> None:
    assert (await browser_at(house).get("/sign-in")).status_code == 200
    short = House(f"sqlite:///{tmp_path / 'short.db'}", session_seconds=60)
    await short.open()
    try:
        ana = await person_at(short)
        short.clock.advance(61)
        assert (await ana.get("/inbox")).status_code == 303
    finally:
        await short.close()


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (_FIREFOX, "Firefox on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1",
         "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/130.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Chrome/130 Safari/537 Edg/130.0",
         "Edge on a Mac"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "an unknown browser"),
    ],
)  # fmt: skip
def test_what_a_browser_is_called(agent: str, name: str) -> None:
    assert browser_name(agent) == name


async def test_what_a_browser_calls_itself_is_text(house: House, ana: Browser) -> None:
    guest = browser_at(house)
    guest.http.headers["user-agent"] = "<script>alert(1)</script>" * 100
    await guest.http.post("/sign-in", data={"key": house.ana})
    page = (await guest.get("/account")).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert len(page) < 20_000


# --- forms (attack 64) ---


def test_the_sweep_covers_every_form() -> None:
    assert len(OWN_FORMS) > 20
    assert {*FORMS} >= STRANGERS


@pytest.mark.parametrize("path", OWN_FORMS)
async def test_attack_64_a_form_without_this_sessions_token(
    house: House, ana: Browser, path: str
) -> None:
    asked, bo = await house.ask(**PAY), await person_at(house, person=BO)
    before = await house.look(asked)
    for token in (None, "", "0" * 32, bo.csrf, ana.csrf[:-1], ana.csrf.upper() + "x"):
        sent = form() if token is None else form(csrf=token)
        done = await ana.http.post(filled(path, asked), data=sent)
        assert done.status_code == 403, (token, done.text)
    url = f"{filled(path, asked)}?csrf={ana.csrf}"
    assert (await ana.http.post(url, data=form())).status_code == 403, "an address is no form"
    assert await house.look(asked) == before


@pytest.mark.parametrize("path", FORMS)
async def test_attack_64_a_form_of_another_site(house: House, ana: Browser, path: str) -> None:
    asked = await house.ask(**PAY)
    sent = form(key=house.ana, csrf=ana.csrf)
    for headers in FOREIGN:
        done = await ana.http.post(filled(path, asked), data=sent, headers=headers)
        assert done.status_code == 403, (headers, done.text)
        assert "another site" in done.text
        assert "set-cookie" not in done.headers


async def test_attack_64_what_a_browser_sends_without_asking_is_no_form(
    house: House, ana: Browser
) -> None:
    asked, text = await house.ask(**PAY), {"content-type": "text/plain"}
    for path in OWN_FORMS:
        sent = f'{{"csrf": "{ana.csrf}", "outcome": "approved"}}'
        done = await ana.http.post(filled(path, asked), content=sent, headers=text)
        assert done.status_code == 403, path
    assert (await house.look(asked))["steps"][0]["held"] is None


async def test_a_form_without_a_session(house: House) -> None:
    asked = await house.ask(**PAY)
    for path in OWN_FORMS:
        done = await browser_at(house).http.post(filled(path, asked), data=form())
        assert done.status_code == 401, path
        assert "Your session has ended, so nothing was decided" in done.text


# --- every answer of every page ---


async def everything(house: House, ana: Browser) -> list[Any]:
    """Ask for every page: as nobody and as Ana, with GET, HEAD and POST, right and wrong."""
    asked, nobody = await house.ask(**PAY), browser_at(house)
    paths = [filled(path, asked) for _, path, _ in PAGES]
    paths += ["/inbox/none", "/nope", "/inbox/a/b/c", "/account/", "/static/../x"]
    paths += ["/sign-in/%0d%0a"]
    found = []
    for who in (nobody, ana):
        for path in dict.fromkeys(paths):
            if path.startswith("/inbox/news"):
                continue  # a stream, which ends with its reader
            for method in ("GET", "HEAD", "POST", "PUT"):
                found.append(await who.http.request(method, path, params={"wait_seconds": "0"}))
    return found


async def test_attack_64_no_answer_is_framed(house: House, ana: Browser) -> None:
    found = await everything(house, ana)
    assert {200, 303, 401, 403, 404, 405, 410} <= {one.status_code for one in found}
    for one in found:
        what = (one.request.method, one.request.url.path, one.status_code)
        assert "frame-ancestors 'none'" in one.headers.get("content-security-policy", ""), what
        assert one.headers.get("x-frame-options") == "DENY", what
        assert one.headers.get("x-content-type-options") == "nosniff", what
        assert one.headers.get("referrer-policy") == "no-referrer", what
        assert "unsafe" not in one.headers["content-security-policy"], what
        assert one.status_code < 500, what


ELSEWHERE = (
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "/%2f/evil.example", "/%2fevil.example", "/%5cevil.example", "https://evil.example",
    "https:evil.example", "javascript:alert(1)", "data:text/html,x", "/inbox\\@evil.example",
    "/inbox/..//evil.example", "/inbox/../..", "/inbox\r\nset-cookie: a=b", "/inbox\t/x",
    "\t//evil.example", " //evil.example", "//localhost@evil.example", "/inboxes", "/v1/keys",
    "/sign-out", ".", "", "/inbox#@evil.example", "/static/inbox.js",
)  # fmt: skip


async def test_attack_64_nobody_is_sent_elsewhere(house: House, ana: Browser) -> None:
    phone = Authenticator()
    await add(ana, phone)
    for after in ELSEWHERE:
        guest = browser_at(house)
        by_key = await guest.http.post("/sign-in", data={"key": house.ana, "next": after})
        by_passkey = await sign_in(guest, phone, after)
        for done in (by_key, by_passkey):
            assert (done.status_code, done.headers["location"]) == (303, "/inbox"), after
        page = (await guest.http.get("/sign-in", params={"next": after})).text
        assert 'name="next" value="/inbox"' in page


async def test_one_goes_on_where_one_was(house: House) -> None:
    asked, guest = await house.ask(), browser_at(house)
    sent = await guest.get("/account")
    assert sent.headers["location"] == "/sign-in?next=/account"
    for after in (f"/inbox/{asked}", "/account", "/inbox?filter=mine&q=a%20b", "/admin/people"):
        done = await guest.http.post("/sign-in", data={"key": house.ana, "next": after})
        assert done.headers["location"] == after


# --- who decides (attacks 17 to 23) ---


async def test_attack_17_an_agents_key_opens_no_page(house: House) -> None:
    asked = await house.ask(**PAY)
    keys = {"authorization": f"Bearer {house.agent}", "x-api-key": house.agent}
    guest = browser_at(house)
    for path in OWN_FORMS:
        done = await guest.http.post(filled(path, asked), data=form(), headers=keys)
        assert done.status_code == 401
    guest.http.cookies.set("holdshort_session", house.agent)
    assert (await guest.get(f"/inbox/{asked}", headers=keys)).status_code == 303
    assert (await house.look(asked))["steps"][0]["held"] is None


async def test_attack_18_an_agent_makes_nobody(house: House) -> None:
    for method, path, body in (
        ("POST", "/v1/sign-in-links", {"person": ANA}),
        ("POST", "/v1/keys", {"role": "person", "subject": ANA}),
    ):
        await house.refused(403, method, path, house.agent, body)
    body = {"members": [ANA]}
    await house.refused(403, "PUT", "/v1/people/{name}", house.agent, {}, name="eve@acme.com")
    await house.refused(403, "PUT", "/v1/teams/{name}", house.agent, body, name="admins")


@pytest.mark.parametrize(
    "headers",
    [
        {"x-principal-id": BO},
        {"x-forwarded-email": BO},
        {"x-forwarded-user": BO},
        {"x-auth-request-email": BO},
        {"remote-user": BO},
        {"from": BO},
        {"x-tenant": "other"},
    ],
    ids=str,
)
async def test_attack_19_the_session_says_who(
    house: House, ana: Browser, headers: dict[str, str]
) -> None:
    asked = await house.ask(**PAY, to=[ANA, BO])
    claims = {"decided_by": BO, "actor": f"person:{BO}", "tenant": "other", "via": "api"}
    done = await ana.post(f"/inbox/{asked}/decide", form(**claims), headers=headers)
    assert done.status_code == 303
    result = await settled(house, asked)
    assert (result["decided_by"], result["via"]) == (f"person:{ANA}", "web")
    guest = browser_at(house)
    assert (await guest.get("/inbox", headers=headers)).status_code == 303


async def test_attack_20_nobody_approves_what_their_own_agent_asks(house: House) -> None:
    agent = await house.key("agent", "agent://acme/mine", owner=ANA)
    asked = await house.ask(agent, **PAY, to=[ANA, BO])
    ana, bo = await person_at(house), await person_at(house, person=BO)
    page = (await ana.get(f"/inbox/{asked}")).text
    assert "owns the agent that asks this" in page
    assert 'name="outcome"' not in page
    done = await ana.post(f"/inbox/{asked}/decide", form())
    assert done.status_code == 422
    assert "somebody else has to decide" in done.text
    assert (await bo.post(f"/inbox/{asked}/decide", form())).status_code == 303


async def test_attack_21_one_person_counts_once(house: House, ana: Browser) -> None:
    """By two sessions, by a key as well, and through a team: it is one person."""
    await house.ok("PUT", "/v1/teams/{name}", house.admin, {"members": [ANA, BO]}, name="fin")
    asked = await house.ask(**PAY, to=[ANA, "team:fin"], quorum=2)
    await ana.post(f"/inbox/{asked}/decide", form())
    await settled(house, asked)
    phone = await person_at(house)
    done = await phone.post(f"/inbox/{asked}/decide", form("rejected"))
    assert done.status_code == 422
    assert "one person counts once" in done.text
    assert "You have answered" in (await phone.get(f"/inbox/{asked}")).text
    assert (await house.look(asked))["status"] == "WAITING"
    bo = await person_at(house, person=BO)
    await bo.post(f"/inbox/{asked}/decide", form())
    assert (await settled(house, asked))["outcome"] == "approved"


async def test_attack_22_handing_over_goes_no_circle(house: House, ana: Browser) -> None:
    asked = await house.ask(**PAY)
    bo = await person_at(house, person=BO)
    await ana.post(f"/inbox/{asked}/delegate", {"to": BO})
    assert 'action="/inbox/' + asked + '/delegate"' not in (await bo.get(f"/inbox/{asked}")).text
    done = await bo.post(f"/inbox/{asked}/delegate", {"to": ANA})
    assert done.status_code in (403, 409)
    agent = await house.key("agent", "agent://acme/bos", owner=BO)
    theirs = await house.ask(agent, **PAY)
    done = await ana.post(f"/inbox/{theirs}/delegate", {"to": BO})
    assert done.status_code == 403
    assert "owns the agent" in done.text


async def test_attack_23_who_was_taken_off_after_seeing_the_card(house: House) -> None:
    await house.ok("PUT", "/v1/teams/{name}", house.admin, {"members": [ANA, BO]}, name="fin")
    asked = await house.ask(**PAY, to=["team:fin"])
    bo = await person_at(house, person=BO)
    assert "Approve" in (await bo.get(f"/inbox/{asked}")).text
    await bo.post(f"/inbox/{asked}/decide", form())
    await house.ok("PUT", "/v1/teams/{name}", house.admin, {"members": [ANA]}, name="fin")
    assert await settled(house, asked) is None, "what was held does not count any more"
    assert (await bo.post(f"/inbox/{asked}/decide", form())).status_code == 404
    assert (await bo.get(f"/inbox/{asked}")).status_code == 404
    assert (await house.look(asked))["status"] == "WAITING"


async def test_attack_57_another_tenants_ids_are_not_here(house: House, ana: Browser) -> None:
    """By somebody with the same address, who has every right in a tenant of their own."""
    asked = await house.ask(**PAY)
    key = await house.key("person", ANA, tenant="other")
    await house.key("agent", AGENT, tenant="other")
    admin = await house.key("service", "admin", tenant="other")
    await house.ok("PUT", "/v1/people/{name}", admin, {"roles": ["admin"]}, name=ANA)
    other = browser_at(house)
    await other.http.post("/sign-in", data={"key": key})
    other.csrf = ((await other.get("/account")).text.split('name="csrf" value="')[1])[:32]
    before = await house.look(asked)
    swept = [(method, path) for method, path, _ in PAGES if "{intent_id}" in path]
    assert len(swept) > 12
    for method, path in swept:
        form_of_theirs = {"csrf": other.csrf, **form()} if method == "POST" else None
        done = await other.http.request(method, filled(path, asked), data=form_of_theirs)
        assert done.status_code in ((404, 303) if method == "GET" else (404,)), (method, path)
        assert "pay" not in done.text.lower(), (method, path)
    assert asked not in (await other.get("/inbox")).text
    assert asked not in (await other.get("/inbox?q=pay")).text
    assert await house.look(asked) == before
    assert (await ana.get(f"/inbox/{asked}")).status_code == 200
