"""The page of figures: numbers, plots without styles, and what somebody should look at."""

from __future__ import annotations

import re

import pytest

from holdshort.inbox.admin.plots import HEIGHT, WIDTH, duration, times_plot
from holdshort.server.figures import Times

from ...server.house import ANA, House
from ..conftest import Browser
from .conftest import words

pytestmark = pytest.mark.anyio


async def test_a_reviewer_who_cannot_have_read_is_named(admin: Browser, house: House) -> None:
    """Attack 51."""
    assert "Nothing was decided in this period." in (await admin.get("/admin/figures")).text
    for number in range(10):
        asked = await house.ask(payload={"n": number})
        house.clock.advance(1)
        await house.decide(asked)
    page = await admin.get("/admin/figures?days=7")
    said = words(page.text)
    assert f"{ANA} gave 10 of 10 answers within 3 seconds" in said
    assert f"{ANA} said yes to all of 10." in said
    assert "<svg" in page.text
    assert " style=" not in page.text
    # What the plot shows stands in a table as well.
    assert re.search(r'<tr><th scope="row">\d\d \w+</th><td class="number">10</td>', page.text)


async def test_a_period_that_there_is_not(admin: Browser) -> None:
    assert (await admin.get("/admin/figures?days=8")).status_code == 422


def test_bars_stay_inside_the_plot() -> None:
    days = [(f"{n:02} Nov", Times(1, n * 1000, n * 90_000_000)) for n in range(90)]
    plot = times_plot(days)
    assert len(plot.bars) == 90
    assert sum(bar.shown for bar in plot.bars) < 14
    for bar in plot.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH
        assert 0 <= bar.p95_y <= bar.p50_y <= HEIGHT
        assert bar.p95_y + bar.p95_height == pytest.approx(plot.base)


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0, "0 s"), (400, "0.4 s"), (2_345, "2.3 s"), (60_000, "1 min")]
)
def test_times_as_people_say_them(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text
