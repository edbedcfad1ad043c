"""Who may call what: exactly what the contract says, and an agent's key decides nothing."""

from __future__ import annotations

from typing import Any

import pytest

from holdshort.server.contract import ENDPOINTS, Endpoint

from .house import AGENT, ANA, BO, TYPE, House
from .requests_for import body_for, query_for, things

pytestmark = pytest.mark.anyio

I = "/v1/intents/{intent_id}"  # noqa: E741


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
async def test_the_roles_are_those_of_the_contract(endpoint: Endpoint, house: House) -> None:
    names = (await things(house)).names(endpoint)

    async def call(key: str | None) -> int:
        response = await house.call(
            endpoint.method,
            endpoint.path,
            key,
            body_for(endpoint),
            query=query_for(endpoint),
            **names,
        )
        return response.status_code

    refused = {401, 403, 404, 405}
    for wrong in (None, "hs_agent_unknown"):
        status = await call(wrong)
        assert status not in refused if not endpoint.roles else status == 401
    keys = {"agent": house.agent, "person": house.ana, "service": house.admin}
    # Those who may not come first: whoever may could end what the others ask for.
    for role in sorted(keys, key=lambda role: role in endpoint.roles):
        if endpoint.method == "DELETE":  # the one before has deleted it
            names = (await things(house)).names(endpoint)
        status = await call(keys[role])
        if endpoint.roles and role not in endpoint.roles:
            assert status == 403, role
        else:
            assert status not in refused, role
            assert status < 500, role


async def test_an_agent_decides_nothing(house: House) -> None:
    """field.md 3.3, attacks 17 and 18."""
    asked = await house.ask()
    person = {"role": "person", "subject": ANA}
    attempts: list[tuple[str, str, Any]] = [
        ("POST", f"{I}/decision", {"outcome": "approved"}),
        ("POST", f"{I}/claim", None),
        ("POST", f"{I}/release", None),
        ("POST", f"{I}/delegate", {"to": BO}),
        ("GET", "/v1/tasks", None),
        ("POST", "/v1/keys", person),
        ("GET", "/v1/keys", None),
        ("PUT", "/v1/people/{name}", {"roles": ["admin"]}),
        ("PUT", "/v1/teams/{name}", {"members": [ANA]}),
        ("PUT", "/v1/policies/{name}", {"fallback": "approve"}),
        ("PUT", "/v1/webhooks/{name}", {"url": "https://example.com"}),
        ("PUT", "/v1/settings", {"default_reviewers": [BO]}),
        ("GET", "/v1/audit/export", None),
        ("GET", "/v1/deliveries", None),
    ]
    for method, path, body in attempts:
        await house.refused(
            403, method, path, house.agent, body, intent_id=asked, name="team-or-person@acme.com"
        )
    error = await house.refused(
        403, "POST", "/v1/intents", house.agent,
        {"intent_type": TYPE, "to": ANA, "fallback": "approve"},
    )  # fmt: skip
    assert "only a policy" in error["message"]
    found = await house.look(asked)
    assert (found["status"], found["grant"]) == ("WAITING", None)
    assert found["steps"][0]["votes"] == []


async def test_a_service_key_is_no_person(house: House) -> None:
    asked = await house.ask()
    for path, body in (("decision", {"outcome": "approved"}), ("claim", None)):
        await house.refused(403, "POST", f"{I}/{path}", house.admin, body, intent_id=asked)


async def test_what_an_agent_invents_is_never_a_yes(house: House) -> None:
    asked = await house.ask(human_task={"allowed_outcomes": ["sure", "no_way"]})
    done = await house.decide(asked, "sure")
    assert not done["decision"]["approved"]
    assert (await house.look(asked))["grant"] is None


async def test_nothing_runs_before_a_yes(house: House) -> None:
    asked = await house.ask()
    digest = (await house.look(asked))["digest"]
    body = {"digest": digest, "attempt_id": "a"}
    error = await house.refused(409, "POST", f"{I}/consume", house.agent, body, intent_id=asked)
    assert error["details"]["reason"] == "pending"
    await house.decide(asked, "rejected")
    error = await house.refused(409, "POST", f"{I}/consume", house.agent, body, intent_id=asked)
    assert error["details"]["reason"] == "not_approved"


@pytest.mark.parametrize("field", ["decided_by", "actor", "tenant", "by", "person", "via", "role"])
async def test_who_decides_is_never_in_the_body(house: House, field: str) -> None:
    """field.md 3.3, attack 19."""
    asked = await house.ask()
    body = {"outcome": "approved", field: "bo@acme.com"}
    error = await house.refused(422, "POST", f"{I}/decision", house.ana, body, intent_id=asked)
    assert error["details"]["problems"][0]["field"] == field
    assert (await house.look(asked))["status"] == "WAITING"


@pytest.mark.parametrize(
    "field", ["agent", "tenant", "status", "owner", "key", "digest", "steps.x"]
)
async def test_who_asks_is_never_in_the_body(house: House, field: str) -> None:
    body = {"intent_type": TYPE, "to": ANA, field: "agent://evil/x/y"}
    error = await house.refused(422, "POST", "/v1/intents", house.agent, body)
    assert error["details"]["problems"][0]["field"] == field


async def test_headers_name_nobody(house: House) -> None:
    claims = {
        "x-principal-id": BO,
        "X-Forwarded-Email": BO,
        "X-Forwarded-User": BO,
        "X-Remote-User": BO,
        "X-Tenant": "other",
        "X-HTTP-Method-Override": "DELETE",
    }
    body = {"intent_type": TYPE, "to": ANA, "from_agent": "agent://evil/x/y"}
    filed = await house.ok("POST", "/v1/intents", house.agent, body, headers=claims)
    asked = filed["intent_id"]
    await house.ok(
        "POST", f"{I}/decision", house.ana, {"outcome": "approved"}, headers=claims, intent_id=asked
    )
    found = await house.look(asked)
    assert found["from_agent"] == AGENT
    assert found["result"]["decided_by"] == f"person:{ANA}"
    for key, status in ((None, 401), (house.agent, 403)):
        await house.refused(
            status, "POST", f"{I}/decision", key, {"outcome": "approved"},
            headers=claims, intent_id=asked,
        )  # fmt: skip


async def test_nobody_decides_what_their_own_agent_asks(house: House) -> None:
    """field.md 3.3, attack 20."""
    key = await house.key("agent", "agent://acme/production/anas", owner=ANA)
    asked = await house.ask(key, to=[ANA, BO])
    body = {"outcome": "approved"}
    error = await house.refused(403, "POST", f"{I}/decision", house.ana, body, intent_id=asked)
    assert error["details"]["rule"] == "separation_of_duties"
    handed = await house.ask(key, to=BO)
    await house.refused(403, "POST", f"{I}/delegate", house.bo, {"to": ANA}, intent_id=handed)
    await house.decide(asked, key=house.bo)


async def test_a_person_who_is_not_asked_sees_and_decides_nothing(house: House) -> None:
    asked = await house.ask()
    for path, body in (("decision", {"outcome": "approved"}), ("claim", None), ("release", None)):
        await house.refused(404, "POST", f"{I}/{path}", house.bo, body, intent_id=asked)
    await house.refused(404, "GET", I, house.bo, intent_id=asked)
    await house.decide(asked)
    await house.refused(
        404, "POST", f"{I}/decision", house.bo, {"outcome": "approved"}, intent_id=asked
    )


async def test_keys_go_in_either_header(house: House) -> None:
    for headers in ({"x-api-key": house.ana}, {"Authorization": f"bearer {house.ana}"}):
        assert (await house.ok("GET", "/v1/whoami", headers=headers))["subject"] == ANA
    for headers in (
        {},
        {"Authorization": "Bearer "},
        {"Authorization": house.ana},
        {"Authorization": f"Basic {house.ana}"},
        {"Authorization": f"Bearer {house.ana}x"},
        {"x-api-key": house.ana[:-1]},
        {"Authorization": "Bearer \xff\xfe"},
    ):
        response = await house.call(
            "GET", "/v1/whoami", headers={k: v.encode("latin-1") for k, v in headers.items()}
        )
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
