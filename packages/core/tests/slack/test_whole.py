"""From an agent's question to its grant, with Slack in between: nothing is sent by hand here."""

from __future__ import annotations

import pytest

from ..server.house import AGENT, ANA, BO
from .conftest import PAY, UANA, UBO, Office

pytestmark = pytest.mark.anyio


async def test_asked_answered_and_told(office: Office) -> None:
    house, slack = office.house, office.slack
    await house.ok("PUT", "/v1/settings", house.admin, {"channels": ["slack"]})
    asked = await house.ask(to=[ANA, BO], deadline=3600, remind_after=60, **PAY)
    await house.holdshort.tick()
    (hers,), (his,) = slack.said_to(UANA), slack.said_to(UBO)
    assert AGENT in hers.shown

    house.clock.advance(61)
    await house.holdshort.tick()
    assert [len(slack.replies(card)) for card in (hers, his)] == [1, 1]

    await office.press(his, "Reject", UBO)
    await office.press(his, "Undo", UBO)
    await office.press(his, "Approve", UBO)
    house.clock.advance(10)
    await house.holdshort.tick()
    result = (await house.look(asked))["result"]
    assert (result["decided_by"], result["via"]) == (f"person:{BO}", "slack")
    assert (await house.look(asked))["grant"]["state"] == "open"
    for card in (hers, his):
        assert "bo@acme.com answered “approved”." in card.shown
        assert list(card.buttons) == ["Look at it"]
    assert all(one["state"] == "sent" for one in await house.deliveries(asked))


async def test_who_takes_it_is_seen_by_the_others(office: Office) -> None:
    house = office.house
    await house.ok("PUT", "/v1/settings", house.admin, {"channels": ["slack"]})
    asked = await house.ask(to=[ANA, BO], **PAY)
    await house.holdshort.tick()
    path = "/v1/intents/{intent_id}/claim"
    await house.ok("POST", path, house.bo, intent_id=asked)
    await house.holdshort.tick()
    (hers,) = office.slack.said_to(UANA)
    assert "Taken by: " in hers.shown
    await office.press(hers, "Reject")
    assert "bo@acme.com has taken this" in office.slack.whispered(UANA)[-1]
