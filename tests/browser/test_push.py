"""Push messages in a real browser: from the button on the page to the task that a tap opens.

A browser without a screen has no push service of its own. So the page is given an address at one on
the loopback, which takes and decrypts what the server sends; the browser is handed that message as
its own service would hand it over.
"""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import http_ece
import pytest
from axe_playwright_python.sync_playwright import Axe
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Page, expect

from holdshort import Client

from .conftest import Server, sign_in, up
from .test_inbox import ask

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
_SUBSCRIBE = """
const found = %s;
const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer;
let made = sessionStorage.getItem("made-for") && { made: sessionStorage.getItem("made-for") };
const subscription = (key) => ({
    endpoint: found.endpoint, options: { applicationServerKey: bytes(key) },
    getKey: (name) => bytes(found[name]),
    unsubscribe: async () => { made = null; sessionStorage.removeItem("made-for"); return true; },
});
PushManager.prototype.getSubscription = async () => made && subscription(made.made);
PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly || applicationServerKey.length !== 65) throw new Error("no key");
    made = { made: btoa(String.fromCharCode(...applicationServerKey)) };
    sessionStorage.setItem("made-for", made.made);
    return subscription(made.made);
};
"""


class PushService:
    """A push service with one browser, whose messages it can show us."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._secret = os.urandom(16)
        self._arrived: Queue[bytes] = Queue()
        self.status = 201
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service._arrived.put(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(service.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def subscription(self) -> str:
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return json.dumps(
            {
                "endpoint": f"http://127.0.0.1:{self._server.server_address[1]}/push/1",
                "p256dh": base64.b64encode(point).decode(),
                "auth": base64.b64encode(self._secret).decode(),
            }
        )

    def message(self) -> str:
        """Wait for the next message and return it decrypted."""
        found: bytes = http_ece.decrypt(
            self._arrived.get(timeout=15),
            private_key=self._key,
            auth_secret=self._secret,
            version="aes128gcm",
        )
        return found.decode()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def service() -> Iterator[PushService]:
    service = PushService()
    yield service
    service.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    settings = {"PUSH_CONTACT": "mailto:ops@acme.com", "ALLOW_PRIVATE_WEBHOOKS": "true"}
    with up(tmp_path, **{f"HOLDSHORT_{name}": one for name, one in settings.items()}) as server:
        yield server


def deliver(page: Page, message: str) -> dict[str, Any]:
    """Hand a message to the page's worker; return the notification that is shown then."""
    session = page.context.new_cdp_session(page)
    registrations: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(
            one["registrationId"] for one in event["registrations"] if not one["isDeleted"]
        ),
    )
    session.send("ServiceWorker.enable")
    until = time.monotonic() + 15
    while not registrations and time.monotonic() < until:
        page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    assert registrations
    origin = page.url.partition("/devices")[0]
    where = {"origin": origin, "registrationId": registrations[0]}
    tag = json.loads(message)["tag"]
    # A worker that is only just starting can miss what the debugger hands it; a push service would
    # hand it over once more as well. The tag keeps it one notification.
    for _ in range(4):
        session.send("ServiceWorker.deliverPushMessage", {**where, "data": message})
        found: dict[str, Any] | None = page.evaluate(
            """async (tag) => {
                const registration = await navigator.serviceWorker.ready;
                for (const end = Date.now() + 6000; Date.now() < end;) {
                    const [one] = await registration.getNotifications({ tag });
                    if (one) return { title: one.title, body: one.body, path: one.data.path };
                    await new Promise((done) => setTimeout(done, 20));
                }
                return null;
            }""",
            tag,
        )
        if found is not None:
            return found
    raise AssertionError("no notification was shown")


def tap(page: Page, tag: str) -> str:
    """Tap the notification; return the address that the worker opens."""
    (worker,) = page.context.service_workers
    opened: str = worker.evaluate(
        """async (tag) => {
            const [notification] = await registration.getNotifications({ tag });
            return new Promise((done, failed) => {
                setTimeout(() => failed(new Error("nothing was opened")), 15000);
                // No script may open a window unless somebody really taps.
                Object.defineProperty(clients, "openWindow", { value: done, configurable: true });
                const event = new Event("notificationclick");
                dispatchEvent(Object.assign(event, { notification, waitUntil() {} }));
            });
        }""",
        tag,
    )
    return opened


def added(page: Page, server: Server, service: PushService) -> None:
    """Add this browser by the button on the page."""
    page.context.grant_permissions(["notifications"], origin=server.url)
    page.add_init_script(_SUBSCRIBE % service.subscription())
    page.goto(f"{server.url}/devices")
    page.get_by_role("button", name="Send messages here").click()
    expect(page.get_by_text("This device gets messages.")).to_be_visible()


def test_from_the_button_to_the_task(
    page: Page, server: Server, service: PushService, agent: Client
) -> None:
    added(page, server, service)
    expect(page.get_by_role("button", name="Send messages here")).to_be_hidden()
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()

    page.get_by_role("button", name="Test Chrome on").click()
    expect(page.get_by_role("status").first).to_contain_text("has taken a message")
    assert deliver(page, service.message())["title"] == "This device gets messages from Holdshort"

    asked = ask(agent, title="Secret takeover", deadline="1h")
    notification = deliver(page, service.message())
    assert notification["title"] == "An agent waits for your decision"
    assert notification["body"].startswith("Medium risk. Until ")
    assert "takeover" not in str(notification)
    opened = tap(page, asked)
    assert opened == f"{server.url}/inbox/{asked}"
    page.goto(opened)
    expect(page.get_by_role("heading", level=1)).to_have_text("Run pay: amount 450, to “ACME”")


def test_what_is_asked_is_shown_where_the_person_wants_it(
    page: Page, server: Server, service: PushService, agent: Client
) -> None:
    added(page, server, service)
    page.get_by_label("Show what is asked").check()
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_label("Show what is asked")).to_be_checked()
    ask(agent)
    notification = deliver(page, service.message())
    assert "Run pay: amount 450, to “ACME”" in notification["body"]


def test_a_removed_device_is_offered_again(
    page: Page, server: Server, service: PushService
) -> None:
    added(page, server, service)
    page.get_by_role("button", name="Remove Chrome on").click()
    expect(page.get_by_text("You have none yet")).to_be_visible()
    page.get_by_role("button", name="Send messages here").click()
    expect(page.get_by_text("This device gets messages.")).to_be_visible()


def test_signing_out_here_ends_the_messages_here(
    page: Page, server: Server, service: PushService, agent: Client
) -> None:
    added(page, server, service)
    page.locator("header summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/sign-in")
    assert page.evaluate("sessionStorage.getItem('made-for')") is None
    sign_in(page, server.link())
    page.goto(f"{server.url}/devices")
    expect(page.get_by_text("You have none yet")).to_be_visible()


def test_without_permission_it_says_what_to_do(
    page: Page, server: Server, service: PushService
) -> None:
    page.add_init_script(_SUBSCRIBE % service.subscription())
    page.goto(f"{server.url}/devices")
    page.get_by_role("button", name="Send messages here").click()
    expect(page.get_by_role("alert")).to_contain_text("allow notifications in its settings")
    expect(page.get_by_text("You have none yet")).to_be_visible()
