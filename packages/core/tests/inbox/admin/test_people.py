"""People, teams and keys: the same as through the API, from a page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ...server.house import AGENT, ANA, BO, House
from ..conftest import Browser, browser
from .conftest import words

pytestmark = pytest.mark.anyio
CLEO = "cleo@acme.com"


async def listed(house: House, collection: str) -> dict[str, Any]:
    found = await house.ok("GET", f"/v1/{collection}", house.admin)
    return {item["name"]: item for item in found["items"]}


async def test_a_person_is_added_and_changed(admin: Browser, house: House) -> None:
    form = {"person": CLEO, "name": "Cleo", "roles": "cfo, legal", "active": "1", "new": "1"}
    page = await admin.post("/admin/people", form)
    assert page.status_code == 200, page.text
    assert f"{CLEO} is saved." in page.text
    assert (await listed(house, "people"))[CLEO]["roles"] == ["cfo", "legal"]
    again = await admin.post("/admin/people", form)
    assert again.status_code == 409
    await admin.post("/admin/people", {"person": CLEO, "name": "Cléo", "roles": "", "active": "1"})
    changed = (await listed(house, "people"))[CLEO]
    assert (changed["title"], changed["roles"], changed["active"]) == ("Cléo", [], True)


async def test_what_the_form_does_not_speak_of_stays(admin: Browser, house: House) -> None:
    contact = {"name": "Bo", "channels": ["webhook"], "timezone": "Europe/Berlin", "tell": "first"}
    await house.ok("PUT", "/v1/people/{name}", house.admin, contact, name=BO)
    before = (await listed(house, "people"))[BO]
    assert before["timezone"] == "Europe/Berlin"
    form = {"person": BO, "name": before["title"], "roles": "", "active": "1"}
    assert (await admin.post("/admin/people", form)).status_code == 200
    assert (await listed(house, "people"))[BO] == before


@pytest.mark.parametrize("address", ["", "nobody", "team:x", "role:cfo", "a b@acme.com"])
async def test_what_is_no_person_is_refused(admin: Browser, house: House, address: str) -> None:
    page = await admin.post("/admin/people", {"person": address, "active": "1", "new": "1"})
    assert page.status_code == 422
    assert 'role="alert"' in page.text
    assert set(await listed(house, "people")) == {ANA, BO}


async def test_who_is_deactivated_is_signed_out_and_decides_nothing(
    admin: Browser, house: House
) -> None:
    bo = browser(house)
    await bo.sign_in(house, BO)
    asked = await house.ask(to=BO)
    link = await house.ok("POST", "/v1/sign-in-links", house.admin, {"person": BO})
    page = await admin.post("/admin/people", {"person": BO, "name": "Bo"})
    assert f"{BO} is deactivated" in page.text
    assert (await bo.get("/inbox")).status_code == 303
    assert (await browser(house).get(link["url"])).status_code == 410
    path = "/v1/intents/{intent_id}/decision"
    await house.refused(404, "POST", path, house.bo, {"outcome": "approved"}, intent_id=asked)
    refused = await admin.post("/admin/people/link", {"person": BO})
    assert refused.status_code == 422
    assert "sign-in/" not in refused.text
    # Nobody is left who can decide it, which the overview says.
    assert asked in (await admin.get("/admin")).text


async def test_nobody_locks_themselves_out(admin: Browser, house: House) -> None:
    page = await admin.post("/admin/people", {"person": ANA, "name": "Ana"})
    assert page.status_code == 422
    assert "another administrator can" in page.text
    assert (await admin.get("/admin")).status_code == 200
    await admin.post("/admin/teams", {"team": "admins", "members": ANA})
    cleo = browser(house)
    await admin.post("/admin/teams", {"team": "admins", "members": f"{ANA} {CLEO}"})
    await cleo.sign_in(house, CLEO)
    page = await cleo.post("/admin/teams", {"team": "admins", "members": ANA})
    assert page.status_code == 422
    assert (await cleo.post("/admin/teams/delete", {"team": "admins"})).status_code == 422
    assert (await listed(house, "teams"))["admins"]["members"] == [ANA, CLEO]


async def test_a_sign_in_link_is_shown_once_and_works_once(admin: Browser, house: House) -> None:
    page = await admin.post("/admin/people/link", {"person": BO})
    (url,) = re.findall(r"http://\S+/sign-in/[\w-]+", page.text)
    assert page.headers["cache-control"] == "no-store"
    assert url not in (await admin.get("/admin/people")).text
    bo = browser(house)
    assert (await bo.get(url)).status_code == 200
    done = await bo.http.post(url, data={"next": "/inbox"})
    assert done.status_code == 303
    assert (await bo.http.post(url)).status_code == 410
    page = await admin.post("/admin/people/sign-out", {"person": BO})
    assert "1 session" in words(page.text)
    assert (await bo.get("/inbox")).status_code == 303


async def test_teams(admin: Browser, house: House) -> None:
    await admin.post("/admin/teams", {"team": "team:finance", "members": f"{ANA}\n{BO}, {BO}"})
    assert (await listed(house, "teams"))["finance"]["members"] == [ANA, BO]
    page = await admin.post("/admin/teams", {"team": "finance", "members": "nobody"})
    assert page.status_code == 422
    assert (await admin.post("/admin/teams", {"team": "Not A Name"})).status_code == 422
    page = await admin.post("/admin/teams/delete", {"team": "finance"})
    assert "team:finance is deleted." in page.text
    assert await listed(house, "teams") == {}


async def test_a_keys_secret_is_shown_once(admin: Browser, house: House) -> None:
    form = {"role": "agent", "subject": AGENT, "owner": BO, "name": "from the page"}
    page = await admin.post("/admin/keys", form)
    (secret,) = re.findall(r"hs_agent_[\w-]+", page.text)
    me = await house.ok("GET", "/v1/whoami", secret)
    assert (me["role"], me["subject"], me["owner"]) == ("agent", AGENT, BO)
    page = await admin.get("/admin/keys")
    assert secret not in page.text
    assert "from the page" in page.text
    keys = (await house.ok("GET", "/v1/keys", house.admin))["keys"]
    (made,) = (key for key in keys if key["name"] == "from the page")
    page = await admin.post("/admin/keys/revoke", {"key": made["key_id"]})
    assert "The key is revoked." in page.text
    await house.refused(401, "GET", "/v1/whoami", secret)
    assert (await admin.post("/admin/keys/revoke", {"key": made["key_id"]})).status_code == 404


@pytest.mark.parametrize(
    "form",
    [
        {"role": "root", "subject": "x"},
        {"role": "agent"},
        {"role": "person", "subject": "team:admins"},
        {"role": "agent", "subject": AGENT, "owner": "nobody"},
    ],
)
async def test_a_key_of_nobody_is_refused(
    admin: Browser, house: House, form: dict[str, str]
) -> None:
    page = await admin.post("/admin/keys", form)
    assert page.status_code == 422
    assert "hs_" not in page.text
    assert len((await house.ok("GET", "/v1/keys", house.admin))["keys"]) == 4


async def test_hostile_names_are_text(admin: Browser, house: House) -> None:
    """Attacks 38 and 40: what is stored is shown as text, wherever it came from. Only in the box
    in which a name is changed it stands as it is."""
    hostile = "<script>alert(1)</script>"
    body = {"role": "agent", "subject": "agent://acme/production/a", "name": hostile}
    await house.ok("POST", "/v1/keys", house.admin, body)
    body = {"name": f"{hostile}\u202e"}
    await house.ok("PUT", "/v1/people/{name}", house.admin, body, name=CLEO)
    hook = {"url": f"http://127.0.0.1/{hostile}"}
    await house.ok("PUT", "/v1/webhooks/{name}", house.admin, hook, name="<script>alert")
    policy = {"risk": "high"}
    await house.ok("PUT", "/v1/policies/{name}", house.admin, policy, name="intent.<b>.*")
    for path in ("people", "keys", "deliveries", "policies"):
        page = await admin.get(f"/admin/{path}")
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "intent.<b>" not in page.text
        assert "\u202e" not in re.sub(r'value="[^"]*"', "", page.text)


async def test_a_session_that_was_left_open_makes_nobody_a_way_in(
    admin: Browser, house: House
) -> None:
    house.clock.advance(16 * 60)
    wants = [
        ("/admin/people/link", {"person": BO}),
        ("/admin/keys", {"role": "person", "subject": BO}),
    ]
    for path, form in wants:
        page = await admin.post(path, form)
        assert page.status_code == 403
        assert "sign out and in again" in page.text
    await admin.sign_in(house)
    for path, form in wants:
        assert (await admin.post(path, form)).status_code == 200
