"""Looking changes nothing, and what is secret stays so."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest

from holdshort.server.contract import ENDPOINTS

from .house import AGENT, ANA, House, database_in, opened
from .requests_for import query_for, things

pytestmark = pytest.mark.anyio

I = "/v1/intents/{intent_id}"  # noqa: E741


def rows(house: House) -> dict[str, list[Any]]:
    """Everything that is stored."""
    connection = sqlite3.connect(Path(house.database.removeprefix("sqlite:///")))
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        found = {
            name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}")))
            for (name,) in tables.fetchall()
        }
    finally:
        connection.close()
    return found


async def test_get_changes_nothing(house: House) -> None:
    """field.md 3.3, attack 1: whatever a scanner of links does, nothing is decided."""
    found = await things(house)
    ended = await house.ask(continuation=1)
    await house.decide(ended)
    house.clock.advance(7 * 3600)  # reminders and the escalation are due, and stay so
    before = rows(house)
    assert len(before["intents"]) == 2
    looked = 0
    for endpoint in ENDPOINTS:
        names = found.names(endpoint)
        for intent_id in {found.intent_id, ended}:
            path = endpoint.path.format(**names | {"intent_id": intent_id})
            for key in (None, house.agent, house.ana, house.admin):
                for method in ("GET", "HEAD", "OPTIONS"):
                    response = await house.http.request(
                        method,
                        path,
                        params=query_for(endpoint) | {"outcome": "approved", "decision": "yes"},
                        headers={"Authorization": f"Bearer {key}"} if key else {},
                    )
                    assert response.status_code < 500
                    looked += response.status_code == 200
    assert looked > 100
    assert rows(house) == before


class TestSecrets:
    async def test_no_key_is_in_the_database(self, tmp_path: Path) -> None:
        async with opened(database_in(tmp_path)) as house:
            body = {"role": "agent", "subject": AGENT, "name": "shown once"}
            made = await house.ok("POST", "/v1/keys", house.admin, body)
            secrets = [made["token"], house.agent, house.ana, house.admin]
            await house.ok("GET", "/v1/whoami", made["token"])
            listed = (await house.call("GET", "/v1/keys", house.admin)).text
            exported = (await house.call("GET", "/v1/audit/export", house.admin)).text
            metrics = (await house.call("GET", "/metrics")).text
            stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"shown once" in stored, "this is where it would be"
        for secret in secrets:
            bare = secret.split("_", 2)[2]
            assert secret.encode() not in stored
            assert bare.encode() not in stored
            assert secret not in listed + exported + metrics

    async def test_a_webhooks_secret_is_shown_once_and_rotated(self, house: House) -> None:
        path, body = "/v1/webhooks/{name}", {"url": "https://example.com/hook"}

        async def put(**more: Any) -> Any:
            return await house.ok("PUT", path, house.admin, body | more, name="ci")

        async def stored() -> list[str]:
            (entry,) = house.store.entries("default", "webhook")
            secrets: list[str] = entry.doc["secrets"]
            return secrets

        first = (await put())["secret"]
        assert first.startswith("whsec_")
        assert "secret" not in await put(events=["intent.decided"])
        assert await stored() == [first]
        second = (await put(rotate_secret=True))["secret"]
        assert await stored() == [second, first], "both sign until the receivers have changed over"
        third = (await put(rotate_secret=True))["secret"]
        assert await stored() == [third, second]
        for shown in ((await house.call("GET", "/v1/webhooks", house.admin)).text,):
            assert "whsec_" not in shown
            assert "secret" not in shown

    @pytest.mark.parametrize(
        "url",
        [
            "http://",
            "https:///x",
            "ftp://example.com",
            "example.com",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "",
        ],
    )
    async def test_a_webhook_has_a_web_address(self, house: House, url: str) -> None:
        error = await house.refused(
            422, "PUT", "/v1/webhooks/{name}", house.admin, {"url": url}, name="ci"
        )
        assert error["details"]["problems"][0]["field"] == "url"


class TestKeys:
    async def test_a_revoked_key_ends_at_once(self, house: House) -> None:
        asked = await house.ask()
        keys = (await house.ok("GET", "/v1/keys", house.admin))["keys"]
        (mine,) = [key["key_id"] for key in keys if key["subject"] == ANA]
        await house.ok("GET", "/v1/whoami", house.ana)
        await house.ok("DELETE", "/v1/keys/{key_id}", house.admin, key_id=mine)
        body = {"outcome": "approved"}
        await house.refused(401, "POST", f"{I}/decision", house.ana, body, intent_id=asked)
        assert (await house.look(asked))["status"] == "WAITING"

    async def test_a_key_says_whose_it_is(self, house: House) -> None:
        for body, field in (
            ({"role": "root", "subject": "x"}, "role"),
            ({"role": "system", "subject": "x"}, "role"),
            ({"role": "agent"}, "subject"),
            ({"role": "agent", "subject": ""}, "subject"),
            ({"role": "person", "subject": "not an address"}, "not an address"),
            ({"role": "person", "subject": "team:finance"}, "team:finance"),
            ({"role": "agent", "subject": "a", "owner": "nobody"}, "owner"),
            ({"role": "agent", "subject": "a", "tenant": "other"}, "tenant"),
        ):
            error = await house.refused(422, "POST", "/v1/keys", house.admin, body)
            assert field in error["message"]

    async def test_a_person_is_somebody(self, house: House) -> None:
        """Not a team: nobody decides as *finance*."""
        for path, body, name in (
            ("/v1/teams/{name}", {"members": [ANA, "team:finance"]}, "all"),
            ("/v1/teams/{name}", {"members": ["role:cfo"]}, "all"),
            ("/v1/people/{name}", {"roles": ["cfo"]}, "team:finance"),
            ("/v1/people/{name}", {}, "nobody"),
            ("/v1/teams/{name}", {"members": []}, "no team"),
        ):
            await house.refused(422, "PUT", path, house.admin, body, name=name)


class TestReadiness:
    async def test_the_database_is_gone(self, pg_url: str) -> None:
        name = pg_url.partition("@/")[2].partition("?")[0]
        other = pg_url.replace(f"@/{name}", "@/postgres")
        async with opened(pg_url) as house:
            asked = await house.ask()
            await house.ok("GET", "/ready")
            with psycopg.connect(other, autocommit=True) as connection:
                connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
                try:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                        [name],
                    )
                    response, error, metrics, _ = await asyncio.gather(
                        house.call("GET", "/ready"),
                        house.refused(503, "GET", I, house.agent, intent_id=asked),
                        house.call("GET", "/metrics"),
                        house.ok("GET", "/health"),
                    )
                    assert (response.status_code, metrics.status_code) == (503, 503)
                    assert response.json()["problem"]
                    assert error["code"] == "unavailable"
                finally:
                    connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await house.ok("GET", "/ready")
            await house.decide(asked)
