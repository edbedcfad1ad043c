"""Every way in, in a real browser: a link, a key, a provider. (A passkey: test_passkeys.py.)"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import ANA, PHONE, Server, Watched, of_core, sign_in, up


@pytest.fixture
def openid() -> Iterator[Any]:
    """A provider on the loopback: the one that the tests of the pages have."""
    with (
        of_core("inbox/openid.py") as module,
        module.provider(lambda: round(time.time() * 1000)) as found,
    ):
        yield found


def test_by_a_link_once(page: Page, watched: Watched, server: Server) -> None:
    link = server.link()
    sign_in(page, link)
    page.goto(f"{server.url}/account")
    expect(page.get_by_text("(this one)")).to_be_visible()
    expect(page.get_by_text("by a link")).to_be_visible()
    assert page.goto(link).status == 410  # type: ignore[union-attr]
    expect(page.get_by_role("heading", name="This link does not work any more")).to_be_visible()
    # The browser calls the answer an error; the page says what to do.
    watched.complaints[:] = [one for one in watched.complaints if "status of 410" not in one]


def test_by_a_key_and_on_to_where_one_was(guest: Page, server: Server) -> None:
    guest.goto(f"{server.url}/account")
    guest.wait_for_url("**/sign-in?next=/account")
    guest.get_by_label("Or your own key").fill(server.keys["person"])
    guest.get_by_role("button", name="Sign in", exact=True).click()
    guest.wait_for_url("**/account")
    expect(guest.get_by_role("heading", name=ANA)).to_be_visible()


def test_by_a_provider(guest: Page, openid: Any, tmp_path: Path) -> None:
    said = {
        "HOLDSHORT_OIDC_ISSUER": openid.url,
        "HOLDSHORT_OIDC_CLIENT_ID": "holdshort",
        "HOLDSHORT_OIDC_CLIENT_SECRET": "s3cret",
        "HOLDSHORT_OIDC_NAME": "Acme ID",
    }
    with up(tmp_path, **said) as server:
        openid.subject, openid.mail = "1", "eve@acme.com"
        guest.goto(f"{server.url}/sign-in?next=/account")
        guest.get_by_role("link", name="Sign in with Acme ID").click()
        expect(guest.get_by_role("alert")).to_contain_text("nobody here is eve@acme.com")
        openid.mail = ANA
        guest.get_by_role("link", name="Sign in with Acme ID").click()
        guest.wait_for_url("**/account")
        expect(guest.get_by_text("by Acme ID")).to_be_visible()
        guest.go_back()
        guest.reload()


def test_ending_another_session_works_at_once(page: Page, browser: Browser, server: Server) -> None:
    other = browser.new_context(**PHONE)
    second = other.new_page()
    sign_in(second, server.link())
    page.goto(f"{server.url}/account")
    page.get_by_role("button", name="End all others").click()
    expect(page.get_by_role("button", name="End all others")).to_have_count(0)
    second.reload()
    second.wait_for_url("**/sign-in?next=/inbox")
    other.close()


def test_where_passkeys_do_not_work_it_is_said(page: Page, server: Server) -> None:
    """At 127.0.0.1: browsers make none for an address, but at localhost."""
    page.goto(f"{server.url}/account")
    expect(page.get_by_text("Passkeys work at http://localhost")).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_be_hidden()
    link = page.get_by_role("link", name="Go there")
    assert link.get_attribute("href") == server.url.replace("127.0.0.1", "localhost") + "/account"


def test_without_scripts_it_is_said_plainly(browser: Browser, server: Server) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.link().replace("127.0.0.1", "localhost"))
    page.get_by_role("button", name="Sign in on this device").click()
    page.goto(f"{server.url.replace('127.0.0.1', 'localhost')}/account")
    expect(page.get_by_text("this page needs JavaScript")).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_be_hidden()
    context.close()
