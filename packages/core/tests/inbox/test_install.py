"""What makes the inbox an app, as a browser asks for it."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

import pytest

from ..server.house import House
from .conftest import Browser, browser

pytestmark = pytest.mark.anyio


async def manifest(house: House) -> Any:
    reply = await browser(house).get("/manifest.webmanifest")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/manifest+json"
    return json.loads(reply.text)


async def test_it_can_be_installed(house: House) -> None:
    found = await manifest(house)
    assert found["name"]
    assert found["start_url"].startswith(found["scope"])
    assert found["display"] == "standalone"
    sizes = {one["sizes"] for one in found["icons"] if one["type"] == "image/png"}
    assert {"192x192", "512x512"} <= sizes
    assert any(one.get("purpose") == "maskable" for one in found["icons"])


async def test_the_icons_are_what_the_manifest_says(house: House) -> None:
    for icon in (await manifest(house))["icons"]:
        reply = await browser(house).get(icon["src"])
        assert reply.headers["content-type"].partition(";")[0] == icon["type"]
        if icon["type"] == "image/png":
            assert reply.content.startswith(b"\x89PNG")
            width, height = struct.unpack(">II", reply.content[16:24])
            assert icon["sizes"] == f"{width}x{height}"
        assert len(reply.content) < 8192


async def test_every_page_speaks_of_it(house: House, ana: Browser) -> None:
    for page in (await ana.get("/inbox"), await browser(house).get("/sign-in")):
        assert '<link rel="manifest" href="/manifest.webmanifest">' in page.text
        assert "manifest-src 'self'" in page.headers["content-security-policy"]
        assert "worker-src 'self'" in page.headers["content-security-policy"]


async def test_the_worker_is_for_the_whole_site_and_never_stale(house: House) -> None:
    reply = await browser(house).get("/sw.js")
    assert reply.headers["content-type"].startswith("text/javascript")
    assert reply.headers["service-worker-allowed"] == "/"
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.text.startswith('const VERSION = "')


async def test_all_that_the_worker_keeps_from_the_start_is_public(house: House) -> None:
    worker = await browser(house).get("/sw.js")
    found = re.search(r"SHELL = (\[.*?\]);", worker.text)
    assert found is not None
    for path in json.loads(found[1]):
        reply = await browser(house).get(path)
        assert reply.status_code == 200, path
        assert "set-cookie" not in reply.headers


async def test_a_page_says_whose_it_is_to_their_browser(house: House, ana: Browser) -> None:
    bo = browser(house)
    await bo.sign_in(house, "bo@acme.com")
    whose = [(await one.get("/inbox")).headers["holdshort-person"] for one in (ana, bo)]
    assert whose[0] != whose[1]
    assert "ana" not in whose[0]
    assert "holdshort-person" not in (await browser(house).get("/sign-in")).headers


async def test_pages_are_kept_by_no_other_cache(ana: Browser) -> None:
    assert (await ana.get("/inbox")).headers["cache-control"] == "no-store"
