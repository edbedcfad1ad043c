"""A real Chromium, a real server, real agents."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    sync_playwright,
)

from holdshort import Client

ANA = "ana@acme.com"
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """Return where Chromium is: on this machine, else Debian's package, else (None) Playwright's
    own download. Fails where there is no way to one: no browser is no reason to pass."""
    if found := next(filter(None, map(shutil.which, _NAMES)), None):
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=False, **quiet)
        if found := shutil.which("chromium"):
            return found
    done = subprocess.run(
        [sys.executable, "-m", "playwright", "install", "chromium"], capture_output=True, text=True
    )
    if done.returncode:
        pytest.fail(
            "these tests need Chromium: install it with your system's packages, or with "
            f"`python -m playwright install chromium`, which said: {done.stderr.strip()[-500:]}"
        )
    return None


# No longer than its module: while Playwright is open, an event loop runs in this thread, and no
# other test may begin one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        yield browser
        browser.close()


@dataclass
class Server:
    """`holdshort up` in a process of its own."""

    url: str
    keys: dict[str, str]
    process: subprocess.Popen[str]

    def link(self, person: str = ANA) -> str:
        made = self._admin("POST", "/v1/sign-in-links", {"person": person})
        return str(made["url"])

    def risk(self, risk: str) -> None:
        self._admin("PUT", "/v1/policies/*", {"risk": risk})

    def _admin(self, method: str, path: str, body: dict[str, Any]) -> Any:
        headers = {"authorization": f"Bearer {self.keys['service']}"}
        reply = httpx.request(method, f"{self.url}{path}", json=body, headers=headers)
        assert reply.status_code == 200, reply.text
        return reply.json()


@contextmanager
def up(folder: Path, **settings: str) -> Iterator[Server]:
    """Run `holdshort up` on a database in a folder, with these HOLDSHORT_* settings as well."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HOLDSHORT_")},
        "HOLDSHORT_CONSOLE": "false",
        "HOLDSHORT_UNDO_SECONDS": "1.5",
        **settings,
    }
    database = f"sqlite:///{folder / 'holdshort.db'}"
    command = ["up", "--port", "0", "--json", "--admin", ANA, "--database", database]
    process = subprocess.Popen(
        [sys.executable, "-m", "holdshort.cli", *command],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    try:
        yield Server(ready["url"], ready["keys"], process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with up(tmp_path) as server:
        yield server


@pytest.fixture
def agent(server: Server) -> Iterator[Client]:
    with Client(server.url, api_key=server.keys["agent"]) as client:
        yield client


@contextmanager
def of_core(path: str) -> Iterator[ModuleType]:
    """Load a module of the tests of core that stands for a service elsewhere, by its path there."""
    file = Path(__file__).parents[2] / "packages" / "core" / "tests" / path
    spec = importlib.util.spec_from_file_location(f"{file.stem}_of_core", file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def quiet_context(browser: Browser, device: str) -> tuple[BrowserContext, list[str]]:
    """Return a browser that has not been here, and what goes wrong in it: errors of scripts, and
    what our own policy keeps from being loaded."""
    context = browser.new_context(**(PHONE if device == "phone" else DESK))
    context.set_default_timeout(15_000)
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on(
        "console",
        lambda m: complaints.append(m.text) if "Security Policy" in m.text else None,
    )
    return context, complaints


def _is_complaint(message: ConsoleMessage) -> bool:
    # A form that was not taken is shown again as 422, which the browser calls an error.
    return message.type in ("error", "warning") and "status of 422" not in message.text


class Watched:
    """A browser's context whose pages must not complain, nor ask anybody but the server."""

    def __init__(self, context: BrowserContext, server: Server) -> None:
        self.context = context
        self.complaints: list[str] = []
        context.on("console", lambda m: self._note(_is_complaint(m), m.text))
        context.on("weberror", lambda error: self._note(True, str(error.error)))
        context.on("request", lambda r: self._note(not r.url.startswith(server.url), r.url))

    def _note(self, wrong: bool, text: str) -> None:
        if wrong:
            self.complaints.append(text)


@pytest.fixture(params=["phone", "desk"])
def watched(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[Watched]:
    context = browser.new_context(**(PHONE if request.param == "phone" else DESK))
    context.set_default_timeout(15_000)
    watched = Watched(context, server)
    yield watched
    context.close()
    assert watched.complaints == []


@pytest.fixture(params=["phone", "desk"])
def guest(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A browser that has not been here."""
    context, complaints = quiet_context(browser, request.param)
    yield context.new_page()
    context.close()
    assert complaints == []


def usable(page: Page, *, also: str = "") -> None:
    """Assert that everybody can use what is shown: WCAG 2.2 AA as far as axe-core finds it, targets
    of 44 px, and nothing cut off at the side.

    Args:
        also: a selector of further targets that are to have that size.
    """
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()
    small = page.eval_on_selector_all(
        "button, a.button, select, input:not([type=hidden]):not([type=checkbox])"
        + (f", {also}" if also else ""),
        "all => all.filter(one => one.offsetParent"
        " && one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML)",
    )
    assert small == [], page.url
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide, f"{page.url}: nothing is cut off at the side"


def sign_in(page: Page, link: str) -> None:
    """Sign in by a link, and wait until the inbox is there."""
    page.goto(link)
    page.get_by_role("button", name="Sign in on this device").click()
    page.wait_for_url("**/inbox")


@pytest.fixture
def page(watched: Watched, server: Server) -> Page:
    """A page of Ana's, who has signed in by a link."""
    page = watched.context.new_page()
    sign_in(page, server.link())
    return page
