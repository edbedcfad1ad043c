from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdshort import ids
from holdshort.store.base import Changes, Delivery, Entry

from ..server.conftest import anyio_backend
from ..server.house import ANA, BO, House, database_in, opened
from .fake import SECRET, TOKEN, FakeSlack, Said, signed

__all__ = ["anyio_backend"]

PAY = {"action": {"tool": "pay", "arguments": {"amount": 450, "to": "ACME", "note": "x"}}}
UANA, UBO = "U0ANA", "U0BO"


async def until(holds: Callable[[], Any]) -> Any:
    """Wait for something that another thread or task does."""
    async with asyncio.timeout(30):
        while not (found := holds()):
            await asyncio.sleep(0.02)
    return found


@dataclass
class Office:
    """A Holdshort whose people are asked in Slack."""

    house: House
    slack: FakeSlack

    async def ask(self, risk: str = "low", **fields: Any) -> tuple[str, Said]:
        """File an intent and let Ana hear of it; return its id and her card."""
        await self.risk(risk)
        asked = await self.house.ask(**(PAY | fields))
        await self.tell("asked", asked)
        return asked, self.slack.said_to(UANA)[-1]

    async def risk(self, risk: str, **more: Any) -> None:
        body = {"risk": risk, **more}
        await self.house.ok("PUT", "/v1/policies/{name}", self.house.admin, body, name="*")

    async def tell(self, reason: str, intent_id: str, person: str = ANA, **more: Any) -> Delivery:
        """Send somebody a message of this kind; return how it went."""
        now = self.house.clock.now()
        data = {"intent_id": intent_id, "title": "t", "agent": "a", "task_type": "approval"}
        data |= more
        made = Delivery(
            tenant="default",
            id=ids.new_id(now),
            intent_id=intent_id,
            reason=reason,
            channel="slack",
            recipient=person,
            body=json.dumps({"id": "x", "type": f"intent.{reason}", "data": data}),
            next_at=now,
            created_at=now,
        )
        await self.house.engine.write(lambda tx: tx.write(Changes(deliveries=[made])))
        await self.house.holdshort.outbox.tick()
        found = self.house.store.delivery("default", made.id)
        assert found is not None
        return found

    async def post(self, payload: dict[str, Any], **headers: str) -> httpx.Response:
        """Let Slack post what somebody did."""
        body, signature = signed(payload, self.house.clock.now() / 1000)
        return await self.send(body, signature | headers)

    async def send(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return await self.house.http.post("/slack/interactions", content=body, headers=headers)

    async def press(self, card: Said, label: str, user: str = UANA, **more: Any) -> httpx.Response:
        sent = await self.post(self.slack.press(card, label, user, **more))
        assert sent.status_code == 200, sent.text
        return sent

    async def submit(self, user: str = UANA, view: Any = None, **values: Any) -> Any:
        """Send the dialog that was opened last; return what Slack is answered, None for nothing."""
        sent = await self.post(self.slack.submit(view or self.slack.views[-1], user, **values))
        assert sent.status_code == 200, sent.text
        return sent.json() if sent.content else None

    async def settled(self, asked: str) -> Any:
        """Let the held answer take effect; return the result."""
        self.house.clock.advance(10)
        await self.house.engine.run_due()
        return (await self.house.look(asked))["result"]

    async def is_member(self, person: str, member: str | None, **doc: Any) -> None:
        found = {"name": "", "roles": [], "active": True, "slack": member, **doc}
        entry = Entry(kind="person", name=person, doc=found)
        await self.house.engine.write_directory(lambda tx: tx.put_entry("default", entry))


async def by_hand(house: House, slack: FakeSlack) -> Office:
    """Return an office in which Slack is told of nothing but what a test sends itself."""
    await house.ok("PUT", "/v1/settings", house.admin, {"channels": ["console"]})
    return Office(house, slack)


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as found:
        yield found


@pytest.fixture
async def office(tmp_path: Path, slack: FakeSlack) -> AsyncIterator[Office]:
    options = {
        "slack_bot_token": TOKEN,
        "slack_signing_secret": SECRET,
        "slack_api_url": slack.url,
        "public_url": "https://hold.acme.com",
    }
    async with opened(database_in(tmp_path), **options) as house:
        found = await by_hand(house, slack)
        for person, member in ((ANA, UANA), (BO, UBO)):
            await found.is_member(person, slack.join(member))

        yield found
