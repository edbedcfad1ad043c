"""Policies, to read: what holds for which type of intent. They are written through the API."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdshort.inbox import shown
from holdshort.inbox.admin.door import admin_page, administrator


async def show(request: Request) -> Response:
    """Show every policy as it was written, and the tenant's settings."""
    ctx, who = await administrator(request)
    tenant, store, read = who.principal.tenant, ctx.engine.store, ctx.engine.read
    policies = await read(store.entries, tenant, "policy")
    directory = await ctx.engine.directory_now(tenant)
    return admin_page(
        request,
        "policies",
        who,
        policies=[
            {"name": entry.name, "doc": shown.shown(entry.doc)}
            for entry in sorted(policies, key=lambda entry: entry.name)
        ],
        reviewers=directory.default_reviewers,
        channels=directory.channels,
    )


PAGES = (("GET", "/admin/policies", show),)
