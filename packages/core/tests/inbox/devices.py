"""Somebody's browser at the address where passkeys work, and what they do with their device."""

from __future__ import annotations

from typing import Any

import httpx

from ..server.house import ANA, House
from .authenticator import Authenticator
from .conftest import Browser

HERE = "http://localhost:8100"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"


def browser_at(house: House, url: str = HERE) -> Browser:
    transport = httpx.ASGITransport(house.holdshort.asgi, raise_app_exceptions=False)
    agent = {"user-agent": CHROME}
    return Browser(httpx.AsyncClient(transport=transport, base_url=url, headers=agent))


async def person_at(house: House, url: str = HERE, person: str = ANA) -> Browser:
    found = browser_at(house, url)
    made = await house.ok("POST", "/v1/sign-in-links", house.admin, {"person": person})
    path = "/" + made["url"].split("/", 3)[3]
    assert (await found.http.post(path, data={})).status_code == 303
    page = (await found.get("/account")).text
    found.csrf = page.split('name="csrf" value="')[1].split('"')[0]
    return found


async def begin(who: Browser, path: str = "/account/passkeys/begin", **form: Any) -> Any:
    sent = await who.post(path, form)
    assert sent.status_code == 200, sent.text
    return sent.json()


async def add(who: Browser, device: Authenticator, name: str = "Phone", **form: Any) -> Any:
    asked = await begin(who, **form)
    return await who.post(
        "/account/passkeys", {"answer": device.make(asked["create"]), "name": name}
    )


async def sign_in(guest: Browser, device: Authenticator, after: str = "/inbox", **lies: Any) -> Any:
    asked = (await guest.http.post("/sign-in/passkey/begin", data={})).json()["publicKey"]
    form = {"answer": device.show(asked, **lies), "next": after}
    return await guest.http.post("/sign-in/passkey", data=form)
