"""Figures: how long deciding takes, who carries it, whether it is read."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from holdshort.inbox.admin.door import admin_page, administrator
from holdshort.inbox.admin.plots import HEIGHT, WIDTH, duration, times_plot
from holdshort.server.context import query_choice
from holdshort.server.figures import FAST, PERIODS, Reviewer, figures

#: From how many answers on, and with what shares, somebody is named as too fast or always agreeing.
_ENOUGH = 10
_TOO_FAST = 0.2
_ALWAYS = 1.0


async def show(request: Request) -> Response:
    """Show the figures of the last 7, 30 or 90 days."""
    ctx, who = await administrator(request)
    days = int(query_choice(request, "days", [str(one) for one in PERIODS]) or PERIODS[1])
    found = await figures(ctx.engine, who.principal.tenant, days)
    by_day = [
        (datetime.fromtimestamp(day / 1000, UTC).strftime("%d %b"), times)
        for day, times in found.by_day
    ]
    return admin_page(
        request,
        "figures",
        who,
        found=found,
        periods=PERIODS,
        duration=duration,
        fast=FAST // 1000,
        by_day=by_day,
        day_plot=times_plot(by_day),
        size=(WIDTH, HEIGHT),
        hints=[hint for one in found.reviewers for hint in _hints(one)],
        percent=lambda share: f"{share * 100:.0f} %",
    )


def _hints(one: Reviewer) -> list[str]:
    """Return what somebody who is responsible for this should look at."""
    if one.answers < _ENOUGH:
        return []
    found = []
    if one.fast_rate >= _TOO_FAST:
        found.append(
            f"{one.person} gave {one.fast} of {one.answers} answers within {FAST // 1000} seconds: "
            "that cannot have been read."
        )
    if one.yes_rate >= _ALWAYS:
        found.append(f"{one.person} said yes to all of {one.answers}.")
    return found


PAGES = (("GET", "/admin/figures", show),)
