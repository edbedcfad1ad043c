"""From a mail to an answer, in a real browser; and what a scanner that is one can do (attack 2)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from holdshort import Client

from .conftest import ANA, Server, of_core, up

PUBLIC = "http://hold.acme.com"


@dataclass
class Mailed:
    """A server that sends mail, and the mail server that takes it."""

    server: Server
    office: Any

    def ask(self, agent: Client) -> tuple[str, str]:
        """Let an agent ask; return the intent's id and the link that Ana is mailed."""
        action = {"tool": "pay", "arguments": {"amount": 450, "to": "ACME"}}
        asked = agent.send_intent("intent.pay.v1", to=ANA, action=action)
        path = self._found(rf"{PUBLIC}(/m/[\w-]+)", 1)
        return asked, f"{self.server.url}{path}"

    def code(self) -> str:
        return self._found(r"^ {4}(\d{6})\s*$", 2)

    def _found(self, wanted: str, mails: int) -> str:
        until = time.monotonic() + 15
        while len(self.office.mails) < mails:
            assert time.monotonic() < until, "no mail has come"
            time.sleep(0.05)
        found = re.search(wanted, self.office.mails[mails - 1].part("plain"), re.MULTILINE)
        assert found is not None
        return found[1]


@pytest.fixture
def mailed(tmp_path: Path) -> Iterator[Mailed]:
    with of_core("notify/post_office.py") as module, module.PostOffice() as office:
        settings = {
            "HOLDSHORT_SMTP_HOST": "127.0.0.1",
            "HOLDSHORT_SMTP_PORT": str(office.port),
            "HOLDSHORT_SMTP_SECURITY": "none",
            "HOLDSHORT_MAIL_FROM": "holdshort@acme.com",
            "HOLDSHORT_PUBLIC_URL": PUBLIC,
        }
        with up(tmp_path, **settings) as server:
            yield Mailed(server, office)


@pytest.fixture
def agent(mailed: Mailed) -> Iterator[Client]:
    with Client(mailed.server.url, api_key=mailed.server.keys["agent"]) as client:
        yield client


def accessible(page: Page) -> None:
    """WCAG 2.2 AA as far as axe-core finds it, and targets of 44 px."""
    found = Axe().run(page).response["violations"]
    assert found == [], [(one["id"], one["nodes"][0]["html"]) for one in found]
    for target in page.locator(
        "main button:visible, main a.button:visible, main input:visible"
    ).all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44, target.inner_text()


def test_from_a_mail_to_an_answer(guest: Page, mailed: Mailed, agent: Client) -> None:
    asked, link = mailed.ask(agent)
    guest.goto(link)
    expect(guest.get_by_text("asks to run pay")).to_be_visible()
    accessible(guest)
    guest.get_by_role("button", name="Mail me a code").click()
    guest.wait_for_url("**/sign-in/code")
    accessible(guest)
    guest.get_by_label("The six digits").fill(mailed.code())
    guest.get_by_role("button", name="Sign in").click()
    guest.wait_for_url(f"**/inbox/{asked}")
    guest.get_by_role("button", name="Reject").click()
    assert agent.wait_for(asked, timeout=15).outcome == "rejected"
    guest.goto(link)
    expect(guest.get_by_text("Already decided by ana@acme.com")).to_be_visible()
    accessible(guest)


def test_by_ones_address(guest: Page, mailed: Mailed, agent: Client) -> None:
    mailed.ask(agent)
    guest.goto(f"{mailed.server.url}/sign-in?next=/account")
    guest.get_by_label("Your mail address").fill(ANA)
    guest.get_by_role("button", name="Mail me a code").click()
    guest.wait_for_url("**/sign-in/code")
    guest.goto(f"{mailed.server.url}/sign-in/code/{mailed.code()}")
    guest.get_by_role("button", name="Sign in").click()
    guest.wait_for_url("**/account")
    expect(guest.get_by_text("a code by mail")).to_be_visible()


def test_2_a_scanner_that_runs_scripts_and_presses_everything_decides_nothing(
    guest: Page, mailed: Mailed, agent: Client
) -> None:
    asked, link = mailed.ask(agent)
    for number in range(2):
        guest.goto(link)
        buttons = guest.locator("main button:visible, main a.button:visible")
        buttons.nth(number).click()
        guest.wait_for_load_state("networkidle")
        for field in guest.locator("main input:visible").all():
            field.fill("123456")
        guest.locator("main form button:visible").last.click()
        guest.wait_for_load_state("networkidle")
    guest.goto(f"{mailed.server.url}/inbox/{asked}")
    guest.wait_for_url(f"**/sign-in?next=/inbox/{asked}")
    found = agent.get_intent(asked)
    assert found["status"] == "WAITING"
    assert found["steps"][0]["held"] is None
