"""Who sits at the browser (field.md 3.3: attacks 1 to 8, 18, 19, 64)."""

from __future__ import annotations

import re

import pytest

from ..server.house import ANA, BO, House
from .conftest import Browser, browser

pytestmark = pytest.mark.anyio

SCANNERS = ["Mozilla/5.0 SafeLinks", "Slackbot-LinkExpanding 1.0", "SkypeUriPreview", "curl/8"]


async def link(house: House, person: str = ANA) -> str:
    made = await house.ok("POST", "/v1/sign-in-links", house.admin, {"person": person})
    return str(made["url"])


async def test_without_a_session_there_is_the_way_to_one(house: House) -> None:
    asked = await house.ask()
    guest = browser(house)
    for path in ("/inbox", f"/inbox/{asked}", f"/inbox/{asked}/edit"):
        sent = await guest.get(path)
        assert sent.headers["location"] == f"/sign-in?next={path}"
    refused = await guest.post(f"/inbox/{asked}/decide", {"outcome": "approved"})
    assert refused.status_code == 401
    assert "nothing was decided" in refused.text
    assert (await house.look(asked))["status"] == "WAITING"


async def test_a_link_signs_in_once(house: House) -> None:
    url, first, second = await link(house), browser(house), browser(house)
    assert (await first.http.post(url, data={})).status_code == 303
    assert "Waiting for you" in (await first.get("/inbox")).text
    again = await second.http.post(url, data={})
    assert again.status_code == 410
    assert "does not work any more" in again.text
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("agent", SCANNERS)
async def test_scanners_use_nothing_up(house: House, method: str, agent: str) -> None:
    url, guest = await link(house), browser(house)
    for _ in range(3):
        seen = await guest.http.request(method, url, headers={"user-agent": agent})
        assert seen.status_code in (200, 405)
        assert "set-cookie" not in seen.headers
    assert (await guest.http.post(url, data={})).status_code == 303


@pytest.mark.parametrize("change", ["x", "", "AAAA"])
async def test_a_forged_link_is_none(house: House, change: str) -> None:
    url, guest = await link(house), browser(house)
    forged = url[:-1] + ("A" if url[-1] != "A" else "B") if change == "x" else url[:-6] + change
    assert (await guest.http.post(forged, data={})).status_code == 410
    assert (await guest.get(forged)).status_code == 410


async def test_an_old_link_is_none(house: House) -> None:
    url, guest = await link(house), browser(house)
    house.clock.advance(15 * 60 + 1)
    assert (await guest.get(url)).status_code == 410
    assert (await guest.http.post(url, data={})).status_code == 410


async def test_a_session_ends(house: House, ana: Browser) -> None:
    house.clock.advance(12 * 3600 + 1)
    assert (await ana.get("/inbox")).status_code == 303


async def test_signing_out(house: House, ana: Browser) -> None:
    phone = browser(house)
    await phone.sign_in(house)
    cookie = ana.http.cookies["holdshort_session"]
    assert (await ana.post("/sign-out")).headers["location"] == "/sign-in"
    ana.http.cookies.set("holdshort_session", cookie)
    assert (await ana.get("/inbox")).status_code == 303, "the server has forgotten it"
    assert (await phone.get("/inbox")).status_code == 200
    laptop = browser(house)
    await laptop.sign_in(house)
    await laptop.post("/sign-out", {"everywhere": "1"})
    assert (await phone.get("/inbox")).status_code == 303


async def test_who_has_left_is_out(house: House, ana: Browser) -> None:
    await house.ok("PUT", "/v1/people/{name}", house.admin, {"active": False}, name=ANA)
    assert (await ana.get("/inbox")).status_code == 303


async def test_a_persons_key_signs_in(house: House) -> None:
    guest = browser(house)
    done = await guest.http.post("/sign-in", data={"key": house.ana, "next": "/inbox?filter=mine"})
    assert done.headers["location"] == "/inbox?filter=mine"
    assert ANA in (await guest.get("/inbox")).text


async def test_no_other_key_does(house: House) -> None:
    for key, status in ((house.agent, 403), (house.admin, 403), ("hs_person_x", 401), ("", 401)):
        guest = browser(house)
        done = await guest.http.post("/sign-in", data={"key": key})
        assert done.status_code == status
        assert "set-cookie" not in done.headers


@pytest.mark.parametrize(
    "after",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/inbox\\..", "x", "/v1"],
)
async def test_nobody_is_sent_elsewhere(house: House, after: str) -> None:
    guest = browser(house)
    done = await guest.http.post(await link(house), data={"next": after})
    assert done.headers["location"] == "/inbox"


async def test_the_cookie_is_for_us_alone(house: House) -> None:
    done = await browser(house).http.post(await link(house), data={})
    cookie = done.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    over_tls = await browser(house).http.post(
        (await link(house)).replace("http://", "https://"), data={}
    )
    assert "; secure" in over_tls.headers["set-cookie"].lower()


async def test_a_session_given_by_somebody_else_is_not_taken_over(house: House) -> None:
    """Session fixation: what the browser held before is not what it holds afterwards."""
    guest = browser(house)
    planted = {"cookie": "holdshort_session=planted"}
    done = await guest.http.post(await link(house), data={}, headers=planted)
    assert "planted" not in done.headers["set-cookie"]
    assert (await browser(house).get("/inbox", headers=planted)).status_code == 303


async def test_an_agent_makes_no_session(house: House) -> None:
    await house.refused(403, "POST", "/v1/sign-in-links", house.agent, {"person": ANA})
    asked = await house.ask()
    headers = {"authorization": f"Bearer {house.agent}", "x-forwarded-email": ANA}
    sent = await browser(house).post(
        f"/inbox/{asked}/decide", {"outcome": "approved"}, headers=headers
    )
    assert sent.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://holdshort"},
    ],
)
async def test_other_sites_send_nothing(
    house: House, ana: Browser, headers: dict[str, str]
) -> None:
    asked = await house.ask()
    form = {"outcome": "approved", "held": "1", "step": "0"}
    sent = await ana.post(f"/inbox/{asked}/decide", form, headers=headers)
    assert sent.status_code == 403
    assert (await house.look(asked))["steps"][0]["held"] is None


@pytest.mark.parametrize("csrf", ["", "0" * 32])
async def test_a_form_of_another_session_is_refused(house: House, ana: Browser, csrf: str) -> None:
    asked = await house.ask()
    bo = browser(house)
    await bo.sign_in(house, BO)
    for token in (csrf, bo.csrf):
        form = {"csrf": token, "outcome": "approved", "held": "1"}
        sent = await ana.http.post(f"/inbox/{asked}/decide", data=form)
        assert sent.status_code == 403
        assert "earlier session" in sent.text


async def test_pages_are_framed_by_nobody_and_kept_by_nobody(house: House, ana: Browser) -> None:
    asked = await house.ask()
    for path in ("/inbox", f"/inbox/{asked}", "/sign-in", "/inbox/none"):
        headers = (await ana.get(path)).headers
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


async def test_nothing_comes_from_elsewhere(house: House, ana: Browser) -> None:
    asked = await house.ask()
    page = (await ana.get(f"/inbox/{asked}")).text
    found = re.findall(r'(?:src|href|action)="([^"]*)"', page)
    assert found
    assert [one for one in found if not re.match(r"(/(?!/)|#)", one)] == []
    assert not re.search(r"<script>|\son\w+=|style=", page)


async def test_the_first_load_is_light(house: House, ana: Browser) -> None:
    asked = await house.ask()
    paths = [f"/inbox/{asked}", "/static/inbox.css", "/static/inbox.js", "/static/icon.svg"]
    sizes = [len((await ana.get(path)).content) for path in paths]
    assert sum(sizes) < 150 * 1024


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e%2fweb.py", "/static/x.css"])
async def test_only_files_of_the_pages_are_served(house: House, path: str) -> None:
    assert (await browser(house).get(path)).status_code == 404
