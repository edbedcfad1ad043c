"""Saying that one is away, and what the pages say of it then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ..server.house import ANA, BO, House
from .conftest import Browser, browser
from .test_deciding import form

pytestmark = pytest.mark.anyio

CY = "cy@acme.com"


def day(house: House, ahead: int) -> str:
    today = datetime.fromtimestamp(house.clock.now() / 1000, UTC).date()
    return str(today + timedelta(days=ahead))


async def leave(house: House, who: Browser, deputy: str = BO, **more: str) -> None:
    said = {"from": day(house, 0), "until": day(house, 3), "deputy": deputy, **more}
    sent = await who.post("/away", said)
    assert (sent.status_code, sent.headers.get("location")) == (303, "/away")


async def test_who_is_away_is_stood_in_for(house: House, ana: Browser) -> None:
    before = await house.ask()
    await leave(house, ana, note="in the mountains")
    page = (await ana.get("/inbox")).text
    assert "You are away until" in page
    assert f"{BO} decides" in page
    bo = browser(house)
    await bo.sign_in(house, BO)
    listed = (await bo.get("/inbox")).text
    assert f"You stand in for {ANA} until" in listed
    assert f'href="/inbox/{before}"' in listed, "what is open already is asked of the deputy"
    assert "in the mountains" in (await bo.get("/away")).text
    asked = await house.ask()
    assert (await bo.post(f"/inbox/{asked}/decide", form())).status_code == 303
    house.clock.advance(10)
    await house.engine.run_due()
    result = (await house.look(asked))["result"]
    assert (result["approved"], result["decided_by"]) == (True, f"person:{BO}")


async def test_it_ends_by_itself_and_can_be_taken_back(house: House, ana: Browser) -> None:
    await leave(house, ana)
    page = (await ana.get("/away")).text
    found = page.partition('name="absence" value="')[2].partition('"')[0]
    for _ in range(2):
        sent = await ana.post("/away/end", {"absence": found})
        assert sent.status_code == 303
    assert "You are away" not in (await ana.get("/inbox")).text
    await leave(house, ana)
    house.clock.advance(5 * 86_400)
    await ana.sign_in(house)
    assert "You are away" not in (await ana.get("/inbox")).text


async def test_a_circle_of_deputies_ends(house: House, ana: Browser) -> None:
    """Attack 22: Bo stands in for Ana, and Ana for Bo."""
    bo = browser(house)
    await bo.sign_in(house, BO)
    await leave(house, ana, BO)
    await leave(house, bo, ANA)
    for who in (ana, bo):
        page = (await who.get("/inbox")).text
        assert "You are away until" in page
        assert "nobody stands in for you" in page
    asked = await house.ask()
    assert (await ana.post(f"/inbox/{asked}/decide", form())).status_code == 303


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"from": "", "until": ""}, "from"),
        ({"from": "tomorrow, I think"}, "no date"),
        ({"from": "2030-02-30"}, "no date"),
        ({"until": "2000-01-01"}, "ends after it begins"),
        ({"until": "2999-01-01"}, "400 days at most"),
        ({"deputy": ANA}, "nobody stands in for themselves"),
        ({"deputy": "team:finance"}, "deputy"),
        ({"note": "x" * 501}, "500 characters"),
    ],
)
async def test_what_is_no_absence_is_said_beside_the_field(
    house: House, ana: Browser, said: dict[str, str], says: str
) -> None:
    sent = await ana.post("/away", {"from": day(house, 0), "until": day(house, 1), **said})
    assert sent.status_code == 422
    assert says in sent.text
    assert 'class="problem" role="alert"' in sent.text
    assert "None." in sent.text


async def test_nobody_ends_anothers_absence(house: House, ana: Browser) -> None:
    await leave(house, ana)
    found = (await ana.get("/away")).text.partition('name="absence" value="')[2].partition('"')[0]
    cy = browser(house)
    await cy.sign_in(house, CY)
    await cy.post("/away/end", {"absence": found})
    assert "You are away" in (await ana.get("/inbox")).text
    assert (await ana.http.post("/away", data={"from": day(house, 0)})).status_code == 403
    assert ANA not in (await cy.get("/away")).text


async def test_what_somebody_took_before_they_left_is_open_to_their_deputy(
    house: House, ana: Browser
) -> None:
    asked = await house.ask()
    assert (await ana.post(f"/inbox/{asked}/claim")).status_code == 303
    await leave(house, ana)
    bo = browser(house)
    await bo.sign_in(house, BO)
    page = (await bo.get(f"/inbox/{asked}")).text
    assert "has taken this" not in page.partition('id="decide"')[2]
    assert 'value="approved"' in page
    path = "/v1/intents/{intent_id}/card"
    card = (await house.ok("GET", path, house.bo, intent_id=asked))["card"]
    assert card["why_not"] is None
    assert (await bo.post(f"/inbox/{asked}/decide", form())).status_code == 303
