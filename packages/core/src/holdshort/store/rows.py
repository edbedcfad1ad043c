"""From rows to what they stand for: a tenant's directory, a session. Both stores use it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from holdshort.models import Directory
from holdshort.store.base import Entry, Session

SETTINGS = "settings"
"""The name of the one `settings` document of a tenant."""


def session_of(row: Sequence[Any]) -> Session:
    """Return the session that a row of the table is."""
    return Session(**dict(zip(Session.model_fields, row, strict=True)))


def directory_of(tenant: str, entries: Iterable[Entry]) -> Directory:
    """Fold the documents into one directory."""
    people: dict[str, tuple[str, ...]] = {}
    inactive: set[str] = set()
    teams: dict[str, tuple[str, ...]] = {}
    type_policies = {}
    webhooks: list[tuple[str, tuple[str, ...]]] = []
    settings = {}
    for entry in entries:
        doc = entry.doc
        if entry.kind == "person":
            if doc.get("active", True):
                people[entry.name] = tuple(doc.get("roles", ()))
            else:
                inactive.add(entry.name)
        elif entry.kind == "team":
            teams[entry.name] = tuple(doc.get("members", ()))
        elif entry.kind == "policy":
            type_policies[entry.name] = doc
        elif entry.kind == "webhook":
            if doc.get("active", True):
                webhooks.append((entry.name, tuple(doc.get("events", ("*",)))))
        else:
            settings = doc
    default_policy = type_policies.pop("*", {})
    return Directory(
        tenant=tenant,
        people=people,
        inactive=frozenset(inactive),
        teams=teams,
        default_reviewers=tuple(settings.get("default_reviewers", ("team:admins",))),
        default_policy=default_policy,
        type_policies=type_policies,
        channels=tuple(settings.get("channels", ("console",))),
        webhooks=tuple(webhooks),
    )
