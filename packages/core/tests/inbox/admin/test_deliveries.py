"""What was sent and what could not be; webhooks; trying again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from holdshort.notify.base import SendFailed

from ...server.house import House, database_in, opened
from ..conftest import Browser
from .conftest import words

pytestmark = pytest.mark.anyio


class Broken:
    """A channel that takes nothing until it is repaired."""

    name = "pager"
    updates = False

    def __init__(self) -> None:
        self.works = False
        self.sent: list[str] = []

    async def send(self, delivery: Any, endpoint: Any) -> None:
        if not self.works:
            raise SendFailed("550 <b>no such\x1b[31m mailbox</b>", permanent=True)
        self.sent.append(delivery.id)

    async def close(self) -> None: ...


@pytest.fixture
def pager() -> Broken:
    return Broken()


@pytest.fixture
async def house(tmp_path: Path, pager: Broken) -> AsyncIterator[House]:
    notifiers = {"pager": pager, "webhook": pager}
    async with opened(database_in(tmp_path), notifiers=notifiers) as house:  # type: ignore[arg-type]
        settings = {"default_reviewers": ["team:admins"], "channels": ["pager"]}
        await house.ok("PUT", "/v1/settings", house.admin, settings)
        yield house


async def test_what_was_given_up_is_tried_again(
    admin: Browser, house: House, pager: Broken
) -> None:
    asked = [await house.ask(to=f"p{n}@acme.com") for n in range(3)]
    await house.holdshort.tick()
    page = await admin.get("/admin/deliveries?state=dead")
    said = words(page.text)
    assert said.count("given up ") >= 3
    assert "550 &lt;b&gt;no such \\x1b [31m mailbox" in said
    assert "\x1b" not in page.text
    ids = re.findall(r'name="delivery" value="([\w-]+)"', page.text)
    assert len(ids) == 3

    pager.works = True
    page = await admin.post("/admin/deliveries/again", {"delivery": ids[0]})
    assert "It is tried again." in page.text
    await house.holdshort.tick()
    assert pager.sent == [ids[0]]
    page = await admin.post("/admin/deliveries/again", {"channel": "pager"})
    assert "2 deliveries are tried again." in page.text
    await house.holdshort.tick()
    assert sorted(pager.sent) == sorted(ids)
    page = await admin.get("/admin/deliveries?state=dead")
    assert "There are no such deliveries." in page.text
    for one in asked:
        assert [d["state"] for d in await house.deliveries(one)] == ["sent"]


async def test_filters_and_pages(admin: Browser, house: House, pager: Broken) -> None:
    pager.works = True
    for number in range(60):
        await house.ask(to=f"p{number}@acme.com")
    for _ in range(10):
        await house.holdshort.tick()
    page = await admin.get("/admin/deliveries?state=sent&channel=pager")
    assert page.text.count("by pager: ") == 50
    (older,) = re.findall(r'href="(/admin/deliveries\?cursor=[^"]+)"', page.text)
    rest = await admin.get(older.replace("&amp;", "&"))
    assert rest.text.count("by pager: ") == 10
    assert (await admin.get("/admin/deliveries?channel=none")).text.count("by pager: ") == 0
    assert (await admin.get("/admin/deliveries?state=lost")).status_code == 422


async def test_webhooks_say_how_they_stand(admin: Browser, house: House, pager: Broken) -> None:
    hook = {"url": "http://127.0.0.1:9/hook", "events": ["*"]}
    made = await house.ok("PUT", "/v1/webhooks/{name}", house.admin, hook, name="ledger")
    assert "nothing was sent yet" in (await admin.get("/admin/deliveries")).text
    await house.ask()
    await house.holdshort.tick()
    page = await admin.get("/admin/deliveries")
    assert "does not take what is sent" in page.text
    assert made["secret"] not in page.text
    pager.works = True
    house.clock.advance(10)
    await admin.post("/admin/deliveries/again", {"channel": "webhook"})
    await house.holdshort.tick()
    assert "works" in words((await admin.get("/admin/deliveries")).text)
    off = hook | {"active": False}
    await house.ok("PUT", "/v1/webhooks/{name}", house.admin, off, name="ledger")
    assert "switched off" in (await admin.get("/admin/deliveries")).text


async def test_deliveries_of_others_stay_theirs(
    admin: Browser, house: House, pager: Broken
) -> None:
    agent = await house.key("agent", "agent://other/production/x", tenant="other")
    await house.key("service", "root", tenant="other")
    filed = await house.ask(agent, to="eve@other.com")
    await house.holdshort.tick()
    theirs = house.store.deliveries("other", intent_id=filed)
    page = await admin.get("/admin/deliveries")
    assert "eve@other.com" not in page.text
    if theirs:
        form = {"delivery": theirs[0].id}
        assert (await admin.post("/admin/deliveries/again", form)).status_code == 404
