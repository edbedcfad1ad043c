from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from ..server.conftest import anyio_backend, house
from ..server.house import ANA, House

__all__ = ["anyio_backend", "house"]


@dataclass
class Browser:
    """Somebody's browser without a screen: it keeps cookies and sends forms."""

    http: httpx.AsyncClient
    csrf: str = ""

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.http.get(path, **more)

    async def post(self, path: str, form: dict[str, Any] | None = None, **more: Any) -> Any:
        """Send a form of a page of this session."""
        return await self.http.post(path, data={"csrf": self.csrf, **(form or {})}, **more)

    async def sign_in(self, house: House, person: str = ANA) -> None:
        made = await house.ok("POST", "/v1/sign-in-links", house.admin, {"person": person})
        done = await self.http.post(made["url"], data={"next": "/inbox"})
        assert (done.status_code, done.headers["location"]) == (303, "/inbox")
        page = await self.get("/inbox")
        found = re.search(r'name="csrf" value="(\w+)"', page.text)
        assert found is not None
        self.csrf = found[1]


def browser(house: House) -> Browser:
    transport = httpx.ASGITransport(house.holdshort.asgi, raise_app_exceptions=False)
    return Browser(httpx.AsyncClient(transport=transport, base_url="http://holdshort"))


@pytest.fixture
async def ana(house: House) -> Browser:
    """Ana, signed in."""
    found = browser(house)
    await found.sign_in(house)
    return found
