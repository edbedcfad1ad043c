"""From rows to what they stand for: a tenant's directory, a session. Both stores use it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from holdshort.limits import Limits
from holdshort.localtime import minutes, parsed, weekdays, zone
from holdshort.models import Directory, Intent
from holdshort.people import Absence, Contact, Hours, Override, Quiet, Rota
from holdshort.store.base import Delivery, Device, Entry, Session, StoredFile

SETTINGS = "settings"
"""The name of the one `settings` document of a tenant."""


def permitted_until(intent: Intent) -> int | None:
    """Return until when an intent's permit can be used; None where there is none to use."""
    grant = intent.grant
    return grant.expires_at if grant is not None and grant.state == "open" else None


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
    subscriptions: list[tuple[str, str, tuple[str, ...]]] = []
    agents: set[str] = set()
    killed: set[str] = set()
    limits: dict[str, Limits] = {}
    settings: dict[str, Any] = {}
    contacts: dict[str, Contact] = {}
    rotas: dict[str, Rota] = {}
    absences: list[Absence] = []
    pushed: set[str] = set()
    for entry in entries:
        doc = entry.doc
        if entry.kind == "person":
            contacts[entry.name] = contact_of(doc)
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
        elif entry.kind == "rota":
            rotas[entry.name] = rota_of(doc)
        elif entry.kind == "absence":
            absences.append(absence_of(entry))
        elif entry.kind == "pushed":
            pushed.add(entry.name)
        elif entry.kind == "subscription":
            if doc["active"]:
                subscriptions.append((entry.name, doc["owner_agent"], tuple(doc["event_types"])))
        elif entry.kind == "account":
            agents.add(entry.name)
        elif entry.kind == "agent":
            if doc.get("killed_at"):
                killed.add(entry.name)
        elif entry.kind == "limits":
            limits[entry.name] = Limits.model_validate(doc)
        elif entry.kind == "settings":
            settings = doc
    for name in pushed:
        contact = contacts.get(name, Contact())
        contacts[name] = contact.but(known_to=contact.known_to | {"push"})
    channels = settings.get("channels")
    default_policy = type_policies.pop("*", {})
    return Directory(
        tenant=tenant,
        people=people,
        inactive=frozenset(inactive),
        teams=teams,
        default_reviewers=tuple(settings.get("default_reviewers", ("team:admins",))),
        default_policy=default_policy,
        type_policies=type_policies,
        channels=None if channels is None else tuple(channels),
        contacts={name: one for name, one in contacts.items() if one != Contact()},
        timezone=settings.get("timezone", "UTC"),
        absences=tuple(absences),
        allow_deputies=settings.get("allow_deputies", True),
        rotas=rotas,
        calendars={name: hours_of(one) for name, one in settings.get("calendars", {}).items()},
        agents=frozenset(agents),
        killed=frozenset(killed),
        limits=limits,
        webhooks=tuple(webhooks),
        subscriptions=tuple(subscriptions),
    )


def contact_of(doc: dict[str, Any]) -> Contact:
    """Return how a person wants to be told, from their document."""
    channels, quiet = doc.get("channels"), doc.get("quiet")
    return Contact(
        channels=None if channels is None else tuple(channels),
        tell=doc.get("tell", "all"),
        timezone=doc.get("timezone"),
        quiet=quiet
        and Quiet(
            begins=minutes(quiet["from"]),
            ends=minutes(quiet["until"]),
            days=weekdays(quiet["days"]),
        ),
        known_to=frozenset(
            name for name, field in (("apprise", "urls"), ("slack", "slack")) if doc.get(field)
        ),
    )


def absence_of(entry: Entry) -> Absence:
    """Return the absence that a document is; what it says is in UTC."""
    doc = entry.doc
    return Absence(
        id=entry.name,
        person=doc["person"],
        since=parsed(doc["from"], zone("UTC")),
        until=parsed(doc["until"], zone("UTC")),
        deputy=doc.get("deputy"),
        note=doc.get("note", ""),
    )


def rota_of(doc: dict[str, Any]) -> Rota:
    """Return the rota that a document is."""
    where = zone(doc["timezone"])
    return Rota(
        members=tuple(doc["members"]),
        starts=doc["starts"],
        weekday=weekdays([doc["handover"]["day"]])[0],
        minute=minutes(doc["handover"]["time"]),
        timezone=doc["timezone"],
        every=doc["every"],
        overrides=tuple(
            Override(
                since=parsed(one["from"], where),
                until=parsed(one["until"], where, end=True),
                person=one["person"],
            )
            for one in doc["overrides"]
        ),
    )


def hours_of(doc: dict[str, Any]) -> Hours:
    """Return the working hours that a document is."""
    return Hours(
        timezone=doc["timezone"],
        days=weekdays(doc["days"]),
        opens=minutes(doc["from"]),
        closes=minutes(doc["until"]),
        holidays=tuple(doc["holidays"]),
    )
