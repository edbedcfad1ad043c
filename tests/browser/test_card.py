"""Files, conversation, batches and the live list, in a real browser."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from holdshort import Client

from .conftest import PHONE, Server, sign_in
from .test_inbox import PAY, ask, open_card

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
TAG = {"tool": "tag", "arguments": {"row": 1}}


def second_page(browser: Browser, server: Server) -> Page:
    context = browser.new_context(**PHONE)
    page = context.new_page()
    sign_in(page, server.link())
    return page


def test_a_file_is_evidence(page: Page, server: Server, agent: Client, tmp_path: Path) -> None:
    server.risk("low")
    asked = ask(agent, human_task={"evidence_required": True})
    open_card(page, server, asked)
    receipt = tmp_path / "receipt.pdf"
    receipt.write_bytes(b"%PDF-1.7 paid")
    page.get_by_label("Or files").set_input_files(receipt)
    page.get_by_role("button", name="Approve").click()
    decision = agent.wait_for(asked, timeout=30)
    digest = hashlib.sha256(b"%PDF-1.7 paid").hexdigest()
    assert decision.raw["evidence"] == [{"name": "receipt.pdf", "sha256": digest}]
    open_card(page, server, asked)
    with page.expect_download() as download:
        page.get_by_role("link", name="receipt.pdf").click()
    assert download.value.suggested_filename == "receipt.pdf"
    assert Path(download.value.path()).read_bytes() == b"%PDF-1.7 paid"


def test_a_file_that_has_arrived_is_kept(
    page: Page, server: Server, agent: Client, tmp_path: Path
) -> None:
    server.risk("high")
    asked = ask(agent)
    open_card(page, server, asked)
    page.get_by_text("Evidence", exact=True).click()
    note = tmp_path / "note.txt"
    note.write_text("seen")
    page.get_by_label("Or files").set_input_files(note)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("has arrived").first).to_be_visible()
    page.get_by_label("To say yes, type").fill("450")
    page.get_by_role("button", name="Approve").click()
    assert agent.wait_for(asked, timeout=30).raw["evidence"][0]["name"] == "note.txt"


def test_the_agent_is_asked_and_its_answer_comes_by_itself(
    page: Page, server: Server, agent: Client
) -> None:
    asked = ask(agent)
    open_card(page, server, asked)
    page.get_by_label("Say something").fill("Which invoice is it?")
    page.get_by_role("button", name="Ask the agent").click()
    expect(page.get_by_text("waits for its answer")).to_be_visible()
    agent.comment(asked, "Invoice 4711 <b>of May</b>")
    theirs = page.locator(".talk .theirs")
    expect(theirs).to_contain_text("Invoice 4711 <b>of May</b>")
    expect(theirs).to_contain_text("The agent says")
    expect(page.get_by_text("waits for its answer")).to_be_hidden()
    expect(page.get_by_role("button", name="Approve")).to_be_enabled()


def test_what_is_typed_stays_when_news_come(page: Page, server: Server, agent: Client) -> None:
    asked = ask(agent)
    open_card(page, server, asked)
    page.get_by_label("Say something").fill("half a question")
    agent.comment(asked, "By the way")
    expect(page.locator(".talk .theirs")).to_contain_text("By the way")
    expect(page.get_by_label("Say something")).to_have_value("half a question")


def test_the_list_lives_and_nothing_moves(
    page: Page, browser: Browser, server: Server, agent: Client
) -> None:
    server.risk("low")
    first = ask(agent, title="First", deadline="1h")
    page.reload()
    row = page.locator(f"[data-id='{first}']")
    expect(row).to_be_visible()
    before = row.bounding_box()
    # What ends sooner would stand above it.
    for name in ("Second", "Third"):
        ask(agent, title=name, deadline="10m")
    expect(page.get_by_role("button", name="Show 2 new")).to_be_visible(timeout=3000)
    after = row.bounding_box()
    assert before is not None
    assert after is not None
    assert after["y"] - before["y"] < 60, "only the notice has come"
    other = second_page(browser, server)
    open_card(other, server, first)
    other.get_by_role("button", name="Reject").click()
    expect(row.locator(".due")).to_contain_text("answered “rejected”", timeout=3000)
    agent.wait_for(first, timeout=30)
    expect(row).to_have_class(re.compile("gone"), timeout=3000)
    page.get_by_role("button", name="Show 2 new").click()
    expect(page.locator(".task strong")).to_have_text(["Second", "Third"])
    other.context.close()


def test_equal_tasks_together(page: Page, server: Server, agent: Client) -> None:
    server.risk("low")
    asked = [ask(agent, action=TAG | {"arguments": {"row": row}}) for row in (1, 2, 3)]
    page.reload()
    page.get_by_role("link", name="3 equal tasks").click()
    boxes = page.get_by_role("checkbox")
    boxes.nth(0).check()
    boxes.nth(1).check()
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("button", name="Approve those chosen").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("2 of 2 answered")
    page.get_by_role("button", name="Undo").nth(1).click()
    answers = [agent.wait_for(one, timeout=30).approved for one in asked[:1]]
    assert answers == [True]
    assert {agent.get_intent(one)["status"] for one in asked[1:]} == {"WAITING"}


def test_repeats_are_seen(page: Page, server: Server, agent: Client) -> None:
    server.risk("low")
    refused = ask(agent)
    open_card(page, server, refused)
    page.get_by_label("Comment").fill("no")
    page.get_by_role("button", name="Reject").click()
    agent.wait_for(refused, timeout=30)
    asked = ask(agent)
    open_card(page, server, asked)
    expect(page.get_by_text("Exactly this was refused before")).to_be_visible()
    page.get_by_text("Asked before").click()
    page.get_by_role("link", name="look at it").click()
    page.wait_for_url(f"**/inbox/{refused}")


def test_everybody_can_use_it(page: Page, server: Server, agent: Client) -> None:
    """WCAG 2.2 AA as far as axe-core finds it, and nothing cut off at the side."""
    asked = ask(agent, human_task={"evidence_required": True})
    agent.comment(asked, "words of the agent")
    open_card(page, server, asked)
    page.get_by_label("Say something").fill("why? @nobody")
    page.get_by_role("button", name="Ask the agent").click()
    for path in (f"/inbox/{asked}", "/away"):
        page.goto(f"{server.url}{path}")
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, found.generate_report()
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, "nothing is cut off at the side"


def test_who_is_away_says_so(page: Page, server: Server) -> None:
    page.get_by_role("link", name="When you are away").click()
    page.get_by_label("From").fill("2020-01-01")
    page.get_by_label("Until").fill("2020-01-02")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("an absence ends after it begins")).to_be_visible()
    today = page.evaluate("new Date().toISOString().slice(0, 10)")
    later = page.evaluate("new Date(Date.now() + 3 * 864e5).toISOString().slice(0, 10)")
    page.get_by_label("From").fill(today)
    page.get_by_label("Until").fill(later)
    page.get_by_label("Who decides meanwhile").fill("bo@acme.com")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("bo@acme.com decides").first).to_be_visible()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("You are away until")).to_have_count(0)


def test_the_first_load_is_small(page: Page, server: Server, agent: Client) -> None:
    """At most 150 KB, on a card with a conversation."""
    asked = ask(agent, action=PAY)
    session = {one["name"]: one["value"] for one in page.context.cookies()}
    with httpx.Client(base_url=server.url, cookies=session) as http:
        text = http.get(f"/inbox/{asked}")
        assets = re.findall(r'(?:src|href)="(/static/[^"]+)"', text.text)
        size = len(text.content) + sum(len(http.get(one).content) for one in set(assets))
    assert size <= 150_000
