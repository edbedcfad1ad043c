"""Who may come in: administrators of the tenant, and nobody else; with forms of their own pages."""

from __future__ import annotations

import pytest

from holdshort.inbox.admin.door import SECTIONS
from holdshort.inbox.admin.pages import PAGES

from ...server.house import ANA, BO, House
from ..conftest import Browser, browser
from .conftest import words

pytestmark = pytest.mark.anyio
FORMS = [path for method, path, _ in PAGES if method == "POST"]
LOOKS = [path for method, path, _ in PAGES if method == "GET"]


@pytest.mark.parametrize("path", LOOKS)
async def test_every_page_can_be_looked_at(admin: Browser, path: str) -> None:
    page = await admin.get(path)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert " style=" not in page.text


@pytest.mark.parametrize("path", LOOKS)
async def test_who_is_no_administrator_gets_nothing(
    admin: Browser, house: House, path: str
) -> None:
    bo = browser(house)
    await bo.sign_in(house, BO)
    page = await bo.get(path)
    assert page.status_code == 403
    assert "administrators" in page.text
    assert ANA not in page.text
    assert "Administration" not in (await bo.get("/inbox")).text
    assert "Administration" in (await admin.get("/inbox")).text


@pytest.mark.parametrize("path", FORMS)
async def test_forms_of_others_do_nothing(admin: Browser, house: House, path: str) -> None:
    """Attack 64: a form that another site posts; and somebody who is no administrator."""
    bo = browser(house)
    await bo.sign_in(house, BO)
    form = {"person": BO, "team": "admins", "members": BO, "subject": BO, "role": "person"}
    assert (await bo.post(path, form)).status_code == 403
    stolen = await admin.post(path, form | {"csrf": "0" * 32})
    assert stolen.status_code == 403
    from_elsewhere = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert (await admin.post(path, form, headers=from_elsewhere)).status_code == 403
    nobody = await browser(house).post(path, form)
    assert nobody.status_code == 401
    found = await house.ok("GET", "/v1/teams", house.admin)
    assert found["items"] == []
    assert len((await house.ok("GET", "/v1/keys", house.admin))["keys"]) == 4


@pytest.mark.parametrize("path", FORMS)
async def test_looking_changes_nothing(admin: Browser, path: str) -> None:
    """Attacks 1 to 8: what fetches an address does nothing by it."""
    page = await admin.get(path)
    assert page.status_code in (200, 405)


async def test_who_is_not_signed_in_is_sent_to_sign_in(house: House) -> None:
    page = await browser(house).get("/admin/people")
    assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=/admin/people")


async def test_a_member_of_the_team_of_administrators_may_come_in(
    admin: Browser, house: House
) -> None:
    bo = browser(house)
    await bo.sign_in(house, BO)
    await admin.post("/admin/teams", {"team": "admins", "members": f"{ANA} {BO}"})
    assert (await bo.get("/admin")).status_code == 200


async def test_another_tenant_is_not_there(admin: Browser, house: House) -> None:
    """Attack 57."""
    elsewhere = await house.key("service", "root", tenant="other")
    body = {"members": ["eve@other.com"]}
    await house.ok("PUT", "/v1/teams/{name}", elsewhere, body, name="spies")
    agent = await house.key("agent", "agent://other/production/x", tenant="other")
    theirs = await house.ask(agent, to="eve@other.com")
    for path, _ in SECTIONS:
        page = await admin.get(path)
        assert "other" not in words(page.text).replace("another", ""), path
        assert theirs not in page.text
    refused = await admin.post("/admin/audit", {"intent": theirs})
    assert refused.status_code == 404
    assert (await admin.get(f"/inbox/{theirs}")).status_code == 404
    assert (await admin.post("/admin/teams/delete", {"team": "spies"})).status_code == 404
    found = await house.ok("GET", "/v1/teams", elsewhere)
    assert [team["name"] for team in found["items"]] == ["spies"]
