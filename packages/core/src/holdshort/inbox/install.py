"""What makes the inbox an app: its manifest, and the worker that shows pages without a network."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from holdshort.inbox.web import HEADERS, page

_DARK = "#101418"
MANIFEST = {
    "id": "/inbox",
    "name": "Holdshort",
    "short_name": "Holdshort",
    "description": "Decide what AI agents may do",
    "start_url": "/inbox",
    "scope": "/",
    "display": "standalone",
    "background_color": _DARK,
    "theme_color": "#1f2937",
    "icons": [
        {"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml"},
        {"src": "/static/icon-192.png", "sizes": "192x192", "type": "image/png"},
        {"src": "/static/icon-512.png", "sizes": "512x512", "type": "image/png"},
        {
            "src": "/static/icon-512.png",
            "sizes": "512x512",
            "type": "image/png",
            "purpose": "maskable",
        },
    ],
}
#: What a page needs to be shown, and the page for those that are not kept.
SHELL = (
    "/offline",
    "/static/inbox.css",
    "/static/inbox.js",
    "/static/held.js",
    "/static/offline.js",
    "/static/passkey.js",
    "/static/icon.svg",
    "/static/icon-192.png",
)


async def manifest(request: Request) -> Response:
    """Say how the inbox is installed."""
    headers = HEADERS | {"Cache-Control": "public, max-age=3600"}
    return Response(json.dumps(MANIFEST), 200, headers, "application/manifest+json")


async def worker(request: Request) -> Response:
    """Return the worker. It is another one as soon as any file of the pages is."""
    headers = HEADERS | {"Cache-Control": "no-cache", "Service-Worker-Allowed": "/"}
    return Response(_worker(), 200, headers, "text/javascript; charset=utf-8")


@cache
def _worker() -> bytes:
    folder = files("holdshort.inbox") / "static"
    named = [path.rpartition("/")[2] for path in SHELL if path.startswith("/static/")]
    parts = [(folder / name).read_bytes() for name in (*named, "sw.js")]
    version = hashlib.sha256(b"".join(parts)).hexdigest()[:16]
    start = f"const VERSION = {json.dumps(version)}, SHELL = {json.dumps(SHELL)};\n"
    return start.encode() + parts[-1]


async def offline(request: Request) -> Response:
    """What is shown without a network in the place of a page that is not kept."""
    return page("offline.html")


PAGES = (
    ("GET", "/manifest.webmanifest", manifest),
    ("GET", "/sw.js", worker),
    ("GET", "/offline", offline),
)
