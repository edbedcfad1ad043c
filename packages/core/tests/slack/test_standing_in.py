"""What a deputy, and who was asked by an earlier step, sees in Slack."""

from __future__ import annotations

import pytest

from ..server.house import ANA, BO
from .conftest import UANA, UBO, Office
from .fake import Said

pytestmark = pytest.mark.anyio

SAYS = f"You answer for {ANA}"


@pytest.fixture
async def told(office: Office) -> Office:
    """An office in which Slack is told of everything, as it happens."""
    await office.house.ok("PUT", "/v1/settings", office.house.admin, {"channels": ["slack"]})
    return office


async def leave(office: Office) -> None:
    away = {"from": "2027-01-15", "until": "2027-01-17", "deputy": BO}
    await office.house.ok("POST", "/v1/absences", office.house.ana, away)


async def act(office: Office, asked: str, what: str, key: str) -> None:
    await office.house.ok("POST", f"/v1/intents/{{intent_id}}/{what}", key, intent_id=asked)
    await office.house.holdshort.tick()


async def card_of(office: Office, member: str) -> Said:
    await office.house.holdshort.tick()
    (card,) = office.slack.said_to(member)
    return card


async def test_the_card_says_for_whom_one_answers(told: Office) -> None:
    await told.risk("low")
    await leave(told)
    asked = await told.house.ask()
    card = await card_of(told, UBO)
    assert SAYS in card.shown
    assert "Approve" in card.buttons
    await act(told, asked, "claim", told.house.bo)
    assert f"Taken by: \n{BO}" in card.shown
    assert SAYS in card.shown, "it is said still when the card is changed"
    await told.press(card, "Approve", UBO)
    assert (await told.settled(asked))["on_behalf_of"] == ANA
    await told.house.holdshort.tick()
    assert SAYS not in card.shown
    assert f"{BO} answered" in card.shown


async def test_who_is_asked_as_well_answers_for_themselves(told: Office) -> None:
    await leave(told)
    await told.house.ask(to=[ANA, BO])
    assert SAYS not in (await card_of(told, UBO)).shown


async def test_the_claim_of_who_is_away_is_not_shown(told: Office) -> None:
    await told.risk("low", remind_after="1h")
    asked = await told.house.ask()
    mine = await card_of(told, UANA)
    await act(told, asked, "claim", told.house.ana)
    assert f"Taken by: \n{ANA}" in mine.shown
    await leave(told)
    told.house.clock.advance(3600)
    card = await card_of(told, UBO)
    assert "Taken by" not in card.shown
    assert SAYS in card.shown
    await told.press(card, "Approve", UBO)
    assert (await told.settled(asked))["approved"]


async def test_somebody_elses_claim_is_said_to_who_presses_all_the_same(told: Office) -> None:
    await told.risk("low")
    asked = await told.house.ask(to=[ANA, BO])
    card = await card_of(told, UBO)
    await told.house.ok("POST", "/v1/intents/{intent_id}/claim", told.house.ana, intent_id=asked)
    await told.press(card, "Approve", UBO)
    assert f"{ANA} has taken this" in card.shown
    assert "Approve" not in card.buttons
    await act(told, asked, "release", told.house.ana)
    assert "Approve" in card.buttons


async def at_the_second_step(office: Office) -> tuple[str, Said, Said]:
    """Let Ana say yes to the first step; return the intent's id, her card and Bo's."""
    await office.risk("low")
    steps = [{"name": "first", "to": [ANA]}, {"name": "second", "to": [BO]}]
    asked = await office.house.ask(to=(), steps=steps)
    first = await card_of(office, UANA)
    await office.press(first, "Approve")
    office.house.clock.advance(10)
    return asked, first, await card_of(office, UBO)


@pytest.mark.parametrize(
    ("outcome", "says"),
    [("Approve", f"{BO} answered “approved”."), ("Reject", f"{BO} answered “rejected”.")],
)
async def test_who_was_asked_first_sees_how_it_ended(told: Office, outcome: str, says: str) -> None:
    asked, first, second = await at_the_second_step(told)
    await told.press(second, outcome, UBO)
    await told.settled(asked)
    await told.house.holdshort.tick()
    for card in (first, second):
        assert says in card.shown
        assert list(card.buttons) == ["Look at it"]


async def test_who_was_asked_first_sees_that_it_was_withdrawn(told: Office) -> None:
    asked, first, _ = await at_the_second_step(told)
    path = "/v1/intents/{intent_id}/cancel"
    await told.house.ok("POST", path, told.house.agent, {"reason": "x"}, intent_id=asked)
    await told.house.holdshort.tick()
    assert "This was withdrawn." in first.shown
