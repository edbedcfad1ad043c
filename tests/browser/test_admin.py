"""The pages of those who run a tenant, in a real browser."""

from __future__ import annotations

import csv
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from holdshort import Client, Reviewer
from holdshort.audit import verify

from .conftest import ANA, Server, usable

BO = "bo@acme.com"
AGENT = "agent://local/default/agent"
PATHS = (
    "", "/people", "/teams", "/keys", "/agents", f"/agents?agent={AGENT}", "/agents?agent=*",
    "/deliveries", "/figures?days=7", "/audit", "/policies",
)  # fmt: skip
#: The most that the first look at a page may load (bytes).
LARGEST_LOAD = 150_000


def decided(server: Server, agent: Client, many: int = 12) -> list[str]:
    """Ask for some things of several types, and have them answered."""
    asked = []
    with Reviewer(server.url, api_key=server.keys["person"]) as ana:
        for number in range(many):
            asked.append(
                agent.send_intent(
                    f"intent.{('pay', 'export', 'deploy')[number % 3]}.v1",
                    to=ANA,
                    action={"tool": "pay", "arguments": {"amount": number}},
                )
            )
            ana.approve(asked[-1]) if number % 4 else ana.reject(asked[-1])
    return asked


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_them(page: Page, server: Server, agent: Client, scheme: Any) -> None:
    decided(server, agent)
    agent.send_intent("intent.pay.v1", to="team:nobody")
    server._admin("PUT", "/v1/webhooks/ledger", {"url": "http://127.0.0.1:9/hook"})
    server._admin("PUT", "/v1/policies/intent.pay.*", {"risk": "high", "quorum": 2})
    server._admin("PUT", f"/v1/limits/{AGENT}", {"intents_per_hour": 13, "cost_per_day": 9})
    server._admin("PUT", "/v1/limits/*", {"tools": {"deny": ["shell*"]}})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    loaded: list[int] = []
    page.on("response", lambda reply: loaded.append(len(reply.body())))
    for path in PATHS:
        loaded.clear()
        page.goto(f"{server.url}/admin{path}")
        for box in page.locator("main details").all():
            box.locator("> summary").click()
        usable(page, also="nav a")
        assert sum(loaded) < LARGEST_LOAD


def test_a_person_comes_in_and_goes(page: Page, server: Server) -> None:
    page.get_by_text(ANA).click()
    page.get_by_role("link", name="Administration").click()
    page.get_by_role("link", name="People", exact=True).click()
    page.get_by_text("Add a person").click()
    page.get_by_label("Address").fill(BO)
    page.get_by_label("Name", exact=True).fill("Bo")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("status")).to_have_text(f"{BO} is saved.")
    page.locator("summary", has_text=BO).click()
    page.get_by_role("button", name="Make a sign-in link").last.click()
    link = page.locator("#secret").inner_text()
    elsewhere = page.context.browser.new_context().new_page()  # type: ignore[union-attr]
    elsewhere.goto(link)
    elsewhere.get_by_role("button", name="Sign in").click()
    expect(elsewhere.get_by_text("Nothing waits for you here.")).to_be_visible()
    elsewhere.goto(f"{server.url}/admin")
    expect(elsewhere.get_by_role("alert")).to_contain_text("administrators")
    page.locator("summary", has_text=BO).click()
    page.locator("details[open]").get_by_label("May decide").uncheck()
    page.locator("details[open]").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("signed out everywhere")
    elsewhere.goto(f"{server.url}/inbox")
    expect(elsewhere).to_have_url(re.compile("/sign-in"))
    elsewhere.context.close()


def test_a_key_is_copied_once(page: Page, server: Server) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{server.url}/admin/keys")
    page.get_by_text("Make a key").first.click()
    page.get_by_label("Whose").fill("agent://acme/production/buyer")
    page.get_by_role("button", name="Make the key").click()
    secret = page.locator("#secret").inner_text()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    with Client(server.url, api_key=secret) as buyer:
        assert buyer.send_intent("intent.pay.v1", to=ANA)
    page.goto(f"{server.url}/admin/keys")
    assert secret not in page.content()


def test_the_log_is_checked_and_taken_out(page: Page, server: Server, agent: Client) -> None:
    decided(server, agent)
    page.goto(f"{server.url}/admin/audit")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#check")).to_have_text(re.compile(r"^Sound: \d+ events of 12 intents\.$"))
    root = page.locator("#root").inner_text()
    with page.expect_download() as saved:
        page.get_by_role("link", name="JSON lines").click()
    found = verify(saved.value.path().read_text().splitlines())
    assert (found.broken, found.root, found.intents) == (None, root, 12)
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.reader(saved.value.path().read_text().splitlines()))
    assert len(rows) == found.events + 1


def test_figures_of_a_reviewer_in_a_hurry(page: Page, server: Server, agent: Client) -> None:
    decided(server, agent)
    page.goto(f"{server.url}/admin/figures?days=7")
    expect(page.get_by_role("note").first).to_contain_text("that cannot have been read")
    expect(page.locator("svg.plot rect.p50")).to_have_count(1)
    bar = page.locator("svg.plot rect.p95").bounding_box()
    assert bar is not None
    assert bar["height"] > 1
    table = page.get_by_role("region", name="Reviewers")
    expect(table.get_by_role("rowheader")).to_have_text(ANA)
