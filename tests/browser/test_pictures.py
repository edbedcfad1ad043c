"""All eight kinds as people see them, on a phone and on a desk, by day and by night.

    HOLDSHORT_PICTURES=1 python -m pytest tests/browser/test_pictures.py

writes them to `docs/pictures` as well, where the documentation shows them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from holdshort import Client

from .conftest import ANA, Server, sign_in

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
LARGEST = 150_000
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1100, "height": 800}}

TRAVEL = {
    "type": "object",
    "required": ["cost_centre", "nights"],
    "properties": {
        "cost_centre": {"enum": ["sales", "research"], "title": "Cost centre"},
        "nights": {"type": "integer", "minimum": 1, "title": "Nights"},
        "invoice": {"type": "object", "format": "file", "title": "Invoice"},
    },
}
EXPORT = {"file": "customers.csv", "rows": 1240, "columns": ["name", "city", "plan"]}
REFUND = {"customer": "C-2291", "amount": 450, "currency": "EUR", "iban": "DE02 1203 0000 0000"}
#: (kind, the button that says yes, what is asked)
KINDS: list[tuple[str, str, dict[str, Any]]] = [
    ("approval", "Approve", {
        "action": {"tool": "refund", "arguments": REFUND},
        "description": "The customer was charged twice on 3 November; see ticket 8812.",
    }),
    ("review", "Request changes", {
        "action": {"tool": "publish", "arguments": {
            "page": "/pricing",
            "text": "From January all plans include single sign-on.\nPrices stay as they are.",
        }},
        "description": "Marketing asked for this text.",
    }),
    ("form", "Submit", {
        "human_task": {"form_schema": TRAVEL},
        "title": "Missing details of a trip",
        "action": {"tool": "book_trip", "arguments": {"to": "Lisbon", "from": "2026-12-01"}},
    }),
    ("manual_action", "Done", {
        "action": {"tool": "rotate_key", "arguments": {"host": "db-3", "slot": 2}},
        "description": "The hardware module has no interface; somebody has to press the button.",
    }),
    ("override", "Override", {
        "action": {"tool": "ship", "arguments": {"order": "A-77", "credit_limit": 5000,
                                                  "order_value": 6200}},
        "description": "The order is above the customer's credit limit.",
    }),
    ("confirmation", "Confirm", {
        "action": {"tool": "delete_bucket", "arguments": {"name": "tmp-2024", "objects": 0}},
    }),
    ("assignment", "Assign", {
        "action": {"tool": "route_ticket", "arguments": {"ticket": 8812, "subject": "Refund"}},
    }),
    ("clarification", "Send answer", {
        "action": {"tool": "export", "arguments": EXPORT},
        "description": "Should closed accounts be in the export?",
    }),
]  # fmt: skip


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["phone", "desk"])
def width(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def context(browser: Browser, width: str, scheme: Any) -> Iterator[BrowserContext]:
    device: dict[str, Any] = PHONE if width == "phone" else DESK
    context = browser.new_context(**device, color_scheme=scheme, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    yield context
    context.close()


def picture(page: Page, name: str) -> None:
    """Take a picture of what is seen without scrolling."""
    data = page.screenshot(type="png")
    assert len(data) <= LARGEST, f"{name} has {len(data)} bytes"
    if os.environ.get("HOLDSHORT_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / f"{name}.png").write_bytes(data)


def file_all(agent: Client) -> dict[str, str]:
    asked = {}
    for kind, _, fields in KINDS:
        more = {"to": ANA, "remind_after": "20m", "deadline": "8h", **fields}
        asked[kind] = agent.send_intent(f"intent.{kind}.v1", task=kind, **more)
    return asked


def test_every_kind_is_seen_whole(
    context: BrowserContext, server: Server, agent: Client, width: str, scheme: str
) -> None:
    asked = file_all(agent)
    agent.comment(asked["approval"], "The second charge is 4711-B.")
    page = context.new_page()
    sign_in(page, server.link())
    expect(page.locator(".task")).to_have_count(len(KINDS))
    picture(page, f"inbox-{width}-{scheme}")
    for kind, button, _ in KINDS:
        page.goto(f"{server.url}/inbox/{asked[kind]}")
        expect(page.get_by_role("button", name=button, exact=True)).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Run ")
        for what in ("Who asks", "By when", "If not"):
            expect(page.get_by_text(what, exact=True)).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, f"{kind}: something is cut off at the side"
        if width == "phone" or kind in ("approval", "form"):
            picture(page, f"{kind}-{width}-{scheme}")
