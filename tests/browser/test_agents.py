"""The page Agents on the phone and on a desk: the switch, and the limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from holdshort import Client, Forbidden, LimitReached

from .conftest import ANA, Server, sign_in
from .test_pictures import DESK, PHONE, picture

BUYER = "agent://acme/production/buyer"
BO = "bo@acme.com"


@pytest.fixture
def buyer(server: Server) -> Iterator[Client]:
    made = server._admin("POST", "/v1/keys", {"role": "agent", "subject": BUYER})
    with Client(server.url, api_key=made["token"]) as client:
        headers = {"authorization": f"Bearer {made['token']}"}
        said = {"intents_total": 41, "intents_succeeded": 40, "intents_failed": 1, "cost_usd": 3.1}
        url = f"{server.url}/v1/mesh/heartbeat"
        assert httpx.post(url, json={"metrics": said}, headers=headers).status_code == 200
        yield client


@pytest.fixture(params=["phone", "desk"])
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    device: dict[str, Any] = PHONE if request.param == "phone" else DESK
    context = browser.new_context(**device, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    yield context
    context.close()


def order(buyer: Client, cost: float, tool: str = "order") -> str:
    action = {"tool": tool, "arguments": {"total": cost}}
    return buyer.send_intent("intent.buy.v1", to=ANA, action=action, cost=cost)


def test_an_agent_is_stopped_and_goes_on(page: Page, server: Server, buyer: Client) -> None:
    """Attack 63: two people let it go on; one tap, and one to confirm, stop it."""
    waiting = order(buyer, 10)
    server._admin("PUT", f"/v1/people/{BO}", {"name": "Bo", "roles": ["admin"]})
    server._admin("PUT", "/v1/settings", {"two_people_resume": True})
    page.goto(f"{server.url}/admin/agents")
    page.get_by_role("link", name="buyer").click()
    page.get_by_text("Kill it", exact=True).click()
    page.get_by_role("button", name="Kill buyer").click()
    expect(page.get_by_role("status").first).to_contain_text("It is killed.")
    with pytest.raises(Forbidden):
        order(buyer, 1)
    page.goto(f"{server.url}/inbox/{waiting}")
    expect(page.get_by_role("note").first).to_contain_text("This stands still")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    page.goto(f"{server.url}/admin/agents?agent={BUYER}")
    page.get_by_role("button", name="Let it go on").click()
    expect(page.get_by_role("status").first).to_contain_text("A second administrator")
    expect(page.get_by_role("button", name="Let it go on")).to_have_count(0)

    elsewhere = page.context.browser.new_context()  # type: ignore[union-attr]
    other = elsewhere.new_page()
    sign_in(other, server.link(BO))
    other.goto(f"{server.url}/admin/agents?agent={BUYER}")
    expect(other.get_by_role("note")).to_contain_text(f"{ANA} asks to let it go on")
    other.get_by_role("button", name="Let it go on").click()
    expect(other.get_by_role("status").first).to_contain_text("It goes on.")
    elsewhere.close()
    page.goto(f"{server.url}/inbox/{waiting}")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    assert order(buyer, 1)


def test_limits_are_filled_in(page: Page, server: Server, buyer: Client) -> None:
    page.goto(f"{server.url}/admin/agents?agent={BUYER}")
    page.get_by_label("Cost a day").fill("a hundred")
    page.get_by_label("Tools denied").fill("shell*\nrm")
    page.get_by_role("button", name="Save the limits").click()
    expect(page.get_by_role("alert")).to_contain_text("write a number, such as 12.5")
    expect(page.get_by_label("Tools denied")).to_have_value("shell*\nrm")
    page.get_by_label("Cost a day").fill("100")
    page.get_by_role("button", name="Save the limits").click()
    expect(page.get_by_role("status").first).to_have_text("The limits are saved.")
    order(buyer, 90)
    with pytest.raises(LimitReached):
        order(buyer, 11)
    with pytest.raises(Forbidden):
        order(buyer, 1, tool="shell_exec")
    page.reload()
    expect(page.locator("dl.meters")).to_contain_text("90 of 100 USD")
    assert "may not use the tool shell_exec" in page.locator("main").inner_text()


def test_how_it_looks(
    context: BrowserContext, server: Server, buyer: Client, request: pytest.FixtureRequest
) -> None:
    width = request.node.callspec.params["context"]
    limits = {"intents_per_hour": 20, "cost_per_day": 100, "on_breach": "block"}
    server._admin("PUT", f"/v1/limits/{BUYER}", limits)
    for cost in (30, 45, 12.5):
        order(buyer, cost)
    with pytest.raises(LimitReached):
        order(buyer, 40)
    page = context.new_page()
    sign_in(page, server.link())
    page.goto(f"{server.url}/admin/agents")
    expect(page.get_by_text("87.50 of 100 USD")).to_be_visible()
    picture(page, f"agents-{width}-light")
    page.goto(f"{server.url}/admin/agents?agent={BUYER}")
    expect(page.get_by_text("Kill it", exact=True)).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide
    picture(page, f"agent-{width}-light")
