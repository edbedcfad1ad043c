"""Passkeys in a real browser, with Chromium's own virtual authenticator (attack 24)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from holdshort import Client

from .conftest import ANA, Server, quiet_context, sign_in, usable

PAY: dict[str, Any] = {"tool": "pay", "arguments": {"amount": 450, "to": "ACME"}}


@dataclass
class Device:
    """A browser at localhost, where browsers make passkeys, with what holds them."""

    page: Page
    here: str
    cdp: CDPSession
    authenticator: str

    def sign_in(self, server: Server) -> None:
        """Sign in with a link."""
        sign_in(self.page, server.link().replace("127.0.0.1", "localhost"))

    def add(self, name: str = "My key") -> None:
        self.page.goto(f"{self.here}/account")
        self.page.get_by_label("Name of the new one").fill(name)
        self.page.get_by_role("button", name="Add a passkey").click()
        expect(self.page.get_by_text(f"{name}, added")).to_be_visible()

    def credentials(self) -> list[dict[str, Any]]:
        found = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.authenticator})
        credentials: list[dict[str, Any]] = found["credentials"]
        return credentials

    def knows_its_owner(self, known: bool) -> None:
        """Whether the next finger is the owner's."""
        self.cdp.send(
            "WebAuthn.setUserVerified",
            {"authenticatorId": self.authenticator, "isUserVerified": known},
        )


@pytest.fixture(params=["phone", "desk"])
def device(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[Device]:
    here = server.url.replace("127.0.0.1", "localhost")
    context, complaints = quiet_context(browser, request.param)
    context.on("request", lambda r: None if r.url.startswith(here) else complaints.append(r.url))
    page = context.new_page()
    cdp = context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    made = cdp.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    yield Device(page, here, cdp, made["authenticatorId"])
    context.close()
    assert complaints == []


def test_added_used_and_removed(device: Device, server: Server) -> None:
    device.sign_in(server)
    device.add()
    (kept,) = device.credentials()
    assert kept["isResidentCredential"]
    assert kept["rpId"] == "localhost"
    page = device.page
    page.locator("details.who summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/inbox")
    page.goto(f"{device.here}/account")
    expect(page.get_by_text("by a passkey")).to_be_visible()
    page.get_by_role("button", name="Remove My key").click()
    expect(page.get_by_text("You have none yet.")).to_be_visible()


def test_a_second_device_is_added_by_showing_the_first(device: Device, server: Server) -> None:
    device.sign_in(server)
    device.add()
    page = device.page
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("This device has a passkey of yours")).to_be_visible()
    assert device.credentials()[0]["signCount"] > 1, "it was shown"


def test_a_high_risk_yes_shows_it(device: Device, server: Server, agent: Client) -> None:
    device.sign_in(server)
    device.add()
    server.risk("high")
    asked = agent.send_intent("intent.pay.v1", to=ANA, action=PAY)
    page = device.page
    page.goto(f"{device.here}/inbox/{asked}")
    expect(page.get_by_text("you show your passkey, for exactly this")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("type exactly what stands there")).to_be_visible()
    page.get_by_label("To say yes, type").fill("450")
    device.knows_its_owner(False)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("No passkey was shown")).to_be_visible()
    assert agent.get_intent(asked)["status"] == "WAITING"
    device.knows_its_owner(True)
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url("**/inbox?undo=*")
    assert agent.wait_for(asked, timeout=30).approved
    found = {one["event_type"]: one for one in agent.list_intent_events(asked)}
    assert found["intent.decided"]["details"]["strong"] is True


def test_a_no_needs_none(device: Device, server: Server, agent: Client) -> None:
    device.sign_in(server)
    device.add()
    server.risk("high")
    asked = agent.send_intent("intent.pay.v1", to=ANA, action=PAY)
    before = device.credentials()[0]["signCount"]
    device.page.goto(f"{device.here}/inbox/{asked}")
    device.page.get_by_role("button", name="Reject").click()
    assert agent.wait_for(asked, timeout=30).outcome == "rejected"
    assert device.credentials()[0]["signCount"] == before


def test_a_change_is_confirmed_as_changed(device: Device, server: Server, agent: Client) -> None:
    device.sign_in(server)
    device.add()
    server.risk("high")
    asked = agent.send_intent("intent.pay.v1", to=ANA, action=PAY)
    page = device.page
    page.goto(f"{device.here}/inbox/{asked}/edit")
    page.get_by_label("amount").fill("400")
    page.get_by_role("button", name="Look at the change", exact=True).click()
    page.get_by_label("To say yes, type").fill("400")
    page.get_by_role("button", name="Approve as changed").click()
    page.wait_for_url("**/inbox?undo=*")
    assert agent.wait_for(asked, timeout=30).arguments == {"amount": 400, "to": "ACME"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_account(device: Device, server: Server, scheme: Any) -> None:
    device.sign_in(server)
    page = device.page
    page.emulate_media(color_scheme=scheme)
    device.add()
    for path in ("/account", "/sign-in"):
        page.goto(f"{device.here}{path}")
        usable(page)
