"""A Holdshort with an administrator, Ana, and with Bo, who is none."""

from __future__ import annotations

import re

import pytest

from ...server.conftest import anyio_backend
from ...server.house import ANA, BO, House
from ..conftest import Browser, browser, house

__all__ = ["anyio_backend", "house"]


@pytest.fixture
async def admin(house: House) -> Browser:
    """Ana, an administrator, signed in."""
    body = {"name": "Ana Lima", "roles": ["admin"], "active": True}
    await house.ok("PUT", "/v1/people/{name}", house.admin, body, name=ANA)
    await house.ok("PUT", "/v1/people/{name}", house.admin, {"name": "Bo"}, name=BO)
    found = browser(house)
    await found.sign_in(house)
    return found


def words(page: str) -> str:
    """Return what a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
