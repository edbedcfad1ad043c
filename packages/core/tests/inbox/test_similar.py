"""What a card says of earlier intents like it: attacks 36 and 50."""

from __future__ import annotations

import re

import pytest

from ..server.house import ANA, BO, TYPE, House
from .conftest import Browser
from .test_deciding import PAY

pytestmark = pytest.mark.anyio

DAY = 86_400
OTHER = {"action": {"tool": "pay", "arguments": {"amount": 1, "to": "ACME"}}}


def warnings(page: str) -> list[str]:
    return re.findall(r'class="warn again" role="note">([^<]*)<', page)


async def card(ana: Browser, asked: str) -> str:
    return str((await ana.get(f"/inbox/{asked}")).text)


async def test_what_was_refused_before_is_said(house: House, ana: Browser) -> None:
    """Attack 36: the same again, after a no."""
    for _ in range(2):
        await house.decide(await house.ask(**PAY), "rejected", comment="no")
    page = await card(ana, await house.ask(**PAY))
    assert warnings(page) == [
        f"Exactly this was refused before: twice by {ANA}.",
        f"Asked 3 times in 24 hours (2 rejected); refused twice by {ANA}.",
    ]
    assert page.count("exactly the same") == 2


async def test_asking_until_somebody_is_lenient_shows(house: House, ana: Browser) -> None:
    """Attack 50: filed, withdrawn, and filed again for somebody else."""
    for _ in range(3):
        asked = await house.ask(**PAY, to=BO)
        await house.ok("POST", "/v1/intents/{intent_id}/cancel", house.agent, {}, intent_id=asked)
    (said,) = warnings(await card(ana, await house.ask(**PAY)))
    assert said == "Asked 4 times in 24 hours (3 withdrawn)."


async def test_the_newest_five_of_ninety_days(house: House, ana: Browser) -> None:
    await house.decide(await house.ask(**OTHER), comment="long ago")
    house.clock.advance(60 * DAY)
    for _ in range(6):
        await house.decide(await house.ask(**OTHER), "approved")
    house.clock.advance(31 * DAY)
    await ana.sign_in(house)
    page = await card(ana, await house.ask(**PAY))
    assert warnings(page) == []
    assert "Asked before: 6 in 90 days" in page
    part = page.partition('<details class="similar">')[2].partition("</details>")[0]
    assert part.count("<li>") == 5
    assert part.count(f"<strong>approved</strong> by {ANA}") == 5
    assert "exactly the same" not in part


async def test_other_tools_and_agents_are_not_like_it(house: House, ana: Browser) -> None:
    other = await house.key("agent", "agent://acme/x/other")
    await house.decide(await house.ask(other, **PAY), "rejected", comment="no")
    await house.decide(await house.ask(action={"tool": "look", "arguments": {}}))
    page = await card(ana, await house.ask(**PAY))
    assert warnings(page) == []
    assert "Asked before" not in page


async def test_what_is_not_mine_is_counted_but_not_linked(house: House, ana: Browser) -> None:
    """A no of somebody else's counts; what they were shown stays theirs."""
    theirs = await house.ask(**PAY, to=BO, title="Theirs")
    await house.decide(theirs, "rejected", key=house.bo, comment="secret reason")
    page = await card(ana, await house.ask(**PAY))
    assert f"Exactly this was refused before: once by {BO}." in warnings(page)
    assert f"/inbox/{theirs}" not in page
    assert "secret reason" not in page


async def test_nobodys_timeout_is_no_persons_no(house: House, ana: Browser) -> None:
    await house.ask(**PAY, deadline=60)
    house.clock.advance(61)
    await house.engine.run_due()
    page = await card(ana, await house.ask(**PAY))
    assert "timed out" in page
    assert f"by {ANA}" not in "".join(warnings(page))


async def test_50_no_is_not_buried_under_what_is_withdrawn(house: House, ana: Browser) -> None:
    """The agent asks for other things, and takes them back, until the no is far away."""
    await house.decide(await house.ask(payload={"rows": 9}), "rejected")
    junk = {"intent_type": TYPE, "to": ANA}
    for start in (0, 150):
        many = [junk | {"payload": {"n": start + n}} for n in range(150)]
        filed = await house.ok("POST", "/v1/intents/batch", house.agent, {"intents": many})
        for one in filed["results"]:
            path = "/v1/intents/{intent_id}/cancel"
            await house.ok("POST", path, house.agent, {}, intent_id=one["intent_id"])
    page = (await ana.get(f"/inbox/{await house.ask(payload={'rows': 9})}")).text
    assert any("Exactly this was refused before" in one for one in warnings(page))
