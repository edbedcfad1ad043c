"""The log of what administrators do: complete, chained, without secrets, part of every export."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from holdshort.audit import verify
from holdshort.server.export import lines, table

from .house import AGENT, ANA, BO, TYPE, House, opened

pytestmark = pytest.mark.anyio

OURS = "WHERE intent_id = 'administration'"
LOG = "/v1/audit/administration"


async def log(house: House) -> list[dict[str, Any]]:
    """Return the log, oldest first."""
    found: list[dict[str, Any]] = (await house.ok("GET", LOG, house.admin))["entries"]
    return found[::-1]


async def do_everything(house: House) -> list[str]:
    """Change one thing of each kind; return what the log is to say of it."""
    put, admin = "PUT", house.admin
    await house.ok(put, "/v1/people/{name}", admin, {"name": "Bo", "roles": ["cfo"]}, name=BO)
    await house.ok(put, "/v1/teams/{name}", admin, {"members": [BO]}, name="pay")
    await house.ok("DELETE", "/v1/teams/{name}", admin, name="pay")
    await house.ok(put, "/v1/policies/{name}", admin, {"quorum": 2}, name="intent.pay.*")
    hook = {"url": "https://user:pass@hooks.example.com/hooks-path?token=sesame"}
    made = await house.ok(put, "/v1/webhooks/{name}", admin, hook, name="ci")
    await house.ok(put, "/v1/settings", admin, {"default_reviewers": [BO]})
    key = await house.ok("POST", "/v1/keys", admin, {"role": "person", "subject": BO})
    await house.ok("DELETE", "/v1/keys/{key_id}", admin, key_id=key["key"]["key_id"])
    link = await house.ok("POST", "/v1/sign-in-links", admin, {"person": BO})
    away = {"from": "2027-01-20", "until": "2027-01-22", "deputy": BO}
    gone = await house.ok("POST", "/v1/absences", house.ana, away)
    absence = gone["absence"]["absence_id"]
    await house.ok("DELETE", "/v1/absences/{absence_id}", house.ana, absence_id=absence)
    await house.ok(put, "/v1/limits/{agent}", admin, {"intents_per_day": 9}, agent=AGENT)
    headers = {"Authorization": f"Bearer {admin}"}
    for verb in ("kill", "resume"):
        await house.http.post(f"/v1/mesh/agents/{AGENT}/{verb}", headers=headers)
    account = {"name": "scanner", "org_id": "acme", "workspace_id": "x"}
    await house.http.post("/v1/service-accounts", json=account, headers=headers)
    secrets = [
        made["secret"],
        key["token"],
        link["url"].rpartition("/")[2],
        "hooks-path",
        "sesame",
        "user:pass",
    ]
    written = json.dumps(await log(house))
    assert not [one for one in secrets if one in written]
    return [
        "person.set", "team.set", "team.deleted", "policy.set", "webhook.set", "settings.set",
        "key.made", "key.revoked", "sign_in_link.made", "absence.set", "absence.deleted",
        "agent.limits_set", "agent.killed", "agent.resumed", "account.made",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_everything_that_changes_the_directory_is_in_it(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    postgres = kind == "postgres"
    database = request.getfixturevalue("pg_url") if postgres else f"sqlite:///{tmp_path}/x.db"
    async with opened(database) as house:
        wanted = await do_everything(house)
        found = await log(house)
        assert [one["event_type"].removeprefix("admin.") for one in found] == wanted
        by = {one["event_type"]: one["actor"] for one in found}
        assert by["admin.absence.set"] == f"person:{ANA}"
        assert by["admin.key.made"] == "service:admin"
        await house.ask()
        export = list(lines(house.store, "default"))
        checked = verify(export)
        assert (checked.broken, checked.intents) == (None, 1)
        assert checked.events == len(found) + len(
            await house.events(
                (await house.ok("GET", "/v1/intents", house.agent))["intents"][0]["intent_id"]
            )
        )
        assert sum("admin." in one for one in table(house.store, "default")) == len(found)
        # One intent's export is that intent's alone.
        only = json.loads(export[0])["event"]
        alone = list(lines(house.store, "default", json.loads(only)["intent_id"]))
        assert not any("admin." in one for one in alone)


async def test_what_is_refused_or_changes_nothing_is_not_in_it(house: House) -> None:
    await house.refused(404, "DELETE", "/v1/teams/{name}", house.admin, name="none")
    await house.refused(404, "DELETE", "/v1/keys/{key_id}", house.admin, key_id="none")
    await house.refused(403, "PUT", "/v1/teams/{name}", house.ana, {"members": []}, name="pay")
    await house.refused(403, "GET", LOG, house.agent)
    await house.refused(422, "GET", LOG, house.admin, query={"before": "x"})
    await house.refused(422, "GET", LOG, house.admin, query={"limit": "0"})
    assert await log(house) == []
    # It is no intent, whatever asks for it.
    await house.ok("PUT", "/v1/teams/{name}", house.admin, {"members": []}, name="pay")
    for path in ("/v1/intents/{intent_id}", "/v1/intents/{intent_id}/events"):
        await house.refused(404, "GET", path, house.admin, intent_id="administration")
    assert (await house.ok("GET", "/v1/intents", house.admin))["intents"] == []


async def test_60_a_changed_or_missing_entry_is_found(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    async with opened(f"sqlite:///{database}") as house:
        await do_everything(house)
        whole = list(lines(house.store, "default"))
        assert verify(whole).broken is None
        for statement in (
            f"UPDATE events SET line = replace(line, 'cfo', 'ceo') {OURS}",
            f"DELETE FROM events {OURS} AND seq = 3",
            f"DELETE FROM events {OURS} AND seq = 15",
        ):
            with closing(sqlite3.connect(database, isolation_level=None)) as other:
                with pytest.raises(sqlite3.IntegrityError, match="only grows"):
                    other.execute(statement)
                other.execute("DROP TRIGGER IF EXISTS events_are_never_changed")
                other.execute("DROP TRIGGER IF EXISTS events_are_never_deleted")
                saved = other.execute(f"SELECT * FROM events {OURS}").fetchall()
                other.execute(statement)
                broken = verify(lines(house.store, "default")).broken
                assert broken is not None
                assert broken.intent_id == "administration"
                other.execute(f"DELETE FROM events {OURS}")
                marks = ", ".join("?" * len(saved[0]))
                other.executemany(f"INSERT INTO events VALUES ({marks})", saved)
                other.execute(
                    "CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events "
                    "BEGIN SELECT RAISE(ABORT, 'only grows'); END"
                )
                other.execute(
                    "CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events "
                    "BEGIN SELECT RAISE(ABORT, 'only grows'); END"
                )
            assert verify(lines(house.store, "default")).broken is None


async def test_two_replicas_write_one_chain(pg_url: str) -> None:
    async with opened(pg_url) as one, opened(pg_url, one.clock, keys=False) as other:
        other.admin = one.admin

        async def change(n: int) -> None:
            house = (one, other)[n % 2]
            body = {"members": [ANA]}
            await house.ok("PUT", "/v1/teams/{name}", house.admin, body, name=f"t{n}")

        await asyncio.gather(*map(change, range(20)))
        found = await log(one)
        assert [entry["seq"] for entry in found] == list(range(1, 21))
        assert verify(lines(one.store, "default")).broken is None


async def test_to_exempt_an_agent_from_the_limits_of_all_is_an_act(house: House) -> None:
    """Limits of its own that limit nothing take the place of those for every agent."""
    await house.ok("PUT", "/v1/limits/{agent}", house.admin, {"intents_per_day": 1}, agent="*")
    await house.ok("PUT", "/v1/limits/{agent}", house.admin, {}, agent=AGENT)
    assert [(one["event_type"], one["about"]) for one in await log(house)] == [
        ("admin.agent.limits_set", "*"),
        ("admin.agent.limits_set", AGENT),
    ]


@pytest.mark.parametrize("url", ["http://[", "https://a]b/", "http://?x", "http://:80/"])
async def test_an_address_that_is_none_is_written_all_the_same(house: House, url: str) -> None:
    await house.ok("PUT", "/v1/webhooks/{name}", house.admin, {"url": url}, name="ci")
    (entry,) = await log(house)
    assert entry["details"]["url"] == f"{url.partition(':')[0]}://?"


async def test_tenants_have_logs_of_their_own(house: House) -> None:
    other = await house.key("service", "admin", tenant="other")
    await house.ok("PUT", "/v1/policies/{name}", house.admin, {"quorum": 1}, name=TYPE)
    assert (await house.ok("GET", LOG, other))["entries"] == []
