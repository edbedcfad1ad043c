"""Every page of the administration, with its address."""

from __future__ import annotations

from holdshort.inbox.admin import (
    agents,
    audit,
    deliveries,
    figures,
    keys,
    people,
    policies,
    start,
    teams,
)
from holdshort.inbox.web import Page

PAGES: tuple[tuple[str, str, Page], ...] = (
    *start.PAGES,
    *people.PAGES,
    *teams.PAGES,
    *keys.PAGES,
    *agents.PAGES,
    *deliveries.PAGES,
    *figures.PAGES,
    *audit.PAGES,
    *policies.PAGES,
)
