"""What Slack shows of a request whose agent was killed."""

from __future__ import annotations

import pytest

from ..server.house import AGENT
from .conftest import UANA, Office
from .test_standing_in import card_of, told

__all__ = ["told"]

pytestmark = pytest.mark.anyio


async def switch(office: Office, verb: str) -> None:
    headers = {"Authorization": f"Bearer {office.house.admin}"}
    path = f"/v1/mesh/agents/{AGENT}/{verb}"
    assert (await office.house.http.post(path, headers=headers)).status_code == 200
    await office.house.holdshort.tick()


async def test_the_buttons_go_with_a_kill_and_come_back(told: Office) -> None:
    await told.risk("low")
    asked = await told.house.ask()
    card = await card_of(told, UANA)
    assert "Approve" in card.buttons
    await switch(told, "kill")
    assert "Approve" not in card.buttons
    assert "This stands still: its agent was killed." in card.shown
    await switch(told, "resume")
    assert "Approve" in card.buttons
    await told.press(card, "Approve", UANA)
    assert (await told.settled(asked))["approved"]
