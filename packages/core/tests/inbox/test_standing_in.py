"""What a deputy sees: for whom they answer, and that nobody who is away keeps them out."""

from __future__ import annotations

import pytest

from ..server.house import ANA, BO, House
from .conftest import Browser, browser
from .test_away import day, leave
from .test_batch import low, rows, send, tag
from .test_deciding import form

__all__ = ["low"]

pytestmark = pytest.mark.anyio


async def bo_of(house: House) -> Browser:
    found = browser(house)
    await found.sign_in(house, BO)
    return found


async def test_the_claim_of_who_is_away_is_shown_nowhere(house: House, ana: Browser) -> None:
    asked = await house.ask()
    assert (await ana.post(f"/inbox/{asked}/claim")).status_code == 303
    await leave(house, ana)
    bo = await bo_of(house)
    page = (await bo.get(f"/inbox/{asked}")).text
    assert "Taken by" not in page
    assert "I take it" in page
    assert f'action="/inbox/{asked}/claim"' in page
    assert f"taken by {ANA}" not in (await bo.get("/inbox")).text
    state = (await bo.get(f"/inbox/{asked}/state")).json()
    assert state["text"] == "This waits for a decision."
    path = "/v1/intents/{intent_id}/card"
    card = (await house.ok("GET", path, house.bo, intent_id=asked))["card"]
    assert (card["claimed_by"], card["stands"]) == (None, "This waits for a decision.")
    (task,) = (await house.ok("GET", "/v1/tasks", house.bo))["tasks"]
    assert task["claimed_by"] is None


async def test_a_deputy_takes_it_and_gives_it_back(house: House, ana: Browser) -> None:
    asked = await house.ask()
    await ana.post(f"/inbox/{asked}/claim")
    await leave(house, ana)
    bo = await bo_of(house)
    assert (await bo.post(f"/inbox/{asked}/claim")).status_code == 303
    page = (await bo.get(f"/inbox/{asked}")).text
    assert f"<dt>Taken by</dt><dd>{BO}</dd>" in page
    assert "Give it back" in page
    assert (await bo.post(f"/inbox/{asked}/release")).status_code == 303
    assert "I take it" in (await bo.get(f"/inbox/{asked}")).text


async def test_a_deputy_decides_many_at_once(low: House, ana: Browser) -> None:
    asked = [await tag(low, number) for number in range(2)]
    for one in asked:
        await ana.post(f"/inbox/{one}/claim")
    await leave(low, ana)
    bo = await bo_of(low)
    page = (await bo.get("/inbox/batch", params={"like": asked[0]})).text
    assert page.count(f"You answer for {ANA}, who is away until") == 2
    found = await rows(bo, asked[0])
    assert set(found) == set(asked)
    assert "2 of 2 answered" in (await send(bo, asked[0], found)).text


async def test_the_card_says_for_whom_one_answers(house: House, ana: Browser) -> None:
    asked = await house.ask()
    path = "/v1/intents/{intent_id}/card"
    says = f"You answer for {ANA}, who is away until"
    assert says not in (await ana.get(f"/inbox/{asked}")).text
    await leave(house, ana)
    bo = await bo_of(house)
    page = (await bo.get(f"/inbox/{asked}")).text
    assert f'{says} <time datetime="{day(house, 4)}T00:00:00' in page
    card = (await house.ok("GET", path, house.bo, intent_id=asked))["card"]
    assert card["on_behalf_of"] == ANA
    assert card["away_until"].startswith(f"{day(house, 4)}T00:00:00")
    await bo.post(f"/inbox/{asked}/decide", form())
    house.clock.advance(10)
    await house.engine.run_due()
    assert says not in (await bo.get(f"/inbox/{asked}")).text


async def test_who_is_asked_as_well_answers_for_themselves(house: House, ana: Browser) -> None:
    asked = await house.ask(to=[ANA, BO])
    await leave(house, ana)
    bo = await bo_of(house)
    assert "You answer for" not in (await bo.get(f"/inbox/{asked}")).text
