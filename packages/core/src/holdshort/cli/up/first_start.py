"""What a Holdshort without keys needs before anybody can use it."""

from __future__ import annotations

from typing import Literal

from holdshort import ids
from holdshort.app import Holdshort
from holdshort.client.transports.embedded import LOCAL_AGENT
from holdshort.engine import ledger
from holdshort.models import DEFAULT_TENANT, Principal
from holdshort.server.access import ADMIN_ROLE
from holdshort.server.auth import hash_of, new_key
from holdshort.server.directory import record_key
from holdshort.store.base import Entry, KeyInfo, Tx

Role = Literal["agent", "person", "service"]
TEAM = "admins"
_SETUP = Principal(kind="system", id="first-start", tenant=DEFAULT_TENANT, via="cli")


async def first_start(holdshort: Holdshort, admin: str) -> dict[Role, str] | None:
    """Make an administrator, in the team that is asked by default, and a key for each role.

    Return the keys by role, which are stored nowhere; None where there have been keys before. The
    agent's is that of the embedded client, so that moving to a server keeps its intents.
    """
    engine, store = holdshort.engine, holdshort.store
    if await engine.read(store.keys, DEFAULT_TENANT, heavy=True):
        return None
    entries = await engine.read(store.entries, DEFAULT_TENANT, heavy=True)
    docs = {(entry.kind, entry.name): entry.doc for entry in entries}
    person = {"name": "", "active": True, **docs.get(("person", admin), {})}
    person["roles"] = [*dict.fromkeys([*person.get("roles", ()), ADMIN_ROLE])]
    members = [*dict.fromkeys([*docs.get(("team", TEAM), {}).get("members", ()), admin])]
    subjects: dict[Role, str] = {"agent": LOCAL_AGENT, "person": admin, "service": "admin"}
    secrets: dict[Role, str] = {role: new_key(role) for role in subjects}

    def write(tx: Tx) -> None:
        now = tx.now()
        tx.put_entry(DEFAULT_TENANT, Entry(kind="person", name=admin, doc=person))
        tx.put_entry(DEFAULT_TENANT, Entry(kind="team", name=TEAM, doc={"members": members}))
        for role, subject in subjects.items():
            key = KeyInfo(
                tenant=DEFAULT_TENANT,
                id=ids.new_id(now),
                role=role,
                subject=subject,
                name="made by the first start",
                created_at=now,
            )
            tx.add_key(key, hash_of(secrets[role]))
            record_key(tx, _SETUP, key)
        ledger.record(tx, _SETUP, "person.set", admin, roles=person["roles"])
        ledger.record(tx, _SETUP, "team.set", TEAM, members=members)

    await engine.write_directory(write)
    return secrets
