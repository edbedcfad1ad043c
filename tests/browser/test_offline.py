"""Reading and answering without a network, in a real browser with its real worker."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, Page, expect

from holdshort import Client

from .conftest import PHONE, Server, Watched, sign_in
from .test_inbox import ask, hold, open_card

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
BO = "bo@acme.com"
#: What a browser says of its own where there is no network, and of what was refused on purpose.
_NO_NETWORK = re.compile(r"ERR_INTERNET_DISCONNECTED|ERR_FAILED|ERR_CONNECTION|status of 40[39]")


@pytest.fixture(params=["phone"])
def watched(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[Watched]:
    """At phone width: nobody loses the network at a desk."""
    context = browser.new_context(**PHONE)
    context.set_default_timeout(15_000)
    watched = Watched(context, server)
    yield watched
    context.close()
    assert [one for one in watched.complaints if not _NO_NETWORK.search(one)] == []


def in_charge(page: Page) -> Page:
    """Wait until the page's worker is in charge."""
    page.evaluate(
        """() => new Promise((done) => {
            navigator.serviceWorker.addEventListener("controllerchange", done);
            if (navigator.serviceWorker.controller) done();
        })"""
    )
    return page


@pytest.fixture
def page(page: Page) -> Page:
    """Ana's page, once its worker is in charge."""
    return in_charge(page)


def signed_in(page: Page, link: str) -> Page:
    sign_in(page, link)
    return page


def second(browser: Browser, server: Server) -> Page:
    return signed_in(browser.new_context(**PHONE).new_page(), server.link())


def answered_offline(page: Page, watched: Watched, server: Server, asked: str) -> None:
    """Approve a task of low risk while there is no network."""
    open_card(page, server, asked)
    watched.context.set_offline(True)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#held")).to_contain_text("Held, not sent: “Approve”")


def kept(page: Page) -> list[str]:
    """What this browser keeps: the pages, and the answers."""
    found: list[str] = page.evaluate(
        """async () => {
            const found = [];
            for (const name of ["pages", "held"])
                for (const key of await (await caches.open(name)).keys())
                    found.push(new URL(key.url).pathname);
            return found;
        }"""
    )
    return found


def test_it_can_be_installed(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/manifest.webmanifest")
    scope = page.evaluate("navigator.serviceWorker.ready.then((found) => found.scope)")
    assert scope == page.url.replace("/inbox", "/")
    wrong = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # A browser window without a profile of its own takes no apps: that is all it may say.
    assert {one["errorId"] for one in wrong} <= {"in-incognito"}


def test_what_was_looked_at_is_read_without_a_network(
    page: Page, watched: Watched, server: Server, agent: Client
) -> None:
    seen, unseen = ask(agent, title="Seen"), ask(agent, title="Unseen")
    page.goto(f"{server.url}/inbox")
    open_card(page, server, seen)
    watched.context.set_offline(True)
    page.goto(f"{server.url}/inbox/{seen}")
    expect(page.locator("#as-of")).to_have_text(re.compile(r"Offline, as of \d\d?:\d\d"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("amount 450")
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("link", name="All tasks").click()
    expect(page.locator("#as-of")).to_be_visible()
    expect(page.get_by_text("Unseen")).to_be_visible()
    page.goto(f"{server.url}/inbox/{unseen}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Holdshort cannot be reached")
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    page.goto(f"{server.url}/inbox/{seen}")
    watched.context.set_offline(False)
    expect(page.locator("#as-of")).to_have_count(0)


def test_an_answer_is_held_and_sent_later(
    page: Page, watched: Watched, server: Server, agent: Client
) -> None:
    server.risk("low")
    asked = ask(agent)
    open_card(page, server, asked)
    page.get_by_label("Comment for the agent").fill("from the tunnel")
    answered_offline(page, watched, server, asked)
    expect(page.get_by_role("button", name="Approve")).to_be_hidden()
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    page.reload()
    expect(page.locator("#held")).to_contain_text("Held, not sent")
    assert agent.get_intent(asked)["status"] == "WAITING"
    watched.context.set_offline(False)
    expect(page.locator("#held")).to_contain_text("Sent at")
    decision = agent.wait_for(asked, timeout=30)
    assert decision.approved
    assert decision.comment == "from the tunnel"
    assert decision.raw["via"] == "web"
    page.get_by_role("button", name="Hide this").click()
    expect(page.locator("#held")).to_be_hidden()


def test_medium_risk_is_held_as_well(
    page: Page, watched: Watched, server: Server, agent: Client
) -> None:
    asked = ask(agent)
    open_card(page, server, asked)
    watched.context.set_offline(True)
    hold(page, "Approve")
    expect(page.locator("#held")).to_contain_text("Held, not sent")
    watched.context.set_offline(False)
    assert agent.wait_for(asked, timeout=30).approved


def test_what_was_decided_meanwhile_is_not_sent(
    page: Page, browser: Browser, watched: Watched, server: Server, agent: Client
) -> None:
    server.risk("low")
    asked = ask(agent)
    answered_offline(page, watched, server, asked)
    other = second(browser, server)
    open_card(other, server, asked)
    other.get_by_role("button", name="Reject").click()
    assert agent.wait_for(asked, timeout=30).outcome == "rejected"
    watched.context.set_offline(False)
    expect(page.locator("#held")).to_contain_text("Not sent: “Approve”")
    expect(page.locator("#held")).to_contain_text("ana@acme.com")
    other.context.close()


def test_what_has_changed_meanwhile_is_not_sent(
    page: Page, watched: Watched, server: Server, agent: Client
) -> None:
    server.risk("low")
    asked = ask(agent)
    answered_offline(page, watched, server, asked)
    agent.comment(asked, "Mind that this is the second time")
    watched.context.set_offline(False)
    expect(page.locator("#held")).to_contain_text("Not sent: “Approve”")
    expect(page.locator("#held")).to_contain_text("Something has happened with it since")
    assert agent.get_intent(asked)["status"] == "WAITING"


def test_it_can_be_thought_better_of(
    page: Page, watched: Watched, server: Server, agent: Client
) -> None:
    server.risk("low")
    asked = ask(agent)
    answered_offline(page, watched, server, asked)
    page.get_by_role("button", name="Do not send it").click()
    expect(page.locator("#held")).to_be_hidden()
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    watched.context.set_offline(False)
    expect(page.locator("#as-of")).to_have_count(0)
    assert agent.get_intent(asked)["status"] == "WAITING"


def test_high_risk_is_not_held(page: Page, watched: Watched, server: Server, agent: Client) -> None:
    server.risk("high")
    asked = ask(agent)
    open_card(page, server, asked)
    watched.context.set_offline(True)
    expect(page.get_by_role("button", name="Approve")).to_be_disabled()
    expect(page.get_by_text("This answer is not kept for later")).to_be_visible()
    page.get_by_role("button", name="Reject").click()
    assert not [one for one in kept(page) if one.startswith("/held/")]
    watched.context.set_offline(False)
    expect(page.get_by_role("button", name="Approve")).to_be_enabled()
    assert agent.get_intent(asked)["status"] == "WAITING"


def test_nobody_else_sends_it(page: Page, watched: Watched, server: Server, agent: Client) -> None:
    server.risk("low")
    asked = ask(agent)
    answered_offline(page, watched, server, asked)
    # Her session ends elsewhere, and Bo signs in at her device.
    server._admin("PUT", f"/v1/people/{BO}", {})
    page.goto("about:blank")
    page.context.clear_cookies()
    watched.context.set_offline(False)
    page.goto(server.link(BO))
    page.get_by_role("button", name="Sign in on this device").click()
    expect(page.get_by_text("1 answer held here by somebody else was dropped")).to_be_visible()
    assert kept(page) == ["/whose", "/inbox"] or kept(page) == ["/inbox", "/whose"]
    page.reload()
    expect(page.locator("#held")).to_be_hidden()
    watched.context.set_offline(True)
    page.goto(f"{server.url}/inbox/{asked}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Holdshort cannot be reached")
    assert agent.get_intent(asked)["status"] == "WAITING"


def test_signing_out_leaves_nothing_here(
    page: Page, watched: Watched, server: Server, agent: Client
) -> None:
    server.risk("low")
    asked = ask(agent)
    answered_offline(page, watched, server, asked)
    page.locator("summary", has_text="ana@acme.com").click()
    leave = page.get_by_role("button", name="Sign out", exact=True)
    asks: list[str] = []

    def stay(question: Dialog) -> None:
        asks.append(question.message)
        question.dismiss()

    page.once("dialog", stay)
    with page.expect_event("dialog"):
        leave.click()
    expect(page.locator("#held")).to_contain_text("Held, not sent")
    assert asks == ["1 answer is held on this device and not sent. Signing out drops it."]
    page.once("dialog", Dialog.accept)
    leave.click()
    expect(page.locator("#not-sent")).to_be_visible()
    assert kept(page) == []
    watched.context.set_offline(False)
    page.goto(f"{server.url}/inbox")
    assert agent.get_intent(asked)["status"] == "WAITING"


def test_what_is_private_is_gone_when_the_session_is(
    page: Page, watched: Watched, server: Server, agent: Client
) -> None:
    asked = ask(agent)
    open_card(page, server, asked)
    page.goto(f"{server.url}/inbox")
    assert f"/inbox/{asked}" in kept(page)
    page.context.clear_cookies()
    page.goto(f"{server.url}/inbox")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert kept(page) == []


def test_only_tasks_are_kept(page: Page, server: Server, agent: Client) -> None:
    asked = ask(agent)
    for path in ("account", "devices", f"inbox/{asked}/edit", "admin", "inbox?filter=high"):
        page.goto(f"{server.url}/{path}")
    assert set(kept(page)) <= {"/inbox", "/whose"}


class Relay:
    """The way to the server, which a test can cut: the browser thinks that it is online."""

    def __init__(self, server: Server) -> None:
        self._to = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._cut = False
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self, cut: bool) -> None:
        self._cut = cut
        if cut:
            self._end()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._end()

    def _end(self) -> None:
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._cut:
                near.close()
                continue
            far = socket.create_connection(self._to)
            self._open += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError), one:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


@pytest.fixture
def relay(server: Server) -> Iterator[Relay]:
    relay = Relay(server)
    yield relay
    relay.close()


@pytest.mark.parametrize("risk", ["low", "high"])
def test_a_network_that_is_gone_without_a_word(
    browser: Browser, server: Server, relay: Relay, agent: Client, risk: str
) -> None:
    """The browser says that it is online, and nothing gets through."""
    server.risk(risk)
    asked = ask(agent)
    context = browser.new_context(**PHONE)
    page = in_charge(signed_in(context.new_page(), server.link().replace(server.url, relay.url)))
    page.goto(f"{relay.url}/inbox/{asked}")
    relay.cut(True)
    assert page.evaluate("navigator.onLine")
    if risk == "high":
        page.get_by_label("To say yes, type").fill("450")
    page.get_by_role("button", name="Approve").click()
    if risk == "low":
        expect(page.locator("#held")).to_contain_text("Held, not sent: “Approve”")
        expect(page.locator("#as-of")).to_be_visible()
        assert agent.get_intent(asked)["status"] == "WAITING"
        relay.cut(False)
        expect(page.locator("#held")).to_contain_text("Sent at")
        assert agent.wait_for(asked, timeout=30).approved
    else:
        expect(page.get_by_role("alert")).to_contain_text("did not arrive, and is not kept")
        relay.cut(False)
        page.goto(f"{relay.url}/inbox/{asked}")
        expect(page.get_by_role("button", name="Approve")).to_be_enabled()
        assert agent.get_intent(asked)["status"] == "WAITING"
    context.close()
