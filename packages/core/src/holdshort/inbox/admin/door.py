"""Who may come in here, and what all of these pages show."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import Forbidden
from holdshort.inbox.web import own_form, page, visitor
from holdshort.server.context import Context
from holdshort.server.sessions import Visitor

#: The pages, in the order of their links.
SECTIONS = (
    ("/admin", "Overview"),
    ("/admin/people", "People"),
    ("/admin/teams", "Teams"),
    ("/admin/keys", "Keys"),
    ("/admin/agents", "Agents"),
    ("/admin/deliveries", "Deliveries"),
    ("/admin/figures", "Figures"),
    ("/admin/audit", "Audit"),
    ("/admin/policies", "Policies"),
)


async def administrator(request: Request) -> tuple[Context, Visitor]:
    """Return who is looking. Raises NotSignedIn, and Forbidden for whoever does not run the
    tenant."""
    ctx, who = await visitor(request)
    if not who.admin:
        raise Forbidden("these pages are for administrators: people in the role admin, or in the "
                        "team admins")  # fmt: skip
    return ctx, who


async def administrators_form(
    request: Request,
) -> tuple[Context, Visitor, dict[str, list[str]]]:
    """The same for a form, with what was posted. Raises Refused where it is not of this session."""
    ctx, who = await administrator(request)
    return ctx, who, await own_form(request, who)


def admin_page(
    request: Request, name: str, who: Visitor, /, status: int = 200, **values: Any
) -> Response:
    """Return a page of the administration."""
    here = "/".join(request.url.path.split("/")[:3])
    shared = {"sections": SECTIONS, "here": here, "problem": None, "done": None}
    return page(f"admin/{name}.html", status, visitor=who, **{**shared, **values})
