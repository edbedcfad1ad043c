"""From rows to what they stand for: a tenant's directory, a session. Both stores use it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from holdshort.models import Directory
from holdshort.store.base import Delivery, Device, Entry, Session, StoredFile

SETTINGS = "settings"
"""The name of the one `settings` document of a tenant."""


def session_of(row: Sequence[Any]) -> Session:
    """Return the session that a row of the table is."""
    *columns, doc = row
    return Session(**dict(zip(Session.model_fields, [*columns, json.loads(doc)], strict=True)))


def device_of(row: Sequence[Any]) -> Device:
    """Return the device that a row of the table is."""
    tenant, kind, id, person, created_at, doc = row
    return Device(
        tenant=tenant,
        kind=kind,
        id=id,
        person=person,
        created_at=created_at,
        doc=json.loads(doc),
    )


def file_of(row: Sequence[Any]) -> tuple[StoredFile, bytes]:
    """Return the file that a row of the table is, with its bytes."""
    *columns, data = row
    return StoredFile(**dict(zip(StoredFile.model_fields, columns, strict=True))), bytes(data)


def delivery_of(row: Sequence[Any]) -> Delivery:
    """Return the delivery that a row of the table is."""
    *columns, fallbacks = row
    values = dict(zip(Delivery.model_fields, [*columns, json.loads(fallbacks)], strict=True))
    return Delivery.model_validate(values)


def with_doc(record: Session | Device) -> dict[str, Any]:
    """Return a record as the values of its row."""
    return record.model_dump() | {"doc": json.dumps(record.doc)}


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
        elif entry.kind == "settings":
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
