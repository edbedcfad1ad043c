"""The list as it changes: the page is told as soon as something in it is another."""

from __future__ import annotations

import asyncio
import re

import pytest

from ..server.house import ANA, BO, House
from .conftest import Browser

pytestmark = pytest.mark.anyio


async def seen(ana: Browser, query: str = "") -> str:
    found = re.search(r'data-seen="(\w+)"', (await ana.get(f"/inbox?{query}")).text)
    assert found is not None
    return found[1]


async def news(ana: Browser, known: str, seconds: float, **query: str) -> dict[str, int]:
    asked = {"seen": known, "wait_seconds": str(seconds), **query}
    reply = await ana.get("/inbox/news", params=asked)
    assert reply.status_code == 200
    tasks: dict[str, int] = reply.json()["tasks"]
    return tasks


async def test_a_new_one_and_one_that_is_gone_are_told(house: House, ana: Browser) -> None:
    known = await seen(ana)
    waiting = asyncio.create_task(news(ana, known, 20))
    asked = await house.ask(to=[ANA, BO])
    async with asyncio.timeout(5):
        assert set(await waiting) == {asked}
    waiting = asyncio.create_task(news(ana, await seen(ana), 20))
    await house.decide(asked, key=house.bo)
    async with asyncio.timeout(5):
        assert await waiting == {}


async def test_a_filter_hears_of_its_own(house: House, ana: Browser) -> None:
    known = await seen(ana, "filter=high")
    await house.ask()
    assert await news(ana, known, 0, filter="high") == {}
    assert await seen(ana, "filter=high") == known
    assert len(await news(ana, known, 0)) == 1


async def test_without_news_it_answers_in_time(house: House, ana: Browser) -> None:
    asked = await house.ask()
    async with asyncio.timeout(5):
        assert set(await news(ana, await seen(ana), 0.1)) == {asked}
    assert len(house.engine.wake) == 0, "who has gone is not told any more"


async def test_who_is_not_signed_in_hears_nothing(house: House) -> None:
    reply = await house.http.get("/inbox/news")
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/sign-in")
