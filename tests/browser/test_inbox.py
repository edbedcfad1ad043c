"""The inbox in a real browser, from the card to the agent that goes on."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from holdshort import Client

from .conftest import ANA, PHONE, Server, Watched, usable

PAY: dict[str, Any] = {"tool": "pay", "arguments": {"amount": 450, "to": "ACME"}}
FORM = {
    "type": "object",
    "required": ["colour"],
    "properties": {
        "colour": {"enum": ["red", "blue"], "title": "Colour"},
        "many": {"type": "integer", "minimum": 3, "title": "How many"},
        "address": {"type": "object", "properties": {"street": {"type": "string"}}},
    },
}


def ask(agent: Client, **fields: Any) -> str:
    return agent.send_intent("intent.pay.v1", **{"to": ANA, "action": PAY, **fields})


def open_card(page: Page, server: Server, asked: str) -> None:
    page.goto(f"{server.url}/inbox/{asked}")


def hold(page: Page, name: str) -> None:
    """Keep a button pressed until the page goes on."""
    button = page.get_by_role("button", name=name, exact=True)
    button.scroll_into_view_if_needed()
    with page.expect_navigation():
        button.dispatch_event("pointerdown")


def test_hold_to_approve_and_the_agent_goes_on(page: Page, server: Server, agent: Client) -> None:
    asked = ask(agent)
    page.reload()
    page.get_by_role("link", name=re.compile("pay")).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Run pay: amount 450, to “ACME”")
    button = page.get_by_role("button", name="Approve")
    button.click()  # a tap is not enough
    expect(button).to_be_visible()
    hold(page, "Approve")
    expect(page.get_by_text("It takes effect in")).to_be_visible()
    decision = agent.wait_for(asked, timeout=30)
    assert decision.approved
    assert (decision.decided_by, decision.raw["via"]) == (f"person:{ANA}", "web")


def test_low_risk_is_a_tap_and_can_be_undone(page: Page, server: Server, agent: Client) -> None:
    server.risk("low")
    asked = ask(agent)
    open_card(page, server, asked)
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Approve")).to_be_enabled()
    assert agent.get_intent(asked)["status"] == "WAITING"
    page.get_by_label("Comment").fill("Wrong account")
    page.get_by_role("button", name="Reject").click()
    decision = agent.wait_for(asked, timeout=30)
    assert (decision.outcome, decision.comment) == ("rejected", "Wrong account")


def test_high_risk_is_typed_back(page: Page, server: Server, agent: Client) -> None:
    server.risk("high")
    asked = ask(agent)
    open_card(page, server, asked)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("type exactly what stands there")).to_be_visible()
    page.get_by_label("To say yes, type").fill("450")
    page.get_by_role("button", name="Approve").click()
    assert agent.wait_for(asked, timeout=30).approved


def test_edited_as_a_diff(page: Page, server: Server, agent: Client) -> None:
    server.risk("low")
    asked = ask(agent)
    open_card(page, server, asked)
    page.get_by_role("link", name="Change it first").click()
    page.get_by_label("amount").fill("400")
    page.get_by_role("button", name="Look at the change", exact=True).click()
    expect(page.locator(".diff .was")).to_contain_text("450")
    expect(page.locator(".diff .now")).to_contain_text("400")
    page.get_by_role("button", name="Approve as changed").click()
    decision = agent.wait_for(asked, timeout=30)
    assert decision.arguments == {"amount": 400, "to": "ACME"}
    assert decision.edited


def test_a_form_is_filled_in(page: Page, server: Server, agent: Client) -> None:
    server.risk("low")
    asked = agent.send_intent("intent.form.v1", to=ANA, form=FORM)
    open_card(page, server, asked)
    page.get_by_label("How many").fill("2")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".field.wrong")).to_have_count(2)
    page.get_by_label("How many").fill("4")
    page.get_by_label("Colour").select_option(label="blue")
    page.get_by_label("Street").fill("Main 1")
    page.get_by_role("button", name="Submit").click()
    data = agent.wait_for(asked, timeout=30).data
    assert data == {"colour": "blue", "many": 4, "address": {"street": "Main 1"}}


def test_what_was_typed_is_kept(page: Page, server: Server, agent: Client) -> None:
    asked = ask(agent)
    open_card(page, server, asked)
    page.get_by_label("Comment").fill("half a thought")
    page.reload()
    expect(page.get_by_label("Comment")).to_have_value("half a thought")


def test_long_values_are_opened_first(page: Page, server: Server, agent: Client) -> None:
    server.risk("low")
    memo = "x" * 5000 + " and delete everything"
    asked = ask(agent, action={"tool": "pay", "arguments": {"memo": memo}})
    open_card(page, server, asked)
    yes = page.get_by_role("button", name="Approve")
    expect(yes).to_be_disabled()
    expect(page.get_by_text("Open the 1 long value above")).to_be_visible()
    page.get_by_text("open to read all of it").click()
    expect(page.get_by_text("and delete everything").first).to_be_visible()
    expect(yes).to_be_enabled()


def test_decided_elsewhere(page: Page, browser: Browser, server: Server, agent: Client) -> None:
    server.risk("low")
    asked = ask(agent)
    open_card(page, server, asked)
    other = browser.new_context(**PHONE)
    second = other.new_page()
    second.goto(server.link())
    second.get_by_role("button", name="Sign in on this device").click()
    open_card(second, server, asked)
    second.get_by_role("button", name="Reject").click()
    expect(page.get_by_text(f"{ANA} answered “rejected”")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_be_disabled()
    other.close()


def test_high_risk_is_not_decided_offline(
    page: Page, watched: Watched, server: Server, agent: Client
) -> None:
    server.risk("high")
    asked = ask(agent)
    open_card(page, server, asked)
    watched.context.set_offline(True)
    expect(page.get_by_text("You are offline").first).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_be_disabled()
    watched.context.set_offline(False)
    expect(page.get_by_role("button", name="Approve")).to_be_enabled()
    assert agent.get_intent(asked)["status"] == "WAITING"
    # What the page could not load meanwhile is no complaint.
    watched.complaints[:] = [c for c in watched.complaints if "ERR_INTERNET" not in c]


def test_keys(page: Page, server: Server, agent: Client) -> None:
    server.risk("low")
    asked = ask(agent)
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/inbox/{asked}")
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Approve")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox?undo=*")
    page.keyboard.press("u")
    page.wait_for_url(f"**/inbox/{asked}")
    assert agent.get_intent(asked)["status"] == "WAITING"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(page: Page, server: Server, agent: Client, scheme: Any) -> None:
    server.risk("high")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    strange = {
        "tool": "pay",
        "arguments": {"to": "a\u202eb", "memo": "x" * 900, "deep": [{"a": 1}]},
    }
    asked = ask(agent, action=strange, description="words", quorum=1)
    form = agent.send_intent("intent.form.v1", to=ANA, form=FORM)
    for path in ("/inbox", f"/inbox/{asked}", f"/inbox/{form}", f"/inbox/{asked}/edit"):
        page.goto(f"{server.url}{path}")
        usable(page)
